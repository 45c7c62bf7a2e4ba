"""Fields by path: found wherever they are, and gone without a trace."""

import collections
import datetime
import hashlib
import hmac
import json
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from persistent.mapping import PersistentMapping
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.event import Event
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IProcessor
from trackstore.events.processors.exceptions import EventEmissionExit
from trackstore.events.processors.fields import (
    DropFields,
    Fields,
    HashFields,
    MaskFields,
    RenameFields,
    SetFields,
)
from trackstore.jsonsafe import json_safe
from trackstore.tests.odd_events import (
    Broken,
    Card,
    Model,
    Pair,
    Words,
    keys,
    marks,
    odd,
    odd_events,
)
from trackstore.tests.waiting import LONG

NOON = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)
SECRET = 'a secret of the shop'


def masked(data, field):
    event = Event(name='x', data=data, context={})
    assert MaskFields([f'data.{field}'])(event) is event
    return event['data']


# where fields are

@pytest.mark.parametrize('data, field, result', [
    ({'user': {'email': 1}}, 'user.email', {'user': {'email': '***'}}),
    ({'user': {'name': 1}}, 'user.email', {'user': {'name': 1}}),
    ({'user': {'email': {'at': [1]}}}, 'user.email', {'user': {'email': '***'}}),
    ({'user': None}, 'user.email', {'user': None}),
    ({'user': 'ann'}, 'user.email', {'user': 'ann'}),
    # any key, any element
    ({'a': {'email': 1}, 'b': {'email': 2}, 'c': 3}, '*.email',
     {'a': {'email': '***'}, 'b': {'email': '***'}, 'c': 3}),
    ({'a': [1, 2]}, 'a.*', {'a': ['***', '***']}),
    ({'a': {'x': 1}}, 'a.*', {'a': {'x': '***'}}),
    ({'a': 1}, 'a.*', {'a': 1}),
    ({'a': [{'x': 1}, {'x': 2}, 3]}, 'a.*.x', {'a': [{'x': '***'}, {'x': '***'}, 3]}),
    # lists are looked through
    ({'a': [{'x': 1}, [{'x': 2}]]}, 'a.x', {'a': [{'x': '***'}, [{'x': '***'}]]}),
    ({'a': [[{'x': 1}]]}, 'a.*.x', {'a': [[{'x': '***'}]]}),
    ({'a': [{'b': {'x': 1}}, [{'b': {'x': 2}}]]}, 'a.*.*.x',
     {'a': [{'b': {'x': '***'}}, [{'b': {'x': '***'}}]]}),
    ({'a': [1, 2]}, 'a.1', {'a': [1, '***']}),
    # keys with dots
    ({'user.email': 1}, 'user.email', {'user.email': '***'}),
    ({'a.b': {'c.d': 1}, 'a': {'b.c': {'d': 2}}}, 'a.b.c.d',
     {'a.b': {'c.d': '***'}, 'a': {'b.c': {'d': '***'}}}),
    ({'a.b': {'x': 1}}, '*.x', {'a.b': {'x': '***'}}),
    ({'a.b': 1}, 'a.*', {'a.b': '***'}),
    ({'a.b.c': 1}, 'a.b', {'a.b.c': 1}),
    # keys that are no text
    ({1: {'x': 1}, b'x': {'x': 2}}, '1.x', {1: {'x': '***'}, b'x': {'x': 2}}),
    ({b'email': 1}, 'email', {b'email': '***'}),
    ({datetime.date(2026, 11, 21): 1}, '2026-11-21',
     {datetime.date(2026, 11, 21): '***'}),
    # other containers
    ({'a': ({'x': 1}, 2)}, 'a.x', {'a': [{'x': '***'}, 2]}),
    ({'a': Words(x=1)}, 'a.x', {'a': {'x': '***'}}),
    ({'a': PersistentMapping(x=1)}, 'a.x', {'a': {'x': '***'}}),
    ({'a': collections.deque([{'x': 1}])}, 'a.x', {'a': [{'x': '***'}]}),
    ({'a': {'b', 'c'}}, 'a.*', {'a': ['***', '***']}),
    ({'a': Card('mail')}, 'a.email', {'a': {'email': '***'}}),
    ({'a': Pair('mail', 'ann')}, 'a.email', {'a': {'email': '***', 'user': 'ann'}}),
    # what is on the way and cannot be looked into
    ({'a': Model('mail')}, 'a.email', {'a': '<trackstore.tests.odd_events.Model>'}),
    ({'a': Broken()}, 'a.email', {'a': '<trackstore.tests.odd_events.Broken>'}),
    ({'a': ValueError('mail')}, 'a.email', {'a': '<builtins.ValueError>'}),
    ({'a': datetime.date.min, 'b': b'x'}, '*.email',
     {'a': datetime.date.min, 'b': b'x'}),
])
def test_what_a_path_means(data, field, result):
    assert masked(data, field) == result


def test_objects_that_a_path_does_not_pass_are_left_alone():
    model = Model('mail')
    event = Event(data={'model': model, 'card': 1})
    MaskFields(['data.card.number', 'context.model.email', 'data.user'])(event)
    assert event['data']['model'] is model


def test_the_keys_of_the_event_itself():
    event = Event(name='x', data={}, context={'user': 'ann'}, timestamp=1)
    DropFields(['context', 'timestamp'])(event)
    MaskFields(['name'])(event)
    assert event == {'name': '***', 'data': {}, 'context': {}}


def test_what_is_inside_itself_has_an_end():
    inner = [{'email': 1}]
    inner += [inner, inner]
    cycle = {'email': 2, 'list': inner}
    cycle['user'] = cycle
    event = Event(data=cycle)
    MaskFields(['data.list.email', 'data.*.email', 'data.*.*.*.email'])(event)
    assert cycle['email'] == inner[0]['email'] == '***'
    RenameFields({'data.user': 'context.user'})(event)
    assert 'user' not in cycle and event['context']['user'] is cycle


@given(path=st.lists(keys.filter(bool), min_size=1, max_size=4), value=marks,
       wild=st.lists(st.booleans(), min_size=4, max_size=4), event=odd_events,
       shapes=st.lists(st.sampled_from(
           ['nested', 'list', 'tuple', 'deep', 'words', 'persistent']),
           min_size=4, max_size=4))
@pytest.mark.parametrize('how', ['mask', 'drop', 'hash'])
def test_nothing_of_a_hidden_value_is_left(how, path, value, wild, event, shapes):
    shape = {
        'nested': lambda inner: inner, 'list': lambda inner: [0, inner],
        'tuple': lambda inner: (inner, 'x'), 'deep': lambda inner: [[], ([inner],)],
        'words': lambda inner: Words(inner) if type(inner) is dict else inner,
        'persistent': lambda inner: (
            PersistentMapping(inner) if type(inner) is dict else inner),
    }
    held = {'mail': [value]}
    for key, kind in zip(reversed(path), shapes, strict=False):
        held = {key: shape[kind](held)}
    event['data'] = held
    keys_of_path = [part for key in path for part in key.split('.')]
    if not all(keys_of_path):  # no path can say this
        return
    asked = ['*' if asterisk or '*' in key else key
             for key, asterisk in zip(keys_of_path, [*wild, *wild, *wild],
                                      strict=False)]
    if len(asked) < len(keys_of_path):
        asked += ['*'] * (len(keys_of_path) - len(asked))
    field = '.'.join(['data', *asked])
    processor = {'mask': MaskFields([field]), 'drop': DropFields([field]),
                 'hash': HashFields([field], SECRET)}[how]
    processor(event)
    assert value not in json.dumps(json_safe(event, None))
    assert value not in _everything(event)


def _everything(value):
    """Return all the text that a value has, of objects without a repr, too."""
    if isinstance(value, dict):
        return ' '.join(_everything(part) for item in value.items() for part in item)
    if isinstance(value, (list, tuple, set, collections.deque)):
        return ' '.join(map(_everything, value))
    if isinstance(value, PersistentMapping):
        return _everything(dict(value))
    if isinstance(value, (Card, Model)):
        return _everything(vars(value))
    return '' if isinstance(value, Broken) else repr(value)


paths = st.lists(st.one_of(st.sampled_from(
    ['data', 'context', 'name', 'timestamp', '*', 'email', 'user', 'items', '0', 'a',
     'b'])), min_size=1, max_size=4).map('.'.join)


@given(event=odd_events, fields=st.lists(paths, min_size=1, max_size=2),
       other=paths, constant=odd)
def test_any_event_comes_out_or_is_dropped(event, fields, other, constant):
    made = [MaskFields(fields), DropFields(fields), HashFields(fields, SECRET)]
    for options in ({fields[0]: other}, {other: fields[-1]}):
        try:
            made.append(RenameFields(options))
        except ConfigurationError as error:
            assert '*' in str(error) or 'itself' in str(error)
    if '*' not in other:
        made += [SetFields({other: constant}), SetFields({other: 1}, overwrite=False)]
    for processor in made:
        own = event.copy()
        try:
            assert processor(own) is own
        except EventEmissionExit as reason:
            pytest.fail(f'dropped: {reason}')


def test_an_event_is_dropped_where_hiding_fails(caplog):
    class Failing(dict):
        def __iter__(self):
            raise LookupError('ann@example.org')

    class Hiding(Fields):
        def change(self, event):
            raise LookupError('ann@example.org')

    for processor in (MaskFields(['data.email']), Hiding()):
        event = Failing(name='x', data={'email': 'ann@example.org'})
        with pytest.raises(EventEmissionExit) as caught:
            processor(event)
        assert caught.value.__cause__ is None and caught.value.__suppress_context__
    memory = MemoryBackend()
    RoutingBackend({'memory': memory}, [Hiding()]).send({'name': 'x', 'data': {}})
    assert not memory.events
    assert [record.getMessage() for record in caplog.records] == [
        'MaskFields failed with LookupError; the event is dropped',
        *['Hiding failed with LookupError; the event is dropped'] * 2]
    assert 'ann' not in caplog.text


# each processor

def changed(processor, data, **rest):
    event = Event(name='x', data=data, **rest)
    processor(event)
    return {key: event[key] for key in event if key != 'name'}


def test_dropping():
    assert changed(DropFields(['data.a', 'data.items.*.card', 'data.list.1']), {
        'a': 1, 'items': [{'card': 1, 'id': 1}, {'card': 2}], 'list': [1, 2, 3]}) == {
        'data': {'items': [{'id': 1}, {}], 'list': [1, 3]}}
    assert changed(DropFields(['data.a.*']), {'a': [1, [2, 3], 4], 'b': 5}) == {
        'data': {'a': [], 'b': 5}}
    assert changed(DropFields(['data.*.*']), {'a': [[1, 2], 3], 'b': {'c': 1}}) == {
        'data': {'a': [], 'b': {}}}


@pytest.mark.parametrize('processor', [
    DropFields(['data', 'context']), DropFields(['*']),
    RenameFields({'data': 'rest.data', 'context': 'rest.context'})])
def test_an_event_stays_one_without_its_data_and_context(processor):
    event = Event(name='x', timestamp=NOON, data={'n': 1}, context={'user': 'ann'})
    processor(event)
    assert (event['data'], event['context']) == ({}, {})
    statement = Event(id='x', actor={}, context={'language': 'en'})
    processor(statement)
    assert 'context' not in statement


def test_masking_with_another_text():
    assert changed(MaskFields(['data.a'], mask=''), {'a': 1}) == {'data': {'a': ''}}


def test_pseudonyms_are_stable_and_keyed():
    hashing = HashFields(['data.*', 'context.user.email'], SECRET)
    out = changed(hashing, {
        'a': 'ann', 'b': 'ben', 'c': 17, 'd': '17', 'e': None, 'f': '', 'g': 0},
                  context={'user': {'email': 'ann'}})
    data = out['data']
    assert data['a'] == out['context']['user']['email'] == hashing.pseudonym('ann')
    assert data['c'] == data['d'] and data['e'] is None
    assert len({data['a'], data['b'], data['c']}) == 3
    assert data['a'] == hmac.new(
        SECRET.encode(), b'ann', hashlib.sha256).hexdigest()[:32]
    assert all(re.fullmatch('[0-9a-f]{32}', data[key]) for key in 'abcdfg')
    other = HashFields(['data.*'], SECRET + '!')
    assert other.pseudonym('ann') != data['a']
    assert HashFields(['data.*'], SECRET.encode()).pseudonym('ann') == data['a']
    long = HashFields(['data.*'], SECRET, length=64).pseudonym('ann')
    assert len(long) == 64 and long.startswith(data['a'])


def test_pseudonyms_of_other_values():
    pseudonym = HashFields(['data'], SECRET).pseudonym
    values = ['', 'a', 1, 1.5, True, False, [], {}, [1], ['1'], {'a': 1}, {'a': '1'},
              {'b': 1}, datetime.date(2026, 11, 21), Broken()]
    assert len({pseudonym(value) for value in values}) == len(values)
    assert pseudonym({'a': 1, 'b': 2}) == pseudonym({'b': 2, 'a': 1})
    assert pseudonym(('a', 'b')) == pseudonym(['a', 'b'])
    assert pseudonym('ann\ud800')


def test_a_pseudonym_is_the_same_in_another_process(monkeypatch):
    monkeypatch.setenv('SHOP_KEY', SECRET)
    code = ('from trackstore.events.processors.fields import HashFields\n'
            'hashing = HashFields(["data"], key_variable="SHOP_KEY")\n'
            'print(hashing.pseudonym({"b", "a"}))')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          timeout=LONG, check=True)
    assert done.stdout.strip() == HashFields(['data'], SECRET).pseudonym({'a', 'b'})


@pytest.mark.parametrize('fields, data, result', [
    ({'data.mail': 'data.email'}, {'mail': 1}, {'email': 1}),
    ({'data.mail': 'data.email'}, {'mail': 1, 'email': 2}, {'email': 1}),
    ({'data.mail': 'data.email'}, {'email': 2}, {'email': 2}),
    ({'data.a.mail': 'data.a.email'}, {'a.mail': 1, 'a': [{'mail': 2}]},
     {'a.email': 1, 'a': [{'email': 2}]}),
    ({'data.*.mail': 'data.*.email'}, {'a': {'mail': 1}, 'b': [{'mail': 2}], 'c': 3},
     {'a': {'email': 1}, 'b': [{'email': 2}], 'c': 3}),
    ({'data.a.b': 'data.c'}, {'a': {'b': [1]}}, {'a': {}, 'c': [1]}),
    ({'data.a': 'data.b.c.d'}, {'a': 1}, {'b': {'c': {'d': 1}}}),
    ({'data.a': 'data.b.c'}, {'a': 1, 'b': None}, {'b': {'c': 1}}),
    ({'data.a': 'data.b.c.d'}, {'a': 1, 'b': {'c': 2}}, {'b': {'c': 2, 'c.d': 1}}),
    ({'data.a.x': 'data.xs'}, {'a': [{'x': 1}, {'x': 2}]},
     {'a': [{}, {}], 'xs': [1, 2]}),
    ({'data.a.*': 'data.all'}, {'a': [1, [2, 3]]}, {'a': [], 'all': [1, [2, 3]]}),
    ({'data.a.*.*': 'data.all'}, {'a': [[1], [[2, 3]]]},
     {'a': [[], []], 'all': [1, [2, 3]]}),
    ({'data.a.*': 'data.all'}, {'a': [1]}, {'a': [], 'all': [1]}),
    ({'data.a.*': 'data.all'}, {'a': []}, {'a': []}),
    ({'data.a.0': 'data.a.first'}, {'a': [1, 2]}, {'a': [1, 2]}),
    ({'data.a': 'data.b', 'data.b': 'data.c'}, {'a': 1, 'b': 2}, {'c': 1}),
    ({'data.1': 'data.one'}, {1: 'x'}, {'one': 'x'}),
])
def test_renaming(fields, data, result):
    assert changed(RenameFields(fields), data) == {'data': result}


def test_what_is_renamed_can_be_hidden_under_its_new_path():
    for data in ({'a': 'ann'}, {'a': 'ann', 'b': 17}, {'a': 'ann', 'b': [1]},
                 {'a': 'ann', 'b': {'c': 1}}):
        event = Event(data=data)
        RenameFields({'data.a': 'data.b.c'})(event)
        MaskFields(['data.b.c'])(event)
        assert 'ann' not in repr(event) and '***' in repr(event)


def test_constants():
    value = {'tags': []}
    setting = SetFields({'context.site': 'shop', 'data.more.info': value, 'version': 2})
    events = [Event(name='x', data={'more': 17}, context={'site': 'old'}) for _ in 'ab']
    for event in events:
        setting(event)
        value['tags'].append('later')
        assert event == {'name': 'x', 'data': {'more': 17, 'more.info': {'tags': []}},
                         'context': {'site': 'shop'}, 'version': 2}
        event['data']['more.info']['tags'].append('another')


def test_constants_that_do_not_overwrite():
    setting = SetFields({'data.a': 1, 'data.b.c': 2, 'data.d': 3}, overwrite=False)
    assert changed(setting, {'a': None, 'b': [{'c': 5}]}) == {
        'data': {'a': None, 'b': [{'c': 5}], 'd': 3}}


def test_contracts():
    for processor in (MaskFields(['a']), DropFields(['a']), HashFields(['a'], SECRET),
                      RenameFields({'a': 'b'}), SetFields({'a': 1})):
        verifyClass(IProcessor, type(processor))
        verifyObject(IProcessor, processor)
