"""Tasks, users, runs, times and records that cannot be saved."""

import datetime

import pytest

from trackstore.exceptions import (
    KeyValueError,
    RunError,
    TimeStampError,
    TrackstoreError,
)
from trackstore.tests.badinput.refusing import (
    INF,
    NAN,
    Unpicklable,
    refused,
    transaction_of,
)


@pytest.mark.parametrize("run", [4, 99, -1, 2**70])
def test_a_run_that_does_not_exist(store, run):
    with refused(RunError, ValueError, str(run)):
        store.saveUserTrack("a", run, "u1", {})
    with refused(RunError, ValueError, str(run)):
        store.saveUserTrack("a", run, "u1", {}, update=True)
    with refused(RunError, ValueError, str(run)):
        store["0000001"].runId = run
    assert store.getRun(runId=run) is None
    assert store.stopRun(runId=run) == 0
    assert store.getUserTracks("a", run, "u1") == []
    assert store.getLastUserTrack("a", run, "u1") is None


@pytest.mark.parametrize("run", ["1", 1.5, [1], b"1", object()])
def test_a_run_that_is_no_number(store, run):
    with refused(RunError, ValueError, "run", repr(run)):
        store.saveUserTrack("a", run, "u1", {})


@pytest.mark.parametrize("run", [1.0, True, False, 0.0, "", [], [1], {}, "1"], ids=repr)
def test_a_run_that_is_no_number_in_bulk(store, run):
    savepoint = transaction_of(store).savepoint()
    store.saveTracks([("a", 1, "u", {})])
    for first in (0, 1, None):
        with refused(RunError, ValueError, "records[1]: runId", repr(run)):
            store.saveTracks([("a", first, "u", {}), ("a", run, "u", {})])
    savepoint.rollback()


def test_a_run_that_does_not_exist_in_bulk(store):
    savepoint = transaction_of(store).savepoint()
    with refused(RunError, ValueError, "records[2]", "99"):
        store.saveTracks([("a", 0, "u", {}), ("a", 1, "u", {}), ("a", 99, "u", {})])
    savepoint.rollback()


# tasks and users

BAD_KEYS = [[1], {"a": 1}, (1, 2), {1}, object(), 1j, NAN, Unpicklable(),
            datetime.time(1), datetime.timedelta(1)]
bad_keys = pytest.mark.parametrize("value", BAD_KEYS, ids=repr)


@bad_keys
def test_a_task_that_is_no_valid_key(store, value):
    with refused(KeyValueError, TypeError, "taskId", repr(value), "allowed"):
        store.saveUserTrack(value, 0, "u1", {})
    with refused(KeyValueError, TypeError, "taskId", repr(value)):
        store.saveUserTrack(value, 1, "u1", {})
    with refused(KeyValueError, TypeError, "taskId", repr(value)):
        store.startRun(value)
    with refused(KeyValueError, TypeError, "taskId", repr(value)):
        store.stopRun(value, runId=1)


@bad_keys
def test_a_user_that_is_no_valid_key(store, value):
    with refused(KeyValueError, TypeError, "userName", repr(value)):
        store.saveUserTrack("new", 0, value, {})
    with refused(KeyValueError, TypeError, "userName", repr(value)):
        store.saveUserTrack("a", 0, value, {}, update=True)


@bad_keys
def test_assigning_what_is_no_valid_key(store, value):
    for trackId in store:
        track = store[trackId]
        with refused(KeyValueError, TypeError, "taskId", repr(value)):
            track.taskId = value
        with refused(KeyValueError, TypeError, "userName", repr(value)):
            track.userName = value
        with refused(KeyValueError, TypeError, "state", repr(value)):
            track.state = value


@bad_keys
def test_what_is_no_valid_key_in_bulk(store, value):
    savepoint = transaction_of(store).savepoint()
    with refused(KeyValueError, TypeError, "records[1]", "userName", repr(value)):
        store.saveTracks([("a", 0, "u", {}), ("a", 0, value, {})])
    savepoint.rollback()


# time stamps

BAD_TIMES = ["2024-01-01", b"1", [1], NAN, INF, -INF, 1j, True, 2**70,
             10**400, datetime.datetime(2024, 1, 1), object()]
bad_times = pytest.mark.parametrize("value", BAD_TIMES, ids=repr)


@bad_times
def test_a_time_stamp_that_is_none(store, value):
    words = "timeStamp", repr(value), "allowed"
    with refused(TimeStampError, TypeError, *words):
        store.saveUserTrack("new", 0, "u1", {}, timeStamp=value)
    with refused(TimeStampError, ValueError, *words):
        store.saveUserTrack("a", 0, "u1", {"n": 2}, update=True, timeStamp=value)
    with refused(TimeStampError, TypeError, *words):
        store.startRun("a", timeStamp=value)
    with refused(TimeStampError, TypeError, *words):
        store.stopRun("a", timeStamp=value)
    for trackId in store:
        with refused(TimeStampError, TypeError, *words):
            store[trackId].timeStamp = value


@bad_times
def test_a_time_stamp_that_is_none_in_bulk(store, value):
    savepoint = transaction_of(store).savepoint()
    with refused(TimeStampError, TypeError, "records[1]", "timeStamp", repr(value)):
        store.saveTracks([("a", 0, "u", {}, 1), ("a", 0, "u", {}, value)])
    savepoint.rollback()


@bad_times
def test_a_query_for_times_that_are_none(store, value):
    with refused(TrackstoreError, TypeError, "timeFrom", repr(value)):
        store.query(timeFrom=value)
    with refused(TrackstoreError, TypeError, "timeTo", repr(value)):
        store.query(timeTo=value)
    with refused(TrackstoreError, TypeError, "time", repr(value)):
        store.query(timeFromTo=(1, value))


@pytest.mark.parametrize("start", [None, True, "x", NAN])
def test_a_run_whose_start_is_assigned_no_time_stamp(store, start):
    run = store.getRun("a")
    with refused(TimeStampError, TypeError, repr(start)):
        run.start = start
    with refused(TimeStampError, TypeError, repr(start)):
        run.end = start


# records of a bulk save

@pytest.mark.parametrize("record", [
    (), ("a",), ("a", 0, "u"), ("a", 0, "u", {}, 1, 2), None, 5, "abcd",
    {"taskId": "a"}, {"taskId": "a", "userName": "u"},
    {"taskId": "a", "userName": "u", "data": {}, "dta": 1}], ids=repr)
def test_a_record_of_another_shape(store, record):
    savepoint = transaction_of(store).savepoint()
    with refused(TrackstoreError, (TypeError, ValueError), "records[1]"):
        store.saveTracks([("a", 0, "u", {}), record])
    savepoint.rollback()


def test_an_iterable_that_fails_half_way(store):
    """Its own error comes through, and a savepoint takes back the first half."""
    def failing():
        for n in range(3000):
            yield "a", 0, "u", {"n": n}
        raise OSError("the disk is gone")

    savepoint = transaction_of(store).savepoint()
    with pytest.raises(OSError, match="the disk is gone"):
        store.saveTracks(failing())
    savepoint.rollback()


@pytest.mark.parametrize("records", [None, 5])
def test_records_that_are_not_iterable(store, records):
    with pytest.raises(TypeError):
        store.saveTracks(records)
