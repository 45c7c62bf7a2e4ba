"""Caliper events and envelopes against the rules of the standard."""

import datetime
import json
import re

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstore.events.event import Event
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.processors.exceptions import EventRefused
from trackstore.events.transformers.caliper import CaliperProcessor, envelope
from trackstore.events.transformers.statement import uuid_of
from trackstore.testing import frozen_clock
from trackstore.tests.odd_events import odd, odd_events

NOON = datetime.datetime(2026, 11, 21, 12, 0, 0, 5999, tzinfo=datetime.timezone.utc)
SENSOR = 'https://example.org/sensors/shop'
VERSION = 'http://purl.imsglobal.org/ctx/caliper/v1p2'

IRI = {'type': 'string', 'pattern': r'^[A-Za-z][A-Za-z0-9+.-]*:\S+$'}
TERM = {'type': 'string', 'pattern': '^[A-Z][A-Za-z0-9]*$'}
TIME = {'type': 'string',
        'pattern': r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$'}
NODE = {'anyOf': [IRI, {'type': 'string', 'pattern': r'^_:[^\s:]+$'}]}
ENTITY = {'anyOf': [IRI, {'type': 'object', 'required': ['id', 'type'],
                          'properties': {'id': NODE, 'type': TERM}}]}
EVENT = {
    'type': 'object',
    'required': ['@context', 'id', 'type', 'actor', 'action', 'object', 'eventTime'],
    'additionalProperties': False,
    'properties': {
        '@context': {'anyOf': [{'const': VERSION}, {
            'type': 'array', 'contains': {'const': VERSION}}]},  # as the last one
        'id': {'type': 'string', 'pattern':
               '^urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$'},
        'type': TERM, 'action': TERM, 'profile': TERM, 'eventTime': TIME,
        'actor': ENTITY, 'object': ENTITY, 'target': ENTITY, 'generated': ENTITY,
        'edApp': ENTITY, 'referrer': ENTITY, 'group': ENTITY, 'membership': ENTITY,
        'session': ENTITY, 'federatedSession': ENTITY, 'extensions': {'type': 'object'},
    },
}
ENVELOPE = {
    'type': 'object',
    'required': ['sensor', 'sendTime', 'dataVersion', 'data'],
    'additionalProperties': False,
    'properties': {
        'sensor': IRI, 'sendTime': TIME, 'dataVersion': {'const': VERSION},
        'data': {'type': 'array', 'minItems': 1, 'items': EVENT}},
}

ANN = {'id': 'https://example.org/ann', 'type': 'Person'}
TEA = {'id': 'https://example.org/tea', 'type': 'WebPage', 'name': 'Tea'}
PLAIN = {'type': 'ViewEvent', 'action': 'Viewed', 'actor': ANN, 'object': TEA}


def made_of(said, actor=None, sensor=None, **event):
    event = Event(**{'name': 'x', 'timestamp': NOON, **event})
    return CaliperProcessor({'*': lambda event: said}, actor, sensor)(event), event


def valid(made, schema=EVENT):
    jsonschema.Draft202012Validator(schema).validate(json.loads(json.dumps(made)))
    return made


def test_what_a_transformer_says_is_completed():
    made, event = made_of(PLAIN)
    assert valid(made) == {
        **PLAIN, '@context': VERSION, 'id': f'urn:uuid:{uuid_of(event.id)}',
        'eventTime': '2026-11-21T12:00:00.005Z'}
    assert list(made) == [
        '@context', 'id', 'type', 'actor', 'action', 'object', 'eventTime']


def test_datetimes_are_written_as_the_standard_has_them():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    made, _ = made_of({**PLAIN, 'eventTime': NOON, 'object': {
        **TEA, 'dateCreated': NOON.astimezone(zone),
        'versions': [NOON.replace(tzinfo=None)], 'day': NOON.date()}})
    assert valid(made)['eventTime'] == '2026-11-21T12:00:00.005Z'
    assert made['object'] == {
        **TEA, 'dateCreated': '2026-11-21T12:00:00.005Z',
        'versions': ['2026-11-21T12:00:00.005Z'], 'day': '2026-11-21'}


def test_an_envelope():
    with frozen_clock('2026-11-21 20:10'):
        made, event = made_of(PLAIN, sensor=SENSOR)
    assert valid(made, ENVELOPE) == {
        'sensor': SENSOR, 'sendTime': '2026-11-21T20:10:00.000Z',
        'dataVersion': VERSION, 'data': [made_of(PLAIN)[0] | {
            'id': f'urn:uuid:{uuid_of(event.id)}'}]}
    assert made.id == event.id


def test_an_envelope_of_many():
    events = [made_of(PLAIN)[0] for _ in 'abc']
    made = valid(envelope(events, SENSOR), ENVELOPE)
    assert made['data'] == events
    with pytest.raises(ConfigurationError, match="^sensor: 'shop' is no IRI; wanted"):
        envelope(events, 'shop')


def test_without_a_time_stamp_it_is_now():
    with frozen_clock('2026-11-21 20:10'):
        made, _ = made_of(PLAIN, timestamp=None)
    assert made['eventTime'] == '2026-11-21T20:10:00.000Z'


def test_the_actor_that_all_have():
    def actor(event):
        return {'id': f'https://example.org/{event["context"]["user"]}',
                'type': 'Person'}

    said = {**PLAIN, 'actor': None}
    assert made_of(said, actor, context={'user': 'ben'})[0]['actor']['id'] == (
        'https://example.org/ben')
    assert made_of(PLAIN, actor)[0]['actor'] == ANN


def test_what_it_says_itself_stays():
    said = {**PLAIN, 'id': 'urn:uuid:b9c4a3f2-6f1f-4a50-9f0c-0d5f0e4f6a11',
            'eventTime': '2026-11-20T12:00:00.000Z', 'profile': 'ReadingProfile',
            '@context': ['https://example.org/context', {}, VERSION],
            'edApp': 'https://example.org/shop', 'session': {
                'id': '_:session1', 'type': 'Session'},
            'extensions': {'price': 3}}
    assert valid(made_of(said)[0]) == said


def test_what_is_none_or_empty_is_left_out():
    made, _ = made_of({**PLAIN, 'target': None, 'extensions': {}, 'group': ''})
    assert not {'target', 'extensions', 'group'} & set(valid(made))


@pytest.mark.parametrize('changes, message', [
    ({'actor': None}, 'actor: it is not given, and is required'),
    ({'type': ''}, 'type: it is not given'), ({'action': None}, 'action: it is not'),
    ({'object': []}, 'object: it is not given'),
    ({'price': 3},
     "event: 'price' is not a property of it; what is none belongs into extensions"),
    ({'@context': 'http://purl.imsglobal.org/ctx/caliper/v1p1'},
     f"@context: '.*v1p1' is not '{VERSION}', nor a list with that at its end"),
    ({'@context': [VERSION, 'https://example.org/context']}, r'@context: \['),
    ({'actor': '_:ann'}, "actor: '_:ann' is not an entity, nor the IRI of one"),
    ({'actor': {**ANN, 'id': '_:'}}, "actor.id: '_:' is not an IRI, nor a blank node"),
    ({'id': 'x'}, "id: 'x' is not a UUID as a URN"),
    ({'eventTime': '2026-11-20T12:00:00Z'}, 'eventTime: .* is not a time like'),
    ({'type': 'view event'}, "type: 'view event' is not a term like 'NavigationEvent'"),
    ({'action': 17}, 'action: 17 is not a term'),
    ({'profile': 'reading'}, "profile: 'reading' is not a term"),
    ({'actor': 'ann'}, "actor: 'ann' is not an entity, nor the IRI of one"),
    ({'object': {'type': 'WebPage'}}, 'object.id: None is not an IRI'),
    ({'object': {'id': 'tea', 'type': 'WebPage'}}, "object.id: 'tea' is not an IRI"),
    ({'object': {'id': TEA['id']}}, 'object.type: None is not a term'),
    ({'target': [17]}, r'target: \[17\] is not an entity'),
    ({'extensions': [17]}, r'extensions: \[17\] is not a mapping'),
])
def test_what_the_standard_refuses(changes, message):
    with pytest.raises(EventRefused, match=(
            f'^it makes no Caliper event: {message}')):
        made_of({**PLAIN, **changes})


said = st.dictionaries(
    st.sampled_from(list(EVENT['properties'])),
    st.one_of(odd, st.sampled_from([ANN, TEA, ANN['id'], 'ViewEvent', VERSION])),
    max_size=4).map(lambda some: {**PLAIN, **some})


@given(said=said, event=odd_events)
def test_whatever_a_transformer_says_is_an_event_or_dropped(said, event):
    try:
        made, _ = made_of(said, sensor=SENSOR, **{**event, 'name': 'x'})
    except EventRefused:
        return
    valid(made, ENVELOPE)


@pytest.mark.parametrize('sensor', ['', 'shop', 17, ['https://example.org']])
def test_a_sensor_that_is_none(sensor):
    with pytest.raises(ConfigurationError, match=re.escape(
            f'sensor: {sensor!r} is no IRI; wanted is one like '
            f"'https://example.org/sensors/shop'")):
        CaliperProcessor({}, sensor=sensor)
