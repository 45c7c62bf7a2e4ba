"""The tracker, contexts and routing: what a story does not tell."""

import asyncio
import collections
import copy
import datetime
import logging
import pickle
import threading

import pytest
from BTrees.OOBTree import OOBTree, OOTreeSet
from hypothesis import given
from hypothesis import strategies as st
from persistent.list import PersistentList
from persistent.mapping import PersistentMapping
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events import Tracker, get_tracker, register_tracker
from trackstore.events.backends.memory import MemoryBackend, NullBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.event import DEPTH, Event, copied, new_id
from trackstore.events.exceptions import (
    ContextError,
    EventError,
    TrackerError,
)
from trackstore.events.interfaces import (
    IBatchBackend,
    IContextLocator,
    IRoutingBackend,
    ITracker,
)
from trackstore.events.locator import (
    DefaultContextLocator,
    TaskContextLocator,
    ThreadLocalContextLocator,
)
from trackstore.events.tracker import NESTED, TRACKERS
from trackstore.testing import memory_root

LOCATORS = [DefaultContextLocator, ThreadLocalContextLocator, TaskContextLocator]


@pytest.fixture(params=LOCATORS)
def tracker(request):
    return Tracker({'memory': MemoryBackend()}, request.param())


def emitted(tracker):
    return list(tracker.get_backend('memory').events)


@pytest.mark.parametrize('interface, made', [
    (ITracker, Tracker()), (IRoutingBackend, RoutingBackend()),
    (IBatchBackend, MemoryBackend()), (IBatchBackend, NullBackend()),
    *((IContextLocator, locator()) for locator in LOCATORS)])
def test_interfaces(interface, made):
    assert verifyClass(interface, type(made))
    assert verifyObject(interface, made)


# events

def test_an_event_has_four_keys_and_an_aware_time(tracker):
    before = datetime.datetime.now(datetime.timezone.utc)
    tracker.emit()
    after = datetime.datetime.now(datetime.timezone.utc)
    event, = emitted(tracker)
    assert dict(event) == {'name': 'unknown', 'timestamp': event['timestamp'],
                           'data': {}, 'context': {}}
    assert before <= event['timestamp'] <= after
    assert event['timestamp'].tzinfo is datetime.timezone.utc


def test_copies_and_pickles_of_an_event_are_the_same_event():
    event = Event(name='a', data={'list': [1]})
    for other in (event.copy(), copy.copy(event), copy.deepcopy(event),
                  pickle.loads(pickle.dumps(event))):
        assert type(other) is Event
        assert other == event
        assert other.id == event.id
    other = event.copy()
    other['data']['list'].append(2)
    assert event['data'] == {'list': [1]}
    with pytest.raises(AttributeError):
        event.name  # noqa: B018


def test_ids_are_unique_over_threads():
    found = []
    threads = [threading.Thread(target=lambda: found.extend(
        [new_id() for _ in range(1000)])) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda each: st.lists(each, max_size=3) | st.tuples(each)
    | st.dictionaries(st.text(max_size=3), each, max_size=3), max_leaves=10)


def containers(value):
    """Yield all dictionaries and lists in a value."""
    if isinstance(value, (dict, list, tuple)):
        if not isinstance(value, tuple):
            yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


@given(JSON)
def test_a_copy_is_equal_and_shares_nothing(value):
    other = copied(value)
    assert repr(other) == repr(value)
    mine = {id(each) for each in containers(value)}
    assert not any(id(each) in mine for each in containers(other))


class Items(list):
    """A list of a class of its own, as a relation of SQLAlchemy is one."""


class Cart(PersistentMapping):
    """An object of a model, though it is a mapping."""


@pytest.mark.parametrize('value, found', [
    (PersistentMapping(a=PersistentList([1, {'b': 2}])), {'a': [1, {'b': 2}]}),
    (OOBTree({'a': OOBTree({'b': 1})}), {'a': {'b': 1}}), (OOTreeSet('ab'), {'a', 'b'}),
    (Items([Items([1])]), [[1]]), (collections.deque([[1]]), [[1]]),
    (collections.OrderedDict(a=Items()), {'a': []}), ({'a': 1}.keys(), ['a']),
    (bytearray(b'ab'), b'ab')])
def test_a_copy_of_a_collection_is_of_a_class_of_python(value, found):
    other = copied([value])
    assert other == [found]
    assert type(other[0]) is type(found)


def test_collections_of_the_zodb_are_read_where_the_event_is_emitted(tracker):
    root = memory_root()
    root['tags'], root['cart'] = PersistentList(['a']), Cart()
    data = {'tags': root['tags'], 'cart': root['cart']}
    tracker.emit('tagged', data)
    tracker.emit('tagged', PersistentMapping(data))
    root['tags'].append('b')
    for event in emitted(tracker):
        assert event['data'] == {'tags': ['a'], 'cart': root['cart']}
        assert event['data']['cart'] is root['cart']


class Failing(collections.UserList):
    def __iter__(self):
        raise LookupError('no such table')


def test_a_collection_that_cannot_be_read_does_not_lose_the_event(tracker):
    failing = Failing()
    tracker.emit('a', {'rows': failing, 'number': 1})
    event, = emitted(tracker)
    assert event['data']['rows'] is failing


def test_a_collection_that_is_too_large_is_no_part_of_an_event(
        tracker, caplog, monkeypatch):
    monkeypatch.setattr('trackstore.events.event.MOST', 1000)
    tracker.emit('all', {'people': OOBTree(dict.fromkeys(range(1001)))})
    assert emitted(tracker) == []
    assert 'data: more than 1,000 parts are in a OOBTree' in caplog.text


def test_data_without_an_end_are_logged_and_raise_nothing(tracker, caplog):
    endless = {}
    endless['self'] = endless
    tracker.emit('endless', endless)
    assert emitted(tracker) == []
    assert f'data: nested more than {DEPTH} deep' in caplog.text


@pytest.mark.parametrize('name, data, message', [
    (17, {}, 'name: 17 is no text; allowed are names like'),
    (b'a', {}, "name: b'a' is no text"),
    ('a', 'text', "data: 'text' is no mapping; allowed are dictionaries"),
    ('a', [('a', 1)], r"data: \[\('a', 1\)\] is no mapping")])
def test_what_is_no_event(tracker, name, data, message):
    with pytest.raises(EventError, match=f'^{message}'):
        tracker.emit(name, data)
    with pytest.raises(TypeError):
        tracker.emit(name, data)
    assert emitted(tracker) == []


# contexts

def test_contexts_nest_and_are_left_with_an_exception(tracker):
    with pytest.raises(ZeroDivisionError), tracker.context('a', {'x': 1, 'y': 1}):
        with tracker.context({'x': 2}), tracker.context('a', {'x': 3}):
            assert tracker.resolve_context() == {'x': 3, 'y': 1}
        assert tracker.resolve_context() == {'x': 1, 'y': 1}
        raise ZeroDivisionError
    assert tracker.resolve_context() == {}
    assert dict(tracker.located_context) == {}


def test_a_context_left_by_hand_within_its_block(tracker):
    with tracker.context('a', {'x': 1}):
        tracker.exit_context('a')
        assert tracker.resolve_context() == {}


def test_contexts_that_are_none(tracker):
    with pytest.raises(EventError, match="^ctx: None is no mapping"):
        tracker.enter_context('a', None)
    with (pytest.raises(EventError, match="^ctx: None is no mapping"),
          tracker.context('a')):
        pass
    tracker.enter_context('b', {})
    with pytest.raises(ContextError, match=(
            "^name: no context 'a' is entered here; entered are: 'b'$")):
        tracker.exit_context('a')
    with pytest.raises(KeyError):
        tracker.exit_context('a')


def test_the_context_of_an_event_is_its_own(tracker):
    ctx = {'user': {'id': 1}}
    tracker.enter_context('a', ctx)
    tracker.emit('one')
    ctx['user']['id'] = 2
    assert emitted(tracker)[0]['context'] == {'user': {'id': 1}}


@pytest.mark.parametrize('locator', LOCATORS[1:])
def test_threads_have_contexts_of_their_own(locator):
    tracker = Tracker({'memory': MemoryBackend()}, locator())
    barrier = threading.Barrier(4)

    def work(number):
        with tracker.context('request', {'number': number}):
            barrier.wait()
            tracker.emit('one', {'number': number})
            barrier.wait()

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(emitted(tracker)) == 4
    assert all(event['context'] == event['data'] for event in emitted(tracker))


def test_tasks_of_asyncio_have_contexts_of_their_own():
    tracker = Tracker({'memory': MemoryBackend()}, TaskContextLocator())

    async def inner(number):
        with tracker.context({'number': number}):
            await asyncio.sleep(0)
            tracker.emit('one', {'number': number})

    async def outer():
        with tracker.context('outer', {'outer': True}):
            await asyncio.gather(*map(inner, range(5)))
            return tracker.resolve_context()

    assert asyncio.run(outer()) == {'outer': True}
    assert len(emitted(tracker)) == 5
    for event in emitted(tracker):
        assert event['context'] == {'outer': True, **event['data']}


def test_a_locator_that_fails_stops_nothing(caplog):
    class Broken:
        def get(self):
            raise LookupError('no request')

    tracker = Tracker({'memory': MemoryBackend()}, Broken())
    tracker.emit('one')
    assert "event 'one' could not be sent" in caplog.text


@pytest.mark.parametrize('place', ['data', 'context'])
def test_what_is_nested_without_an_end_is_told_in_a_line(place, caplog):
    tracker = Tracker({'memory': MemoryBackend()})
    cycle = {}
    cycle['me'] = [cycle]
    with tracker.context(cycle if place == 'context' else {}):
        tracker.emit('one', cycle if place == 'data' else {})
    tracker.emit('two')
    assert [event['name'] for event in emitted(tracker)] == ['two']
    [record] = caplog.records
    assert record.exc_info is None and record.getMessage() == (
        "event 'one' is dropped: data: nested more than 100 deep, or inside themselves")


# trackers

def test_trackers_by_name():
    one, two = Tracker(), Tracker()
    before = dict(TRACKERS)
    try:
        register_tracker(one)
        register_tracker(two, 'two')
        assert get_tracker() is one
        assert get_tracker('two') is two
        with pytest.raises(TrackerError, match="^name: no tracker 'three' is reg"):
            get_tracker('three')
    finally:
        TRACKERS.clear()
        TRACKERS.update(before)
    with pytest.raises(KeyError, match="the tracker has no backend 'a'; it has: none"):
        one.get_backend('a')


# what is hostile

class Lazy:
    """Like the lazy objects of Django, which are made when they are looked at."""

    @property
    def __class__(self):
        raise LookupError('no such user')


class Unshowable:
    def __repr__(self):
        raise LookupError('no such text')


def test_an_object_that_cannot_be_looked_at_does_not_lose_the_event(tracker):
    lazy = Lazy()
    tracker.emit('a', {'user': lazy, 'list': [lazy]})
    event, = emitted(tracker)
    assert event['data']['user'] is lazy
    assert event['data']['list'][0] is lazy


@pytest.mark.parametrize('name, data, message', [
    (str, Lazy, 'data: reading them failed: LookupError: no such user'),
    (str, Unshowable, 'data: <Unshowable> is no mapping'),
    (Unshowable, dict, 'name: <Unshowable> is no text')])
def test_errors_about_what_cannot_be_shown(tracker, name, data, message):
    with pytest.raises(EventError, match=message):
        tracker.emit(name(), data())


def test_the_text_of_an_error_is_short(tracker):
    with pytest.raises(EventError) as caught:
        tracker.emit('a', ['x' * 10_000])
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize('name', [None, ''])
@pytest.mark.parametrize('data', [None, {}, [], ''])
def test_what_is_empty_is_nothing(tracker, name, data):
    tracker.emit(name, data)
    event, = emitted(tracker)
    assert (event['name'], event['data']) == ('unknown', {})


def test_data_that_are_few_but_many_times_in_one_another(tracker, caplog, monkeypatch):
    monkeypatch.setattr('trackstore.events.event.MOST', 1000)
    data = {}
    for _ in range(60):
        data = {'one': data, 'other': data}
    tracker.emit('many', data)
    assert emitted(tracker) == []
    assert 'data: more than 1,000 mappings, lists and sets are in them' in caplog.text


class Emitting:
    """A backend that emits, and a handler of the log that does."""

    level = logging.NOTSET

    def __init__(self):
        self.sent = 0

    def send(self, event):
        self.sent += 1
        self.tracker.emit('again')
        raise ValueError('not delivered')

    def handle(self, record):
        self.tracker.emit('logged')


def test_what_emits_when_events_are_sent_comes_to_an_end(caplog):
    backend, memory = Emitting(), MemoryBackend()
    backend.tracker = Tracker({'a': backend, 'memory': memory})
    backend.tracker.emit('first')
    assert backend.sent == len(memory.events) == NESTED
    assert caplog.text.count("event 'again' is dropped: it is emitted by what "
                             'happens to events, 5 inside one another') == 1
    backend.tracker.emit('second')
    assert memory.events[-1]['name'] == 'second'


def test_a_log_whose_handler_emits_comes_to_an_end():
    backend = Emitting()
    backend.tracker = Tracker({'a': backend})
    log = logging.getLogger('trackstore.events')
    log.addHandler(backend)
    try:
        backend.tracker.emit('first')
    finally:
        log.removeHandler(backend)
    assert backend.sent == 2 ** NESTED - 1  # each emits, and is logged


def test_a_context_that_is_entered_again_is_the_last(tracker):
    tracker.enter_context('a', {'key': 1})
    tracker.enter_context('b', {'key': 2})
    tracker.enter_context('a', {'key': 3})
    assert tracker.resolve_context() == {'key': 3}
    tracker.exit_context('a')
    assert tracker.resolve_context() == {'key': 2}
    tracker.exit_context('b')
