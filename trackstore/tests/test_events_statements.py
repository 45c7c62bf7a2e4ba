"""Statements of other standards: which event becomes one, and what is sent."""

import datetime
import json
import logging
import re
import time

import pytest
from hypothesis import given
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events import tracker_from
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.event import Event
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IProcessor
from trackstore.events.processors.exceptions import (
    EventEmissionExit,
    EventRefused,
    NoTransformerImplemented,
)
from trackstore.events.transformers.caliper import CaliperProcessor
from trackstore.events.transformers.cloudevents import CloudEventsProcessor
from trackstore.events.transformers.registry import Transformers
from trackstore.events.transformers.statement import iso, moment_of, uuid_of
from trackstore.events.transformers.xapi import XAPIProcessor
from trackstore.tests.odd_events import odd_events

NOON = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)


def bought(event):
    return {'actor': {'mbox': 'mailto:ann@example.org'},
            'verb': {'id': 'https://example.org/verbs/bought'},
            'object': {'id': 'https://example.org/tea'}}


def bare(event):
    return {'type': 'ViewEvent', 'action': 'Viewed',
            'actor': 'https://example.org/ann', 'object': 'https://example.org/tea'}


shop = Transformers({'order.placed': bought})

#: Each processor, with a transformer that makes a good statement of any event.
KINDS = {
    'CloudEvent': lambda transformers: CloudEventsProcessor(
        '/shop', transformers=transformers),
    'statement of xAPI': XAPIProcessor,
    'Caliper event': CaliperProcessor,
}
GOOD = {'CloudEvent': lambda event: {'subject': 'tea'}, 'statement of xAPI': bought,
        'Caliper event': bare}


# which transformer

def test_exact_names_come_before_patterns_and_those_in_their_order():
    found = Transformers({
        'order.*': lambda event: 'orders', '*.placed': lambda event: 'placed',
        'order.placed': lambda event: 'exact', 'a+b': lambda event: 'plus',
        '*.x.*': lambda event: 'within'})
    for name, which in (
            ('order.placed', 'exact'), ('order.paid', 'orders'), ('order.', 'orders'),
            ('order.\n', 'orders'), ('cart.placed', 'placed'), ('a+b', 'plus'),
            ('a.x.b', 'within')):
        assert found.find(name)(None) == which
    for name in ('order', 'orders', 'aab', 'reorder.paid', 'cart.placed.again', '',
                 None, 17, ['order.placed']):
        assert found.find(name) is None


def test_registering():
    found = Transformers()

    @found.register('order.placed')
    def placed(event):
        return {}

    assert placed(None) == {}
    assert found.register('order.*', bought) is bought
    assert found.find('order.placed') is placed and found.find('order.x') is bought
    found.register('order.*', bare)
    assert found.find('order.x') is bare


@pytest.mark.parametrize('option', [
    shop, {'order.placed': bought}, 'trackstore.tests.test_events_statements.shop',
    {'order.placed': 'trackstore.tests.test_events_statements.bought'}])
def test_transformers_as_an_option(option):
    processor = XAPIProcessor(option)
    assert processor(Event(name='order.placed'))['object'] == {
        'id': 'https://example.org/tea'}


@pytest.mark.parametrize('option, message', [
    (None, 'transformers: None has no transformers; wanted is a mapping of names of '
           'events to callables or their paths, a Transformers, or the path of one'),
    ([bought], 'transformers: [<function bought at '),
    ('shop.statements', "transformers: 'shop.statements' cannot be imported: No modul"),
    ('datetime.MINYEAR', "transformers: 'datetime.MINYEAR' has no transformers; want"),
    ({'': bought}, "transformers: '' is no name of events; wanted is one like "
                   "'order.placed' or 'order.*'"),
    ({17: bought}, 'transformers: 17 is no name of events'),
    ({'order': 17}, "transformers['order']: 17 cannot be called; wanted is a callable "
                    'that takes an event, or the path of one'),
    ({'order': 'shop.bought'},
     "transformers['order']: 'shop.bought' cannot be imported"),
])
@pytest.mark.parametrize('make', [XAPIProcessor, CaliperProcessor])
def test_transformers_that_are_refused(make, option, message):
    with pytest.raises(ConfigurationError, match=f'^{re.escape(message)}'):
        make(option)


def test_an_actor_that_cannot_be_called():
    for make in (XAPIProcessor, CaliperProcessor):
        with pytest.raises(ConfigurationError, match="^actor: 17 cannot be called"):
            make({}, actor=17)


# what becomes of events

@pytest.mark.parametrize('kind', KINDS)
def test_a_statement_is_an_event_whose_dictionary_is_the_statement(kind):
    event = Event(name='order.placed', timestamp=NOON, data={'n': 1}, context={})
    memory, other = MemoryBackend(), MemoryBackend()
    RoutingBackend({
        'statements': RoutingBackend(
            {'memory': memory}, [KINDS[kind]({'*': GOOD[kind]})]),
        'other': other}).send(event)
    [statement] = memory.events
    assert type(statement) is Event and statement.id == event.id
    assert 'name' not in statement and statement['id'] != 'order.placed'
    assert json.loads(json.dumps(statement)) == statement
    assert list(other.events) == [event]  # it sees nothing of it


@pytest.mark.parametrize('kind', ['statement of xAPI', 'Caliper event'])
def test_without_a_transformer_the_event_is_not_for_that_backend(kind, caplog):
    processor = KINDS[kind]({'order.*': GOOD[kind]})
    with pytest.raises(NoTransformerImplemented, match=f'makes a {kind} of it'):
        processor(Event(name='user.gone'))
    memory = MemoryBackend()
    with caplog.at_level(logging.INFO):
        RoutingBackend({'memory': memory}, [processor]).send({'name': 'user.gone'})
    assert not memory.events
    assert caplog.messages == [
        f"event 'user.gone' is not for the backends here: no transformer makes a "
        f'{kind} of it']


def failing(event):
    raise LookupError('no such order')


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('transformer, logged', [
    (failing, ''),
    (lambda event: None, ': transformer: None is not a mapping'),
    (lambda event: [17], ': transformer: 17 is not a mapping'),
    (lambda event: {'id': 'x' * 999, 'id!': 1}, ': .* is (not|required)'),
])
def test_what_makes_no_statement_is_dropped_and_logged(
        kind, transformer, logged, caplog):
    memory = MemoryBackend()
    RoutingBackend({'memory': memory}, [KINDS[kind]({'*': transformer})]).send(
        {'name': 'order.placed', 'data': {}})
    assert not memory.events
    [record] = caplog.records
    assert record.levelname == 'ERROR'
    assert re.match(f"event 'order.placed' is dropped; it makes no {kind}{logged}",
                    record.getMessage())


def test_a_long_value_is_cut_in_the_log():
    processor = XAPIProcessor({'*': lambda event: {**bought(event), 'id': 'x' * 9999}})
    with pytest.raises(EventRefused, match=(
            f"^it makes no statement of xAPI: id: '{'x' * 199}... is not a UUID$")):
        processor(Event(name='x'))


@pytest.mark.parametrize('kind', KINDS)
@pytest.mark.parametrize('reason', [EventEmissionExit, NoTransformerImplemented])
def test_a_transformer_may_decline(kind, reason, caplog):
    def declining(event):
        raise reason('not this one')

    with pytest.raises(reason, match='^not this one$'):
        KINDS[kind]({'*': declining})(Event(name='x'))
    assert not caplog.records


@pytest.mark.parametrize('kind', KINDS)
def test_a_transformer_may_return_several(kind):
    def several(event):
        return [GOOD[kind](event)] * 2

    memory = MemoryBackend()
    event = Event(name='x', data={})
    RoutingBackend({'memory': memory}, [KINDS[kind]({'*': several})]).send(event)
    assert [part.id for part in memory.events] == [f'{event.id}-1', f'{event.id}-2']
    ids = [part['id'].removeprefix('urn:uuid:') for part in memory.events]
    assert ids in ([f'{event.id}-1', f'{event.id}-2'],
                   [str(uuid_of(f'{event.id}-{number}')) for number in (1, 2)])


@given(event=odd_events)
@pytest.mark.parametrize('kind', KINDS)
def test_any_event_becomes_a_statement(kind, event):
    statement = KINDS[kind]({'order.*': GOOD[kind], '*': GOOD[kind]}).complete(
        GOOD[kind](event), event, event.id)
    json.dumps(statement)
    try:
        KINDS[kind]({'*': GOOD[kind]})(event)
    except NoTransformerImplemented:
        assert not isinstance(event.get('name'), str)


def test_the_same_event_makes_the_same_statement():
    event = Event(name='x', timestamp=NOON)
    for kind, make in KINDS.items():
        processor = make({'*': GOOD[kind]})
        assert processor(event.copy()) == processor(event.copy())
    assert uuid_of('a') != uuid_of('b')
    # what receivers know already must not change with a release
    assert str(uuid_of('an id')) == '4ce43088-82ca-50dd-b1b3-a5852abbb070'


def test_a_time_without_a_zone_is_in_utc_wherever_the_program_is(monkeypatch):
    monkeypatch.setenv('TZ', 'Asia/Tokyo')
    time.tzset()
    try:
        assert moment_of({'timestamp': NOON.replace(tzinfo=None)}) == NOON
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize('stamp, text', [
    (NOON, '2026-11-21T12:00:00Z'),
    (NOON.replace(tzinfo=None, microsecond=5), '2026-11-21T12:00:00.000005Z'),
    (NOON.astimezone(datetime.timezone(datetime.timedelta(hours=2))),
     '2026-11-21T12:00:00Z'),
    (1795262400, '2026-11-21T12:00:00Z'), (1795262400.5, '2026-11-21T12:00:00.500000Z'),
    ('2026-11-21T13:00:00+01:00', '2026-11-21T12:00:00Z'),
    ('2026-11-21T12:00:00Z', '2026-11-21T12:00:00Z'),
    ('noon', None), (None, None), (True, None), ([], None), (10 ** 20, None),
    (float('nan'), None), (datetime.datetime.min.replace(
        tzinfo=datetime.timezone(datetime.timedelta(hours=2))), None),
])
def test_when_an_event_was(stamp, text):
    moment = moment_of({'timestamp': stamp})
    assert (moment and iso(moment)) == text


def test_in_a_configuration():
    here = 'trackstore.tests.test_events_statements'
    engines = 'trackstore.events.transformers'
    memory = {'memory': {'ENGINE': 'trackstore.events.backends.memory.MemoryBackend'}}

    def branch(engine, **options):
        return {'ENGINE': 'trackstore.events.backends.routing.RoutingBackend',
                'OPTIONS': {'backends': memory, 'processors': [
                    {'ENGINE': f'{engines}.{engine}', 'OPTIONS': options}]}}

    tracker = tracker_from({'backends': {
        'cloud': branch('cloudevents.CloudEventsProcessor', source='/shop',
                        extensions={'userid': 'context.user_id'}),
        'lrs': branch('xapi.XAPIProcessor', transformers=f'{here}.shop'),
        'caliper': branch('caliper.CaliperProcessor', sensor='https://example.org/s',
                          transformers={'order.*': f'{here}.bare'})}})
    with tracker.context({'user_id': 'ann'}):
        tracker.emit('order.placed')
    sent = {name: backend.backends['memory'].events[0]
            for name, backend in tracker.backends.items()}
    assert sent['cloud']['userid'] == 'ann'
    assert sent['lrs']['verb'] == {'id': 'https://example.org/verbs/bought'}
    assert sent['caliper']['data'][0]['action'] == 'Viewed'


def test_contracts():
    for kind, make in KINDS.items():
        verifyClass(IProcessor, type(make({})))
        verifyObject(IProcessor, make({}))
        assert make({}).kind == kind
