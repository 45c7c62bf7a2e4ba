"""Bad input is refused by name, and neither store nor transaction suffers.

Each case is tried on a store with uncommitted tracks: after the error these
are still there, more can be saved, and all of it can be committed.
"""

import datetime
from unittest import mock

import pytest
import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

import trackstore
from trackstore import Track, TrackingStorage, parts
from trackstore.criteria import Between, Equal, Not, Prefix
from trackstore.exceptions import (
    CriteriaError,
    DataError,
    FormatError,
    KeyValueError,
    OpenError,
    RunError,
    TimeStampError,
    TrackstoreError,
)
from trackstore.tests.model import Item

NAN = float("nan")
INF = float("inf")


class Unpicklable:
    """Refuses to be pickled with an error of its own."""

    def __reduce__(self):
        raise RuntimeError("not me")


class Unloadable:
    """Has no module-level name to be found by."""

    def __init__(self):
        self.hook = lambda: None


@pytest.fixture
def db(tmp_path):
    db = DB(FileStorage(str(tmp_path / "tracks.fs")))
    yield db
    db.close()


@pytest.fixture
def store(db):
    """A store with tracks in a segment, in the tail, and uncommitted."""
    manager = transaction.TransactionManager()
    connection = db.open(manager)
    store = connection.root()["store"] = TrackingStorage(trackFactory=Item)
    store.saveTracks([("a", 0, "u1", {"n": 1}, 1), ("b", 0, "u2", {}, 2)])
    manager.commit()
    store.compact()
    manager.begin()
    store.saveUserTrack("a", 0, "u1", {"n": 3}, timeStamp=3)
    manager.commit()
    store.saveUserTrack("c", 0, "u3", {"kind": "x"}, timeStamp=4)
    before = contents(store)
    yield store
    try:
        check_unhurt(store, before)
    finally:
        manager.abort()
        connection.close()


def check_unhurt(store, before):
    """See to it that nothing was changed, and that all goes on."""
    assert contents(store) == before, "the error changed something"
    assert store.verify() == []
    assert store.saveUserTrack("d", 0, "u4", {}) == "0000005"
    manager = transaction_of(store)
    manager.commit()
    store._p_jar.cacheMinimize()
    assert list(store) == [f"000000{n}" for n in range(1, 6)]
    assert contents(store)[0][:4] == before[0]
    assert store.verify() == []


def contents(store):
    return ([repr(track) for track in store.values()], dict(store.currentRuns),
            {number: repr(run) for number, run in store.runs.items()},
            {number: repr(run) for number, run in store.finishedRuns.items()},
            [store.count(taskId=task) for task in store.getTaskIds()])


def refused(error, builtin, *parts):
    """Expect an error of a class, of a builtin class, and with these words."""
    return Refused(error, builtin, parts)


class Refused:

    def __init__(self, error, builtin, parts):
        self.error, self.builtin, self.parts = error, builtin, parts

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert error is not None, f"no {self.error.__name__} was raised"
        if not isinstance(error, self.error):
            return False
        assert isinstance(error, self.builtin)
        assert isinstance(error, TrackstoreError)
        for part in self.parts:
            assert part in str(error), f"{part!r} is not in {str(error)!r}"
        return True


# data that cannot be stored

BAD_VALUES = [Unpicklable(), Unloadable(), lambda: None, [Unpicklable()],
              {"deep": (1, lambda: None)}, (n for n in "ab")]
BAD_IDS = ["reduce", "attribute", "function", "list", "deep", "generator"]
bad_values = pytest.mark.parametrize("value", BAD_VALUES, ids=BAD_IDS)


@bad_values
def test_data_that_do_not_pickle(store, value):
    with refused(DataError, TypeError, "data['bad']", type(value).__name__):
        store.saveUserTrack("a", 0, "u1", {"good": 1, "bad": value})


@bad_values
def test_data_that_do_not_pickle_for_a_new_task(store, value):
    """The run that such a save would start is not left behind."""
    with refused(DataError, TypeError, "data['bad']"):
        store.saveUserTrack("new", 0, "u1", {"good": 1, "bad": value})


@bad_values
def test_updating_with_data_that_do_not_pickle(store, value):
    with refused(DataError, TypeError, "data['bad']"):
        store.saveUserTrack("a", 0, "u1", {"bad": value}, update=True)
    for trackId in store:
        with refused(DataError, TypeError, "data['bad']"):
            store.updateTrack(store[trackId], {"bad": value})
        with refused(DataError, TypeError, "data['bad']"):
            store[trackId].update({"bad": value}, overwrite=True)


@bad_values
def test_assigning_data_that_do_not_pickle(store, value):
    for trackId in store:
        track = store[trackId]
        with refused(DataError, TypeError, "data['bad']"):
            track.data = {"bad": value}
        with refused(DataError, TypeError, "data['bad']"):
            track.data["bad"] = value
        assert "bad" not in track.data
        with refused(DataError, TypeError, "data['bad']"):
            store.setTrackData(track, {"bad": value})
        with refused(DataError, TypeError, "note"):
            track.note = value
        assert not hasattr(track, "note")


@bad_values
def test_data_that_do_not_pickle_in_bulk(store, value):
    """The error names the record; the abort of the savepoint drops the rest."""
    savepoint = transaction_of(store).savepoint()
    records = [("a", 0, "u1", {"n": n}) for n in range(5)]
    records.append(("new", 0, "u1", {"bad": value}))
    with refused(DataError, TypeError, "data['bad']", "records[5]"):
        store.saveTracks(records)
    savepoint.rollback()


def test_a_persistent_object_in_data_is_refused(store):
    with refused(DataError, TypeError, "data['owner']", "persistent object"):
        store.saveUserTrack("a", 0, "u1", {"owner": store})


@pytest.mark.parametrize("data", [
    None, 1, "text", b"bytes", ["a", "b"], {1, 2}, [("key", 1)]])
def test_data_that_are_no_mapping(store, data):
    with refused(DataError, TypeError, "data", repr(data), "mapping"):
        store.saveUserTrack("a", 0, "u1", data)
    track = store["0000001"]
    with refused(DataError, TypeError, "mapping"):
        track.data = data
    with refused(DataError, TypeError, "mapping"):
        store.setTrackData(track, data)


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1, 2), object, 1j, {1}])
def test_data_with_an_indexed_key_that_cannot_be_indexed(store, value):
    with refused(KeyValueError, TypeError, "data['kind']", repr(value)):
        store.saveUserTrack("new", 0, "u1", {"kind": value})
    for trackId in store:
        with refused(KeyValueError, TypeError, "data['kind']", repr(value)):
            store[trackId].data["kind"] = value


# runs

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
             datetime.datetime(2024, 1, 1), object()]
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


# criteria

def asking(store):
    """Return the methods that take criteria, for all of them to refuse."""
    return [store.query, store.count, store.removeTracks,
            lambda **criteria: store.distinct("taskId", **criteria),
            lambda **criteria: store.groupBy("taskId", **criteria),
            lambda **criteria: store.histogram("day", "UTC", **criteria)]


def test_a_misspelt_criterion_lists_the_known_ones(store):
    for ask in asking(store):
        with refused(CriteriaError, TypeError, "taskID", "taskId", "userName",
                     "runId", "kind", "timeFrom"):
            ask(taskID="a")
    with refused(CriteriaError, TypeError, "limit", "reverse", "after"):
        store.query(taskID="a")


@pytest.mark.parametrize("value", [
    {"a": 1}, object(), NAN, 1j, lambda: None, ["a", {}], [object()],
    datetime.time(1)], ids=repr)
def test_a_criterion_that_no_value_can_be(store, value):
    for ask in asking(store):
        with refused(CriteriaError, TypeError, "taskId"):
            ask(taskId=value)


@pytest.mark.parametrize("limit", [-1, "5", 1.5, [1], True])
def test_a_limit_that_is_no_number_of_tracks(store, limit):
    with refused(CriteriaError, TypeError, "limit", repr(limit)):
        store.query(limit=limit)


@pytest.mark.parametrize("after", ["x", 1.5, [1], object(), "12x"])
def test_continuing_after_what_is_no_track(store, after):
    with refused(CriteriaError, TypeError, "after", repr(after)):
        store.query(after=after)


@pytest.mark.parametrize("pair", [1, (1,), (1, 2, 3), "ab", {"from": 1}])
def test_a_pair_of_times_that_is_none(store, pair):
    with refused(CriteriaError, TypeError, "timeFromTo", repr(pair)):
        store.query(timeFromTo=pair)


@pytest.mark.parametrize("make", [
    lambda: Between(), lambda: Between(1, "a"), lambda: Between([1], [2]),
    lambda: Between(NAN, 1), lambda: Between(object()),
    lambda: Between(datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1)),
    lambda: Prefix(1), lambda: Prefix(None), lambda: Prefix(["a"]),
    lambda: Equal([1]), lambda: Equal(NAN), lambda: Not({}), lambda: Not(NAN)])
def test_criteria_that_make_no_sense(make):
    with refused(CriteriaError, TypeError, "("):
        make()


def test_an_index_that_is_none(store):
    for ask in store.distinct, store.groupBy:
        with refused(CriteriaError, TypeError, "color", "taskId", "kind"):
            ask("color")


def test_removing_without_a_criterion(store):
    for criteria in {}, {"runId": None}:
        with refused(CriteriaError, TypeError, "criteri"):
            store.removeTracks(**criteria)


@pytest.mark.parametrize("interval", ["fortnight", 0, -1, None, NAN, [1]])
def test_an_interval_that_is_none(store, interval):
    with refused(CriteriaError, TypeError, "interval", repr(interval)):
        store.histogram(interval)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", 5, None, "../etc/passwd"])
def test_a_time_zone_that_is_none(store, zone):
    with refused(CriteriaError, TypeError, "timeZone", repr(zone)):
        store.histogram("day", zone)


# the container

@pytest.mark.parametrize("trackId", [
    "0000009", "x", "", "-1", "1", "00000001", " 000001", 1, None, ("a",), "²"])
def test_an_id_that_no_track_has(store, trackId):
    with pytest.raises(KeyError):
        store[trackId]
    with pytest.raises(KeyError):
        del store[trackId]
    assert trackId not in store
    assert store.get(trackId, "nothing") == "nothing"


def test_a_track_of_another_store(store):
    other = TrackingStorage()
    other.saveUserTrack("x", 0, "u", {})
    stranger = other["0000001"]
    for change in (store.removeTrack, lambda track: store.updateTrack(track, {"n": 9}),
                   lambda track: store.setTrackData(track, {"n": 9})):
        with pytest.raises((TypeError, ValueError)):
            change(stranger)


def test_a_track_factory_that_is_none():
    for factory in dict, "Track", None.__class__:
        with pytest.raises(TypeError, match="trackFactory"):
            TrackingStorage(trackFactory=factory)


def test_a_class_whose_metadata_leave_out_the_usual():
    with pytest.raises(TypeError, match=r"Bare.metadata_attributes.*'runId'"):
        class Bare(Track):
            metadata_attributes = ("taskId",)
            index_attributes = ("taskId",)


# formats

def test_a_store_of_a_newer_format(tmp_path):
    path = str(tmp_path / "tracks.fs")
    newer_release = mock.patch.object(parts, "FORMAT", parts.FORMAT + 1)
    with newer_release, trackstore.open(path) as newer:
        newer.saveUserTrack("a", 0, "u", {})
    words = f"format {parts.FORMAT + 1}", f"up to {parts.FORMAT}", "newer"
    with refused(FormatError, ValueError, *words), trackstore.open(path) as store:
        len(store)
    with newer_release, trackstore.open(path) as newer:
        assert len(newer) == 1


# places

def opening(where):
    with trackstore.open(where):
        pass


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no database\n" * 100)
    with refused(OpenError, ValueError, "notes.txt"):
        opening(str(path))
    assert path.read_text() == "no database\n" * 100


def test_a_file_of_something_binary(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    before = path.read_bytes()
    with refused(OpenError, ValueError, "picture.png"):
        opening(str(path))
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there(tmp_path):
    with refused(OpenError, ValueError, "nowhere"):
        opening(str(tmp_path / "nowhere" / "tracks.fs"))


def test_a_folder(tmp_path):
    with refused(OpenError, ValueError, str(tmp_path)):
        opening(str(tmp_path))


@pytest.mark.parametrize("where", [None, 5, ["a"]])
def test_a_place_that_is_no_path(where):
    with pytest.raises((OpenError, TypeError), match="where"):
        opening(where)


def test_a_place_without_a_name():
    with refused(OpenError, ValueError, "where: ''"):
        opening("")


def test_a_uri_of_an_unknown_scheme():
    with refused(OpenError, ValueError, "gopher"):
        opening("gopher://example.org/tracks")


def transaction_of(store):
    return store._p_jar.transaction_manager
