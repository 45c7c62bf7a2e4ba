"""Objects in events: what is stored is what every program can read."""

import collections
import datetime
import decimal
import enum
import logging
import re
import uuid

import pytest
import ZODB
from hypothesis import given
from persistent import Persistent
from persistent.mapping import PersistentMapping

from trackstore.events import Tracker, plain
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.tracking import TrackingBackend, event_from
from trackstore.events.event import Event, event_of
from trackstore.events.plain import for_another_thread, plain_events
from trackstore.events.slowlog import SlowLog
from trackstore.testing import memory_storage
from trackstore.tests import odd_events
from trackstore.tests.waiting import LONG

PRICE = decimal.Decimal('1.10')
NOON = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)


@pytest.fixture(autouse=True)
def talkative(monkeypatch):
    """Log what was logged a moment ago."""
    monkeypatch.setattr(plain, '_slow', SlowLog(logging.getLogger(plain.__name__)))


class User:
    password = 'pbkdf2$secret'

    def __init__(self):
        self.hash = self.password

    def __str__(self):
        return 'ann'


class Account(Persistent):
    pass


class Safe(str):
    """Text that a framework has marked."""


class Rows(list):
    """A list of a framework."""


class Colour(enum.Enum):
    RED = 'red'


class Size(enum.IntEnum):
    BIG = 7


def stored(data):
    event, = plain_events([Event(name='a', timestamp=NOON, data=data, context={})])
    return event['data']


@pytest.mark.parametrize('data', [
    {}, {'n': 1, 'x': 1.5, 'flag': True, 'no': None, 'at': NOON, 'raw': b'\xff'},
    {'price': decimal.Decimal('1.10'), 'id': uuid.UUID(int=7), 'long': 2 ** 70},
    {'list': [1, (2, {'three': 3})], 'set': {1, (2, 3)}, 7: 'seven', (1, 2): 'pair',
     'frozen': frozenset('ab')}])
def test_values_that_stay(data, caplog):
    assert stored(data) == data
    assert not caplog.text


@pytest.mark.parametrize('value, found', [
    (User(), 'ann'), ([User()], ['ann']), ({'deep': (1, User())}, {'deep': (1, 'ann')}),
    ({User(): 1}, {'ann': 1}), ({Colour.RED: 1, 'red': 2}, {'red (2)': 1, 'red': 2}),
    ({1, User}, [1, f'{__name__}.User']),
    (PersistentMapping({'a': 1}), {'a': 1}),
    (collections.deque((1, 2)), [1, 2])])
def test_objects_become_what_is_readable(value, found, caplog):
    assert stored({'at': NOON, 'value': value}) == {'at': NOON, 'value': found}
    assert re.search(
        "event 'a' has objects of [A-Za-z]+, stored as JSON or their text; ModelValues "
        'puts attributes in the place of objects', caplog.text)


@pytest.mark.parametrize('value, found', [
    (Safe('<b>'), '<b>'), (Size.BIG, 7), ({'of': Safe('a')}, {'of': 'a'}),
    (odd_events.Pair(1, 2), {'email': 1, 'user': 2}),
    (odd_events.Words(a=1), {'a': 1}), (Rows([PRICE, NOON]), [PRICE, NOON]),
    (odd_events.Pair(PRICE, (NOON,)), {'email': PRICE, 'user': (NOON,)})])
def test_kinds_of_plain_values_are_not_warned_of(value, found, caplog):
    data = stored({'value': value})
    assert data == {'value': found}
    assert type(data['value']) is type(found)
    assert not caplog.text


def test_a_value_inside_itself():
    inside = [User()]
    inside.append(inside)
    assert stored({'inside': inside, 'number': 1}) == {
        'inside': ['ann', '… (a cycle)'], 'number': 1}


def test_a_persistent_object_is_not_stored_with_the_event():
    with memory_storage() as tracks:
        tracker = Tracker({'store': TrackingBackend(storage=lambda: tracks)})
        account = Account()
        account.password = 'secret'
        tracker.emit('a', {'account': account, 'number': 1})
        event = event_from(tracks['0000001'])
        assert event['data'] == {'account': f'<{__name__}.Account>', 'number': 1}
        assert account._p_jar is None


def test_objects_where_there_is_nothing_else(caplog):
    event = Event(name='a', timestamp=NOON, data={User(): 1}, context={}, actor=User())
    changed, = plain_events([event])
    assert (changed['data'], changed['actor']) == ({'ann': 1}, 'ann')
    assert 'has objects of User' in caplog.text


def test_classes_of_one_name_are_said_once(caplog):
    stored([type('Lazy', (), {})() for _ in range(2)])
    assert 'has objects of Lazy, stored' in caplog.text


def test_a_lazy_object_is_not_asked_for_its_class():
    class Lazy:
        @property
        def __class__(self):
            raise AssertionError('it was loaded')

        def __str__(self):
            return 'lazy'

    assert stored({'user': Lazy(), 'list': [Lazy()]}) is not None


def test_an_event_keeps_its_id_and_its_time():
    event = Event(name='a', timestamp=NOON, data={'user': User()}, context={})
    changed, = plain_events([event])
    assert (changed.id, changed['timestamp']) == (event.id, NOON)
    assert type(event['data']['user']) is User


@given(event=odd_events.odd_events)
def test_every_event_becomes_plain_at_once(event):
    once = plain_events([event_of(event)])
    assert repr(plain_events(once)) == repr(once)


class Customer(Persistent):
    def __init__(self, number):
        self.number = number

    def __str__(self):
        return f'customer {self.number}'


def test_objects_of_a_connection_do_not_go_to_another_thread():
    db = ZODB.DB(None)
    with db.transaction() as connection:
        connection.root.customer = Customer(7)
    memory = MemoryBackend()
    queue = AsyncRoutingBackend('queue', backends={'memory': memory})
    tracker = Tracker({'queue': queue})
    user = User()
    with db.transaction() as connection:
        customer = connection.root.customer
        tracker.emit('a', {'by': customer, 'user': user})
        tracker.emit('a', {'all': [(customer,)], 'user': user})
        tracker.emit('a', {'user': user})
        connection.cacheMinimize()  # after which it can be read here only
    assert queue.close(LONG)
    db.close()
    assert [event['data'] for event in memory.events] == [
        {'by': 'customer 7', 'user': 'ann'},
        {'all': [('customer 7',)], 'user': 'ann'}, {'user': user}]


def test_which_events_another_thread_may_read():
    class Mapped:
        __mapper__ = None

    inside = []
    inside.append(inside)
    for value in (1, [{'a': (1, {2})}], User(), odd_events.Broken(), inside):
        event = Event(name='a', data={'value': value}, context={})
        assert for_another_thread(event) is event
    for value in (Mapped(), {'a': [Mapped()]}, odd_events.Pair(1, Mapped())):
        event = Event(name='a', data={}, context={'value': value})
        other = for_another_thread(event)
        assert other.id == event.id
        assert 'Mapped' in str(other['context']['value'])
        assert event['context']['value'] is value


@pytest.mark.parametrize('of_the_queue', [True, False])
@pytest.mark.parametrize('part', ['data', 'context'])
def test_what_a_processor_adds_is_looked_at_too(part, of_the_queue):
    def add(event):
        event[part]['by'] = Customer(7)

    memory = MemoryBackend()
    queue = AsyncRoutingBackend('queue', backends={'memory': memory})
    tracker = Tracker({'queue': queue})
    (queue if of_the_queue else tracker.routing_backend).register_processor(add)
    with tracker.context({'path': '/'}):
        tracker.emit('a', {'n': 1})
    assert queue.close(LONG)
    [event] = memory.events
    assert event[part]['by'] == 'customer 7'
