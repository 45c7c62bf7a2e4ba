"""A track is one object over a connection, and never stale."""

import copy
import gc
import pickle

import pytest
import transaction
from ZODB.DB import DB

from trackstore import Track, TrackingStorage
from trackstore.tests.model import Item


class Client:
    """A connection with a transaction manager of its own."""

    def __init__(self, db):
        self.manager = transaction.TransactionManager()
        self.connection = db.open(self.manager)

    @property
    def store(self):
        return self.connection.root()["store"]

    def close(self):
        self.manager.abort()
        self.connection.close()


@pytest.fixture
def db():
    db = DB(None)
    yield db
    db.close()


@pytest.fixture
def client(db):
    client = Client(db)
    client.connection.root()["store"] = TrackingStorage(trackFactory=Item)
    client.manager.commit()
    yield client
    client.close()


@pytest.fixture
def other(db, client):
    other = Client(db)
    yield other
    other.close()


@pytest.fixture(params=["tail", "small segment", "large segment", "compacted"])
def store(request, client):
    """A store whose track 1 lies in one place or another."""
    store = client.store
    count = {"tail": 1, "large segment": 6000}.get(request.param, 50)
    if request.param == "tail":
        store.saveUserTrack("a", 0, "u", {"n": 0, "list": [1]}, timeStamp=10)
    else:
        store.saveTracks([("a", 0, "u", {"n": n, "list": [1]}, 10 + n)
                          for n in range(count)])
    client.manager.commit()
    if request.param == "compacted":
        store.compact()
        client.manager.begin()
    yield store
    assert store.verify() == []


# one object

def test_a_track_is_one_object_whichever_way_it_is_asked_for(store):
    track = store["0000001"]
    assert store["0000001"] is track
    assert store.get("0000001") is track
    assert store.query(taskId="a")[0] is track
    assert store.query(timeTo=10)[:1][0] is track
    assert next(iter(store.query(userName="u"))) is track
    assert store.values()[0] is track
    assert next(iter(store.items()))[1] is track
    assert store.getUserTracks("a", 0, "u")[0] is track
    assert store.getUserTracks("a", 1, "u")[0] is track
    track.timeStamp = 10**6
    assert store.getLastUserTrack("a", 0, "u") is track


def test_a_track_stays_one_object_over_transactions(client, store):
    track = store["0000001"]
    store.saveUserTrack("b", 0, "u", {})
    client.manager.commit()
    assert store["0000001"] is track
    track.taskId = "moved"
    client.manager.abort()
    assert store["0000001"] is track
    store.compact()
    client.manager.begin()
    assert store["0000001"] is track
    client.connection.cacheMinimize()
    assert store["0000001"] is track


def test_each_connection_has_its_own(client, other, store):
    other.manager.begin()
    assert other.store["0000001"] is not client.store["0000001"]
    assert other.store["0000001"].__parent__ is other.store
    assert client.store["0000001"].__parent__ is client.store


def test_tracks_that_nobody_holds_take_no_memory(store):
    for track in store.query():
        assert track.taskId == "a"
    del track
    gc.collect()
    held = [each for each in gc.get_objects() if isinstance(each, Track)]
    assert len(held) <= 2


# never stale

def test_after_an_abort(client, store):
    track = store["0000001"]
    track.data["n"] = "changed"
    track.taskId = "moved"
    track.note = "mine"
    track.timeStamp = 99
    assert (track.data["n"], track.taskId, track.note) == (
        "changed", "moved", "mine")
    client.manager.abort()
    assert (track.taskId, track.timeStamp) == ("a", 10)
    assert track.data == {"n": 0, "list": [1]}
    assert not hasattr(track, "note")


def test_after_a_rollback(client, store):
    track = store["0000001"]
    track.data["n"] = "kept"
    savepoint = client.manager.savepoint()
    track.data["n"] = "dropped"
    track.state = "dropped"
    savepoint.rollback()
    assert track.data["n"] == "kept"
    assert store.count(state="dropped") == 0
    client.manager.commit()
    assert track.data["n"] == "kept"


def test_after_a_change_by_another_client(client, other, store):
    track = store["0000001"]
    assert track.data["n"] == 0
    other.manager.begin()
    other.store["0000001"].data["n"] = "theirs"
    other.store["0000001"].taskId = "moved"
    other.manager.commit()
    assert (track.data["n"], track.taskId) == (0, "a")
    client.manager.begin()
    assert (track.data["n"], track.taskId) == ("theirs", "moved")


def test_a_change_through_data_that_were_read_before(client, other, store):
    """It is made to the data as they are now, not as they were then."""
    track = store["0000001"]
    data = track.data
    other.manager.begin()
    other.store["0000001"].data["theirs"] = 1
    other.manager.commit()
    client.manager.begin()
    data["mine"] = 2
    assert track.data == data == {"n": 0, "list": [1], "theirs": 1, "mine": 2}
    client.manager.abort()
    data.update(n=5)
    assert track.data == data == {"n": 5, "list": [1], "theirs": 1}


def test_after_another_client_has_compacted(client, other, store):
    track = store["0000001"]
    track.data["n"] = "changed"
    client.manager.commit()
    other.manager.begin()
    other.store.compact()
    assert track.data["n"] == "changed"
    client.manager.begin()
    assert track.data["n"] == "changed"
    track.data["n"] = "again"
    client.manager.commit()
    other.manager.begin()
    assert other.store["0000001"].data["n"] == "again"


def test_after_a_change_through_the_store(store):
    track = store["0000001"]
    store.updateTrack(track, {"more": 1})
    assert track.data["more"] == 1
    store.setTrackData(track, {"only": 1})
    assert track.data == {"only": 1}
    store.saveUserTrack(
        "new", 1, "u", {"first": 1}, timeStamp=5)
    trackId = store.saveUserTrack("new", 1, "u", {"more": 2}, update=True)
    assert store[trackId].data == {"first": 1, "more": 2}


def test_a_track_that_was_created_and_aborted(client, store):
    track = store[store.saveUserTrack("b", 0, "u", {})]
    client.manager.abort()
    for name in "taskId", "timeStamp", "data":
        with pytest.raises(KeyError, match=track.name):
            getattr(track, name)


def test_a_track_that_was_removed(client, store):
    track = store["0000001"]
    data = track.data
    store.removeTrack(track)
    for read in (lambda: track.taskId, lambda: track.data, lambda: track.note,
                 lambda: track.metadata, lambda: track.indexdata):
        with pytest.raises(KeyError, match="0000001"):
            read()
    for write in (lambda: track.update({"n": 1}),
                  lambda: setattr(track, "taskId", "b"),
                  lambda: setattr(track, "data", {}),
                  lambda: data.update(n=1)):
        with pytest.raises(KeyError, match="0000001"):
            write()
    assert "0000001" in repr(track)
    store.removeTrack(track)
    client.manager.abort()
    assert track.data["n"] == 0


# writing through

def test_attributes_and_their_indexes(client, store):
    track = store["0000001"]
    track.taskId = "moved"
    track.userName = "other"
    track.timeStamp = 5.5
    track.state = "done"
    assert store.query(taskId="moved", userName="other", state="done",
                       timeFromTo=(5.5, 5.5)) == [track]
    assert store.getTaskIds() in (["moved"], ["a", "moved"])
    assert store.getUserNames("moved") == ["other"]
    assert track.metadata == {
        "taskId": "moved", "runId": 1, "userName": "other", "timeStamp": 5.5,
        "state": "done"}
    client.manager.commit()
    assert store.count(state="done") == 1
    track.state = "open"
    assert store.count(state="done") == 0


class Task(Track):
    """A class with a default for what it has an index of."""

    metadata_attributes = Track.metadata_attributes + ("state", "owner")
    index_attributes = Track.index_attributes + ("state", "owner")
    state = "new"


@pytest.mark.parametrize("count", [1, 100])
def test_a_default_is_what_the_index_has(client, count):
    store = client.connection.root()["tasks"] = TrackingStorage(trackFactory=Task)
    store.saveTracks([("a", 0, "u", {})] * count)
    client.manager.commit()
    track = store["0000001"]
    assert (track.state, track.owner) == ("new", None)
    assert (track.indexdata["state"], track.indexdata["owner"]) == ("new", None)
    assert store.count(state="new") == store.count(owner=None) == count
    track.state = "done"
    assert (store.distinct("state"), store.count(state="new")) == (
        ["done", "new"] if count > 1 else ["done"], count - 1)
    assert store.verify() == []


def test_any_other_attribute(client, other, store):
    track = store["0000001"]
    track.note = {"deep": [1]}
    client.manager.commit()
    other.manager.begin()
    assert other.store["0000001"].note == {"deep": [1]}
    assert "note" not in track.data
    assert "note" not in track.metadata
    track.note = None
    assert track.note is None
    client.manager.commit()
    store.compact()
    client.manager.begin()
    assert track.note is None
    with pytest.raises(AttributeError, match="nothing"):
        track.nothing  # noqa: B018


def test_deleting_an_attribute(client, store):
    track = store["0000001"]
    track.note = 1
    client.manager.commit()
    del track.note
    assert not hasattr(track, "note")
    client.manager.commit()
    assert not hasattr(track, "note")


# the data

def test_data_are_a_dict(store):
    data = store["0000001"].data
    assert isinstance(data, dict)
    assert data == {"n": 0, "list": [1]}
    assert repr(data) == "{'n': 0, 'list': [1]}"
    assert {**data} == dict(data) == data.copy() == {"n": 0, "list": [1]}
    assert data | {"m": 1} == {"n": 0, "list": [1], "m": 1}
    assert list(data) == ["n", "list"]


def test_each_way_to_change_data_is_written_through(client, other, store):
    track = store["0000001"]
    ways = [
        (lambda data: data.__setitem__("x", 1), lambda d: d.update(x=1)),
        (lambda data: data.update({"y": 2}, z=3), lambda d: d.update(y=2, z=3)),
        (lambda data: data.setdefault("w", 4), lambda d: d.setdefault("w", 4)),
        (lambda data: data.setdefault("w", 5), lambda d: None),
        (lambda data: data.pop("x"), lambda d: d.pop("x")),
        (lambda data: data.pop("gone", None), lambda d: None),
        (lambda data: data.__delitem__("y"), lambda d: d.pop("y")),
        (lambda data: data.popitem(), lambda d: d.popitem()),
        (lambda data: data.__ior__({"v": 6}), lambda d: d.update(v=6)),
        (lambda data: data.clear(), lambda d: d.clear()),
        (lambda data: data.update([("u", 7)]), lambda d: d.update(u=7))]
    expected = dict(track.data)
    for change, also in ways:
        change(track.data)
        also(expected)
        assert track.data == expected
        assert track.size == len(expected)
        assert store.query(size=len(expected), timeTo=10) == [track]
        client.manager.commit()
        other.manager.begin()
        assert other.store["0000001"].data == expected
        assert list(other.store["0000001"].data) == list(expected)


def test_what_changes_nothing_writes_nothing(client, store):
    track = store["0000001"]
    for read in (lambda: track.data["n"], lambda: track.data.get("gone"),
                 lambda: track.data.setdefault("n", 1),
                 lambda: track.data.pop("gone", None),
                 lambda: list(track.data.items()), lambda: repr(track),
                 lambda: track.update({}), lambda: track.data.update({}),
                 lambda: store.saveUserTrack("a", 1, "u", {}, update=True),
                 lambda: track.metadata, lambda: track.indexdata,
                 lambda: list(store.query(taskId=["a", "b"], size=2)),
                 lambda: store.getUserNames("a"), lambda: store.verify(),
                 lambda: store.info(), lambda: store.groupBy("kind", of="n"),
                 lambda: store.stopRun("nothing"), lambda: store.getRun("a"),
                 lambda: setattr(track, "taskId", "a"),
                 lambda: track.data.__setitem__("n", 0),
                 lambda: setattr(track, "data", {"n": 0, "list": [1]}),
                 lambda: setattr(store.getRun("a"), "start", 10),
                 lambda: store.indexTrack(0, track),
                 lambda: store.removeTracks(taskId="none")):
        read()
        assert not client.connection._registered_objects


def test_what_is_inside_of_a_value_is_not_shared(client, store):
    track = store["0000001"]
    track.data["list"].append(2)
    if "0000002" in store:
        assert store["0000002"].data["list"] == [1]
    given = {"list": [1]}
    track.data["given"] = given
    first = store[store.saveUserTrack("c", 0, "u", given)]
    second = store[store.saveUserTrack("c", 0, "u", given)]
    given["list"].append("later")
    assert first.data == {"list": [1]}
    first.data["list"].append("mine")
    assert second.data == {"list": [1]}
    client.manager.commit()
    client.connection.cacheMinimize()
    assert track.data["given"] == first.data == second.data == {"list": [1]}


def test_setting_a_changed_value_again_writes_it(client, store):
    track = store["0000001"]
    changed = track.data["list"]
    changed.append(2)
    track.data["list"] = changed
    client.manager.commit()
    client.connection.cacheMinimize()
    assert track.data["list"] == [1, 2]


def test_the_dict_that_was_given_stays_the_callers(store):
    given = {"n": 5}
    track = store["0000001"]
    track.data = given
    track.data["m"] = 1
    assert given == {"n": 5}
    given["k"] = 1
    assert track.data == {"n": 5, "m": 1}


def test_a_copy_of_data_is_a_plain_dict(store):
    data = store["0000001"].data
    for made in (copy.copy(data), copy.deepcopy(data), data.copy(),
                 pickle.loads(pickle.dumps(data))):
        assert type(made) is dict
        made["n"] = "changed"
        assert data["n"] == 0


def test_data_of_one_track_given_to_another(store):
    track = store["0000001"]
    other = store[store.saveUserTrack("c", 0, "u", track.data)]
    assert other.data == track.data
    other.data["n"] = "other"
    assert track.data["n"] == 0
    other.data = track.data
    assert other.data["n"] == 0


# runs

def test_a_run_is_written_through_and_never_stale(client, other, store):
    run = store.getRun("a")
    run.start = 3
    run.end = 7
    client.manager.commit()
    other.manager.begin()
    theirs = other.store.getRun("a")
    assert (theirs.start, theirs.end, theirs.finished) == (3, 7, False)
    other.store.stopRun("a", timeStamp=9)
    other.manager.commit()
    client.manager.begin()
    assert (run.end, run.finished) == (9, True)
    run.finished = False
    assert run.id in store.runs
    assert run.id not in store.finishedRuns
    client.manager.abort()
    assert run.finished is True
    assert run.id in store.finishedRuns


def test_tracks_that_change_while_one_goes_through_them(client):
    """Each shows what it holds when it is looked at, not when it was found."""
    store = client.store
    store.saveTracks(("many", 0, "u", {"n": n}, n) for n in range(2000))
    client.manager.commit()
    seen = 0
    for track in store.query(taskId="many"):
        assert track.data.get("seen", 0) == seen
        seen = track.data["n"] + 1
        following = store.query(taskId="many", timeFrom=seen, timeTo=seen)
        for other in following:
            other.data["seen"] = seen
        if seen == 700:
            client.manager.commit()
    assert seen == 2000


def test_handles_of_a_dropped_answer_do_not_pile_up(client):
    store = client.store
    store.saveTracks(("many", 0, "u", {}, n) for n in range(5000))
    client.manager.commit()
    kept = store["0004000"]
    list(store.query(taskId="many"))
    list(store.query(taskId="many", timeTo=10))
    assert len(store._v_handles) < 100
    assert store["0004000"] is kept


def test_handles_that_are_kept_stay_the_same_while_others_come_and_go(client):
    store = client.store
    store.saveTracks(("many", 0, "u", {}, n) for n in range(5000))
    client.manager.commit()
    kept = list(store.query(taskId="many", timeTo=1999))
    for _ in range(3):
        list(store.query(taskId="many"))
    assert all(mine is theirs for mine, theirs in zip(
        kept, store.query(taskId="many"), strict=False))
