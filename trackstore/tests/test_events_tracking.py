"""Events in a tracking storage: what a story does not tell."""

import datetime
import decimal
import enum
import http
import os
import threading
import uuid

import pytest
import transaction
import ZODB
from hypothesis import given, settings
from hypothesis import strategies as st
from ZODB.POSException import ConflictError
from zope.interface.verify import verifyClass, verifyObject

import trackstore
from trackstore.events import Tracker, tracker_from
from trackstore.events.backends import places, tracking
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.backends.tracking import TrackingBackend, event_from
from trackstore.events.event import Event
from trackstore.events.exceptions import ConfigurationError, EventError
from trackstore.events.interfaces import IRepeatingBackend
from trackstore.exceptions import DataError, KeyValueError, OpenError
from trackstore.testing import memory_storage
from trackstore.tests.forks import fork, status_of
from trackstore.tests.odd_events import pickled_with

UTC = datetime.timezone.utc
NOON = datetime.datetime(2026, 11, 21, 12, tzinfo=UTC)


def event(name='a', context=None, timestamp=NOON, **data):
    return Event(name=name, timestamp=timestamp, data=data, context=context or {})


@pytest.fixture
def tracks():
    with memory_storage() as tracks:
        yield tracks


@pytest.fixture
def where(tmp_path):
    return str(tmp_path / 'events.fs')


@pytest.fixture
def backend(where):
    backend = TrackingBackend(where)
    yield backend
    backend.close()


def stored(where, name='tracks'):
    """Return the events of a closed store."""
    with trackstore.open(where, name, create=False) as tracks:
        assert tracks.verify() == []
        return [event_from(track) for track in tracks.query()]


def test_interfaces(tracks):
    assert verifyClass(IRepeatingBackend, TrackingBackend)
    assert verifyObject(IRepeatingBackend, TrackingBackend(storage=lambda: tracks))


# what becomes of an event

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.datetimes(),
    lambda each: st.lists(each, max_size=3)
    | st.dictionaries(st.text(max_size=3), each, max_size=3), max_leaves=10)
DATA = st.dictionaries(st.text(max_size=8), JSON, max_size=4)
EVENTS = st.builds(
    lambda name, timestamp, data, context, more: Event(
        name=name, timestamp=timestamp, data=data, context=context, **more),
    st.sampled_from(['a', 'b.c', '']),
    st.datetimes(datetime.datetime(1971, 1, 1), datetime.datetime(2200, 1, 1),
                 timezones=st.sampled_from([UTC, None, datetime.timezone(
                     datetime.timedelta(hours=2))])),
    DATA, DATA, st.dictionaries(st.sampled_from(['type', 'extra']), JSON))


@settings(deadline=None)
@given(st.lists(EVENTS, max_size=5), st.sampled_from([
    {}, {'task': ['data.page', 'name']}, {'time': ['data.at', 'timestamp']}]))
def test_an_event_comes_back_as_it_was(events, options):
    with memory_storage() as tracks:
        backend = TrackingBackend(storage=lambda: tracks, **options)
        events = [each for each in events if not isinstance(
            each['data'].get('page'), (list, dict, float))]
        backend.send_many(events)
        for one in events:
            backend.send(one)
        back = [event_from(track) for track in tracks.query()]
    assert back == [*events, *events]
    assert [each.id for each in back] == [each.id for each in [*events, *events]]
    assert [str(each['timestamp'].utcoffset()) for each in back] == [
        str(each['timestamp'].utcoffset()) for each in [*events, *events]]


def test_task_session_user_and_time_from_other_fields(tracks):
    backend = TrackingBackend(
        storage=lambda: tracks, task=['data.page', 'name'], session='context.visit',
        user=['data.by', 'context.user.id'], time='data.at')
    backend.send(event(page='/a', at=1000, context={'visit': 7, 'user': {'id': 'ann'}}))
    backend.send(event(by='ben', at=NOON, context={'visit': 7, 'user': 'ann'}))
    one, two = tracks.values()
    assert (one.taskId, one.runId, one.userName) == ('/a', 1, 'ann')
    assert one.timeStamp == 1000
    assert (two.taskId, two.runId, two.userName) == ('a', 1, 'ben')
    assert two.timeStamp == NOON.timestamp()


def test_users_and_sessions_that_are_missing_or_uuids(tracks):
    backend = TrackingBackend(storage=lambda: tracks)
    backend.send(event())
    backend.send(event(context={'user_id': None, 'user': uuid.UUID(int=7),
                                'session_id': uuid.UUID(int=8)}))
    assert [track.userName for track in tracks.values()] == [
        None, '00000000-0000-0000-0000-000000000007']


class Role(enum.Enum):
    GUEST = 'guest'


@pytest.mark.parametrize('given, found', [
    (decimal.Decimal('7'), '7'), (Role.GUEST, 'guest'), (http.HTTPStatus.OK, 200)])
def test_users_and_sessions_that_identify_otherwise(tracks, given, found):
    backend = TrackingBackend(storage=lambda: tracks)
    for _ in range(2):
        backend.send(event(context={'user_id': given, 'session_id': given}))
    assert [(track.userName, track.runId) for track in tracks.values()] == [
        (found, 1), (found, 1)]


def test_a_session_is_a_run_over_all_names_of_events(where):
    """In one batch or several, in one process or the next."""
    for _ in range(2):
        backend = TrackingBackend(where)
        backend.send_many([event(name, {'session_id': session})
                           for name in 'ab' for session in ('x', 'y', None)])
        backend.send(event('c', {'session_id': 'x'}))
        backend.close()
    with trackstore.open(where) as tracks:
        runs = {}
        for track in tracks.query():
            session = track.data['context']['session_id']
            runs.setdefault((session, session or track.taskId), set()).add(track.runId)
        assert [len(found) for found in runs.values()] == [1] * len(runs)
        assert len(set().union(*runs.values())) == len(runs) == 4
        assert tracks.getRun('session:x').start == NOON.timestamp()


def test_an_id_of_an_event_is_known(tracks):
    backend = TrackingBackend(storage=lambda: tracks)
    events = [event(number=number) for number in range(5)]
    backend.send_many(events[:3])
    assert [backend.holds(each) for each in events] == [True] * 3 + [False] * 2
    backend.send_again(events)
    backend.send_again([each.copy() for each in events])
    assert [event_from(track) for track in tracks.query()] == events


# transactions

def test_joined_events_live_and_die_with_the_transaction(tracks):
    tracker = Tracker({'store': TrackingBackend(storage=lambda: tracks)})
    with tracker.context({'session_id': 'x'}):
        tracker.emit('a')
        transaction.abort()
        assert len(tracks) == 0 and tracks.getRun('session:x') is None
        tracker.emit('b')
        transaction.commit()
        tracker.emit('c')
        transaction.abort()
    assert tracks.getTaskIds() == ['b']


def conflicts(count, monkeypatch):
    """Have so many tries to save something end with a conflict."""
    save, failures = tracking._save, iter([ConflictError] * count)

    def conflicting(storage, columns):
        save(storage, columns)
        for failure in failures:
            raise failure

    monkeypatch.setattr(tracking, '_save', conflicting)
    monkeypatch.setattr(places.time, 'sleep', lambda seconds: None)


def test_a_conflict_of_the_transaction_is_the_callers_to_try_again(
        tracks, backend, monkeypatch, caplog):
    """One of a transaction of its own is only logged, when it was tried enough."""
    memory = MemoryBackend()
    joined = TrackingBackend(storage=lambda: tracks)
    tracker = Tracker({'a': memory, 'b': RoutingBackend({'c': joined})})
    own = Tracker({'a': backend, 'b': memory})
    with monkeypatch.context() as patched:
        conflicts(100, patched)
        with pytest.raises(ConflictError):
            tracker.emit('a')
        own.emit('a')
    assert caplog.text.count("event 'a' could not be sent to backend 'a'") == 1
    assert len(memory.events) == 2
    transaction.abort()
    tracker.emit('b')
    assert tracks.getTaskIds() == ['b']


def test_an_event_of_its_own_transaction_stays_when_the_caller_aborts(backend, where):
    Tracker({'store': backend}).emit('a')
    transaction.abort()
    backend.close()
    assert [each['name'] for each in stored(where)] == ['a']


def test_bad_events_leave_nothing_and_stop_nothing(backend, where):
    good = [event(number=number) for number in range(3)]
    unstorable = pickled_with(lambda: 1 / 0)
    for bad, error in [(event(x=unstorable), DataError),
                       (event(context={'user_id': ['ann']}), KeyValueError)]:
        with pytest.raises(error):
            backend.send_many([good[0], bad, good[1]])
        with pytest.raises(error):
            backend.send(bad)
    backend.send_many(good)
    backend.close()
    assert stored(where) == good


def test_conflicts_are_tried_again(where, backend, monkeypatch):
    backend.send(event())
    conflicts(3, monkeypatch)
    backend.send(event('b'))
    conflicts(100, monkeypatch)
    with pytest.raises(ConflictError):
        backend.send(event('c'))
    backend.close()
    assert [each['name'] for each in stored(where)] == ['a', 'b']


def test_values_are_made_plain_once_and_before_the_place_is_locked(
        where, backend, monkeypatch):
    made = []

    class User:
        def __str__(self):
            made.append(backend._place._lock._is_owned())
            return 'ann'

    conflicts(3, monkeypatch)
    backend.send_many([event('b', user=User()), event('c', user=User())])
    backend.send_again([event('d', user=User())])
    backend.close()
    assert made == [False] * 3
    assert [each['data'] for each in stored(where)] == [{'user': 'ann'}] * 3


def test_many_threads(where, backend):
    tracker = Tracker({'store': backend})

    def work(number):
        for step in range(20):
            tracker.emit('a', {'by': number, 'step': step})

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    backend.close()
    assert sorted((each['data']['by'], each['data']['step']) for each in stored(where)
                  ) == [(number, step) for number in range(4) for step in range(20)]


# places

def test_two_backends_in_one_file(where):
    one, two = TrackingBackend(where), TrackingBackend(f'{where}', name='other')
    one.send(event('a'))
    two.send(event('b'))
    one.close()
    two.send(event('c'))
    two.close()
    two.close()
    assert [each['name'] for each in stored(where)] == ['a']
    assert [each['name'] for each in stored(where, 'other')] == ['b', 'c']


def test_a_backend_that_was_closed_opens_again(where, backend):
    backend.send(event('a'))
    backend.close()
    backend.send(event('b'))
    backend.close()
    assert [each['name'] for each in stored(where)] == ['a', 'b']


def test_a_database_of_the_application():
    db = ZODB.DB(None)
    backend = TrackingBackend(database=lambda: db)
    backend.send(event('a'))
    backend.close()
    with db.transaction() as connection:
        assert connection.root()['tracks'].getTaskIds() == ['a']
    db.close()


def test_a_process_after_a_fork_opens_the_database_itself(backend, where):
    """A file is not shared by two processes: the second is told so."""
    backend.send(event('a'))
    child = fork()
    if not child:
        try:
            backend.send(event('b'))
        except OpenError as error:
            os._exit(7 if 'is open already, here or in another process' in str(error)
                     else 8)
        except BaseException:
            os._exit(9)
        os._exit(0)
    assert status_of(child) == 7
    backend.send(event('c'))
    backend.close()
    assert [each['name'] for each in stored(where)] == ['a', 'c']


def test_a_place_that_has_something_else(where, backend):
    with trackstore.open(where) as tracks:
        tracks._p_jar.root()['other'] = 17
    backend = TrackingBackend(where, name='other')
    with pytest.raises(ConfigurationError, match=(
            "^name: 'other': 17 is there; wanted is a TrackingStorage")):
        backend.send(event())
    backend.close()


def storage_of_this_module():
    return kept['tracks']


kept = {}


def test_callables_by_their_paths(tracks):
    kept['tracks'] = tracks
    tracker = tracker_from({'backends': {'store': {
        'ENGINE': 'trackstore.events.backends.tracking.TrackingBackend',
        'OPTIONS': {'storage': f'{__name__}.storage_of_this_module'}}}})
    tracker.emit('a')
    assert tracks.getTaskIds() == ['a']
    kept['tracks'] = None
    with pytest.raises(ConfigurationError, match='^storage: None is there; wanted is'):
        tracker.get_backend('store').send(event())


@pytest.mark.parametrize('options, message', [
    ({}, 'where, storage, database: none given; exactly one is wanted'),
    ({'where': 'a.fs', 'storage': dict}, 'where, storage, database: where, storage'),
    ({'where': 7}, 'where: 7 is no place; allowed are the path of a database file and'),
    ({'storage': 7}, 'storage: 7 cannot be called'),
    ({'database': 'no.where'}, "database: 'no.where' cannot be imported: No module"),
    ({'where': 'a.fs', 'task': 7}, 'task: 7 is no path of a field; wanted is text li'),
    ({'where': 'a.fs', 'user': ['a', '']}, "user: '' is no path of a field"),
])
def test_options_that_fail(options, message):
    with pytest.raises(ConfigurationError, match=f'^{message}'):
        TrackingBackend(**options)


def test_memory_and_store_get_the_same(tracks):
    memory = MemoryBackend()
    tracker = Tracker({'a': memory, 'b': TrackingBackend(storage=lambda: tracks)})
    tracker.emit('a', {'x': {'y': [1]}})
    track, = tracks.values()
    assert event_from(track) == memory.events[0]
    assert event_from(track).id == memory.events[0].id


# what is strange

@pytest.mark.parametrize('far', [
    datetime.datetime(1, 1, 1, tzinfo=UTC),
    datetime.datetime(1899, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime.datetime(2099, 12, 31, 23, 59, 59, 123_457, tzinfo=UTC),
    datetime.datetime(5000, 12, 31, 23, 59, 59, 123_457, tzinfo=UTC),
    datetime.datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)])
def test_times_that_are_far_away(tracks, far):
    backend, sent = TrackingBackend(storage=lambda: tracks), event(timestamp=far)
    backend.send(sent.copy())
    track, = tracks.query()
    assert event_from(track) == sent
    assert backend.holds(sent)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from(
    ['eventId', 'eventId_', 'eventId__', '_eventId', 'type', 'user', 17]),
    st.integers(), max_size=7))
def test_keys_that_processors_have_added(fields):
    with memory_storage() as tracks:
        sent = event()
        sent.update(fields)
        TrackingBackend(storage=lambda: tracks).send(sent.copy())
        track, = tracks.query()
        assert event_from(track) == sent
        assert event_from(track).id == sent.id


def test_an_event_without_a_time_is_known_again(tracks):
    backend, sent = TrackingBackend(storage=lambda: tracks), event()
    del sent['timestamp']
    backend.send(sent.copy())
    assert backend.holds(sent)
    backend.send_again([sent])
    assert len(tracks) == 1


@pytest.mark.parametrize('session', [['a'], {'key': 'a'}, object()])
def test_sessions_that_are_none(tracks, session):
    with pytest.raises(KeyValueError, match='session: .* is no valid key; allowed are'):
        TrackingBackend(storage=lambda: tracks).send(
            event(context={'session_id': session}))
    assert (len(tracks), len(tracks.runs)) == (0, 0)


def test_a_track_of_other_code_is_no_event(tracks):
    backend, sent = TrackingBackend(storage=lambda: tracks), event()
    trackId = tracks.saveUserTrack('a', 0, 'ann', {}, timeStamp=NOON.timestamp())
    assert not backend.holds(sent)
    with pytest.raises(EventError, match="track: <Track .* was not saved as an "
                                         "event: its data have no 'eventId'"):
        event_from(tracks[trackId])
