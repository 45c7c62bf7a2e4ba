"""CloudEvents against the rules of the standard, and against its own package."""

import datetime
import json
import re

import jsonschema
import pytest
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from trackstore.events.event import Event
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.processors.exceptions import EventRefused
from trackstore.events.transformers.cloudevents import CloudEventsProcessor
from trackstore.tests.odd_events import odd, odd_events

NOON = datetime.datetime(2026, 11, 21, 12, 0, 0, 5, tzinfo=datetime.timezone.utc)

TEXT = {'type': 'string', 'minLength': 1,
        'pattern': '^[^\u0000-\u001f\u007f-\u009f\ud800-\udfff\ufdd0-\ufdef\ufffe'
                   '\uffff\U0001fffe\U0001ffff\U0010fffe\U0010ffff]*$'}
ATTRIBUTE = {'anyOf': [
    {**TEXT, 'minLength': 0}, {'type': 'boolean'},
    {'type': 'integer', 'minimum': -2147483648, 'maximum': 2147483647}]}

#: What the JSON format of version 1.0 demands.
SCHEMA = jsonschema.Draft202012Validator({
    'type': 'object',
    'required': ['id', 'source', 'specversion', 'type'],
    'properties': {
        'id': TEXT,
        'source': {'type': 'string', 'pattern':
                   r"^([A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+$"},
        'specversion': {'const': '1.0'},
        'type': TEXT,
        'datacontenttype': {**TEXT, 'pattern': r'^[\w.+-]+/[\w.+-]+(;.*)?$'},
        'dataschema': {**TEXT, 'pattern': r'^[A-Za-z][A-Za-z0-9+.-]*:\S+$'},
        'subject': TEXT,
        'time': {'type': 'string', 'pattern':
                 r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$'},
        'data': {},
    },
    'propertyNames': {'pattern': '^[a-z0-9]+$'},
    'additionalProperties': ATTRIBUTE,
})


def read(made):
    """Return a CloudEvent as the package of the standard reads it."""
    SCHEMA.validate(made)
    return JSONFormat().read(CloudEvent, json.dumps(made))


def test_what_an_event_becomes():
    event = Event(name='order.placed', timestamp=NOON, data={'order': 17},
                  context={'user_id': 'ann'}, type='order.placed/2')
    made = CloudEventsProcessor('/shop')(event)
    assert made == {
        'specversion': '1.0', 'id': event.id, 'source': '/shop', 'type': 'order.placed',
        'time': '2026-11-21T12:00:00.000005Z', 'datacontenttype': 'application/json',
        'data': {'data': {'order': 17}, 'context': {'user_id': 'ann'},
                 'type': 'order.placed/2'}}
    theirs = read(made)
    assert theirs.get_id() == event.id and theirs.get_time() == NOON
    assert theirs.get_data() == made['data']


def test_options():
    processor = CloudEventsProcessor(
        'https://example.org/shop', prefix='org.example.',
        subject=['data.order', 'context.user_id'],
        extensions={'userid': 'context.user_id', 'big': 'data.big', 'vip': 'data.vip',
                    'count': 'data.count', 'rate': 'data.rate', 'tags': 'data.tags',
                    'day': 'data.day', 'none': 'data.none', 'line': 'data.line'})
    made = processor(Event(name='order.placed', context={'user_id': 'ann'}, data={
        'order': 17, 'big': 2 ** 31, 'vip': True, 'count': -2 ** 31, 'rate': 0.5,
        'tags': ['é', 1], 'day': datetime.date(2026, 11, 21), 'line': 'a\nb\uffff'}))
    assert {name: made[name] for name in made if name not in ('data', 'id')} == {
        'specversion': '1.0', 'source': 'https://example.org/shop',
        'type': 'org.example.order.placed', 'subject': '17',
        'datacontenttype': 'application/json', 'userid': 'ann', 'big': '2147483648',
        'vip': True, 'count': -2147483648, 'rate': '0.5', 'tags': '["é", 1]',
        'day': '2026-11-21', 'line': 'a\ufffdb\ufffd'}
    assert read(made).get_extension('userid') == 'ann'


def test_without_a_value_there_is_no_attribute():
    processor = CloudEventsProcessor(
        '/shop', subject='data.order', extensions={'userid': 'context.user_id'})
    for data in ({}, {'order': None}, {'order': ''}):
        made = processor(Event(name='', data=data, timestamp='noon'))
        assert set(made) == {
            'specversion', 'id', 'source', 'type', 'datacontenttype', 'data'}
        assert made['type'] == 'unknown'


def test_what_a_transformer_says_is_laid_over():
    processor = CloudEventsProcessor('/shop', transformers={
        'order.*': lambda event: {
            'type': 'org.example.order', 'dataschema': 'https://example.org/order.json',
            'data': {'number': event['data']['order'], 'on': datetime.date.max},
            'priority': 7, 'when': NOON, 'time': None}})
    made = processor(Event(name='order.placed', timestamp=NOON, data={'order': 17}))
    assert {name: made[name] for name in made if name != 'id'} == {
        'specversion': '1.0', 'source': '/shop', 'type': 'org.example.order',
        'dataschema': 'https://example.org/order.json', 'priority': 7,
        'when': '2026-11-21T12:00:00.000005+00:00',
        'datacontenttype': 'application/json',
        'data': {'number': 17, 'on': '9999-12-31'}}
    read(made)
    assert processor(Event(name='user.gone'))['type'] == 'user.gone'


@pytest.mark.parametrize('said, message', [
    ({'id': ''}, "id: '' is not a text without control characters that is not empty"),
    ({'type': 'a\nb'}, r"type: 'a\nb' is not a text without control"),
    ({'subject': 17}, 'subject: 17 is not a text'),
    ({'specversion': '0.3'}, "specversion: '0.3' is not '1.0'"),
    ({'source': 'a b'}, "source: 'a b' is not a URI reference"),
    ({'source': None}, 'source: it is not given, and is required'),
    ({'dataschema': 'order.json'}, "dataschema: 'order.json' is not an absolute URI"),
    ({'time': 'noon'}, "time: 'noon' is not a time like '2026-11-21T20:10:00Z'"),
    ({'user_id': 'ann'}, "the name of an attribute: 'user_id' is not of small letters"),
])
def test_what_the_standard_refuses(said, message):
    processor = CloudEventsProcessor('/shop', transformers={'*': lambda event: said})
    with pytest.raises(EventRefused) as caught:
        processor(Event(name='x'))
    assert str(caught.value).startswith(f'it makes no CloudEvent: {message}')


@given(event=odd_events, said=st.dictionaries(
    st.from_regex('[a-z0-9]{1,5}', fullmatch=True).filter(
        lambda name: name not in ('id', 'type', 'time')), odd, max_size=3))
def test_any_event_is_one_that_others_can_read(event, said):
    processor = CloudEventsProcessor(
        '/shop', subject='data.user', transformers={'order*': lambda event: said},
        extensions={'userid': 'context.user_id', 'all': 'data', 'items': 'data.items'})
    made = processor(event)
    theirs = read(made)
    assert theirs.get_id() == event.id
    assert theirs.get_data() == made['data']


@pytest.mark.parametrize('options, message', [
    ({'source': ''}, "source: '' is no URI reference; wanted is one like "
                     "'https://example.org/shop' or '/shop'"),
    ({'source': 'the shop'}, "source: 'the shop' is no URI reference"),
    ({'source': None}, 'source: None is no URI reference'),
    ({'prefix': 17}, "prefix: 17 cannot stand before names; wanted is text like "
                     "'org.example.'"),
    ({'prefix': 'a\n'}, r"prefix: 'a\n' cannot stand before names"),
    ({'subject': 17}, 'subject: 17 is no path of a field'),
    ({'subject': []}, 'subject: [] is no path of a field'),
    ({'extensions': ['userid']},
     "extensions: ['userid'] is no mapping; wanted is one of names to paths, like "
     "{'userid': 'context.user_id'}"),
    ({'extensions': {'user_id': 'context.user_id'}},
     "extensions: 'user_id' cannot be the name of an attribute; allowed are small "
     'letters and digits'),
    ({'extensions': {'userId': 'context.user_id'}}, "extensions: 'userId' cannot be"),
    ({'extensions': {'subject': 'context.user_id'}},
     "extensions: 'subject' is a name of the standard; wanted is another"),
    ({'extensions': {'data': 'data'}}, "extensions: 'data' is a name of the standard"),
    ({'extensions': {'userid': 'context.*'}},
     "extensions['userid']: 'context.*' has an asterisk"),
    ({'transformers': 17}, 'transformers: 17 has no transformers'),
])
def test_options_that_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=f'^{re.escape(message)}'):
        CloudEventsProcessor(**{'source': '/shop', **options})
