"""Splitting: nothing is lost, and nothing is shared."""

import copy
import datetime
import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events import tracker_from
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.event import Event
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IProcessor
from trackstore.events.processors.split import Split
from trackstore.tests.odd_events import json_events, json_like, odd_events


def sent(event, *processors):
    memory = MemoryBackend(limit=None)
    RoutingBackend({'memory': memory}, processors).send(event)
    return list(memory.events)


def test_an_event_an_element():
    at = datetime.datetime(2026, 11, 21, 20, 10, tzinfo=datetime.timezone.utc)
    event = Event(name='order.placed', timestamp=at, context={'user': 'ann'},
                  data={'order': 17, 'items': [{'id': 1}, 'tea']})
    parts = sent(event, Split('data.items', name='order.item'))
    assert parts == [
        {'name': 'order.item', 'timestamp': at, 'context': {'user': 'ann'},
         'data': {'order': 17, 'items': element}} for element in ({'id': 1}, 'tea')]
    assert [part.id for part in parts] == [f'{event.id}-1', f'{event.id}-2']
    assert list(parts[0]['data']) == ['order', 'items']


@pytest.mark.parametrize('data', [
    {}, {'items': None}, {'items': 'tea'}, {'items': {'a': 1}}, {'items.more': [1]},
    [1], None])
def test_an_event_without_a_list_goes_on(data):
    event = {'name': 'order.placed', 'data': data}
    assert sent(event, Split('data.items', name='order.item')) == [event]


def test_an_empty_list_gives_no_event():
    assert sent({'name': 'x', 'data': {'items': []}}, Split('data.items')) == []


def test_only_events_of_these_names():
    split = Split('data.items', events=['order.placed'])
    names = ['order.placed', 'order.paid', None, ['order.placed']]
    parts = [sent({'name': name, 'data': {'items': [1, 2]}}, split) for name in names]
    assert list(map(len, parts)) == [2, 1, 1, 1]
    assert [part['name'] for part in parts[0]] == ['order.placed'] * 2


def test_parts_share_nothing():
    shared = {'tags': ['new']}
    event = Event(name='x', data={'items': [shared, shared]}, context={'roles': ['a']})
    first, second = Split('data.items')(event)
    first['data']['items']['tags'].append('old')
    first['context']['roles'].append('b')
    assert second['data'] == {'items': {'tags': ['new']}}
    assert second['context'] == event['context'] == {'roles': ['a']}


def test_splitting_twice():
    event = Event(name='x', data={'orders': [{'items': (1, 2)}, {'items': [3]}]})
    parts = sent(event, Split('data.orders'), Split('data.orders.items', name='y'))
    assert [part['data']['orders']['items'] for part in parts] == [1, 2, 3]
    assert [part.id for part in parts] == [
        f'{event.id}-{numbers}' for numbers in ('1-1', '1-2', '2-1')]


def test_what_cannot_be_copied_goes_on_whole(caplog):
    cycle = []
    cycle.append(cycle)
    event = Event(name='x', data={'items': [1, 2], 'cycle': cycle})
    routing = RoutingBackend({'memory': MemoryBackend()}, [Split('data.items')])
    with caplog.at_level(logging.ERROR):
        routing.dispatch(event)
    [whole] = routing.backends['memory'].events
    assert whole['data']['items'] == [1, 2]
    assert 'nested more than' in caplog.text


paths = st.lists(st.sampled_from(['data', 'context', 'a', 'b', '1']), min_size=1,
                 max_size=3)


@given(event=json_events, path=paths, elements=st.lists(json_like, max_size=5))
def test_what_is_split_and_joined_is_complete(event, path, elements):
    mapping = event
    for key in path[:-1]:
        if type(mapping.get(key)) is not dict:
            mapping[key] = {}
        mapping = mapping[key]
    mapping[path[-1]] = elements
    before = copy.deepcopy(event)
    parts = sent(event, Split('.'.join(path)))
    assert repr(event) == repr(before)
    assert len(parts) == len(elements)
    assert [part.id.rpartition('-') for part in parts] == [
        (event.id, '-', str(number)) for number in range(1, len(parts) + 1)]
    for part, element in zip(parts, elements, strict=True):
        inner = part
        for key in path[:-1]:
            inner = inner[key]
        assert repr(inner[path[-1]]) == repr(element)
        inner[path[-1]] = elements
        assert repr(part) == repr(before)


@given(event=odd_events, path=paths)
def test_any_event_is_split_or_goes_on(event, path):
    result = Split('.'.join(path), name='part')(event)
    assert result is event or all(part['name'] == 'part' for part in result)


def test_in_a_configuration():
    tracker = tracker_from({
        'backends': {'memory': {
            'ENGINE': 'trackstore.events.backends.memory.MemoryBackend'}},
        'processors': [{'ENGINE': 'trackstore.events.processors.split.Split',
                        'OPTIONS': {'field': 'data.items', 'name': 'item',
                                    'events': ['order']}}]})
    tracker.emit('order', {'items': ['tea', 'milk']})
    assert [(event['name'], event['data']) for event in
            tracker.get_backend('memory').events] == [
        ('item', {'items': 'tea'}), ('item', {'items': 'milk'})]


@pytest.mark.parametrize('options, message', [
    ({'field': 'data.*'}, "field: 'data.*' has an asterisk; wanted is the path of one"),
    ({'field': None}, 'field: None is no path of a field'),
    ({'field': 'data.items', 'name': 17},
     "name: 17 is no text; wanted is a name like 'order.item'"),
    ({'field': 'data.items', 'events': 'order.placed'},
     "events: 'order.placed' is no list of texts; wanted is one like ['order.placed']"),
])
def test_options_that_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=f'^{re.escape(message)}'):
        Split(**options)


def test_contracts():
    verifyClass(IProcessor, Split)
    verifyObject(IProcessor, Split('data.items'))
