"""Abort, savepoints, undo, pack and copies, as with any object in ZODB."""

import shutil
import time

import pytest
import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage
from ZODB.POSException import ConflictError, UndoError

from trackstore import TrackingStorage
from trackstore.tests.model import Item


class Place:
    """A store in a FileStorage, with one client."""

    def __init__(self, path):
        self.path = path
        self.manager = transaction.TransactionManager()
        self.open()

    def open(self):
        self.db = DB(FileStorage(self.path))
        self.connection = self.db.open(self.manager)
        self.root = self.connection.root()

    @property
    def store(self):
        return self.root["store"]

    def commit(self):
        """Commit, and return the id of the last transaction for ``undo``."""
        self.manager.commit()
        return self.last()

    def last(self):
        log = self.db.undoLog(0, 1)
        return log[0]["id"] if log else None

    def undo(self, *ids):
        self.db.undoMultiple(ids, self.manager.get())
        self.manager.commit()

    def pack(self):
        self.db.pack(time.time() + 1)

    def close(self):
        self.manager.abort()
        self.connection.close()
        self.db.close()

    def reopen(self):
        self.close()
        self.open()


@pytest.fixture
def place(tmp_path):
    place = Place(str(tmp_path / "tracks.fs"))
    place.root["store"] = TrackingStorage(trackFactory=Item)
    place.manager.commit()
    yield place
    place.close()


def summary(store):
    """All that there is to see of a store."""
    assert store.verify() == []
    return ([(track.name, *track.metadata.values(), track.data)
             for track in store.values()],
            {name: {value: group.count
                    for value, group in store.groupBy(name).items()}
             for name in store.indexAttributes},
            [(run.id, run.start, run.end, run.finished)
             for runs in (store.runs, store.finishedRuns)
             for _, run in sorted(runs.items())],
            dict(store.currentRuns))


def rows(count, task="a", user="u"):
    return [(task, 0, user, {"n": n, "kind": "x"}, n) for n in range(count)]


SIZES = pytest.mark.parametrize("count", [1, 40, 6000])


# abort

def changes(store):
    """Each of the ways to change a store."""
    first = store["0000001"]
    yield lambda: store.saveUserTrack("a", 0, "u", {"n": 1})
    yield lambda: store.saveUserTrack("new", 0, "u", {"n": 1})
    yield lambda: store.saveUserTrack("a", 0, "u", {"m": 1}, update=True)
    yield lambda: store.saveTracks(rows(10, "new"))
    yield lambda: store.saveTracks(rows(6000, "new"))
    yield lambda: store.updateTrack(first, {"n": 7})
    yield lambda: store.setTrackData(first, {})
    yield lambda: first.data.pop("n", None)
    yield lambda: setattr(first, "userName", "other")
    yield lambda: setattr(first, "state", "done")
    yield lambda: store.removeTrack(first)
    yield lambda: store.removeTracks(taskId="a")
    yield lambda: store.startRun("a")
    yield lambda: store.stopRun("a")
    yield lambda: setattr(store.getRun("a"), "end", 99)
    yield lambda: store.reindexTracks()


@SIZES
def test_abort_leaves_no_trace(place, count):
    store = place.store
    store.saveTracks(rows(count))
    place.commit()
    before = summary(store)
    for change in changes(store):
        change()
        place.manager.abort()
        assert summary(store) == before
    place.reopen()
    assert summary(place.store) == before


def test_abort_takes_back_the_numbers(place):
    store = place.store
    assert store.saveUserTrack("a", 0, "u", {}) == "0000001"
    place.manager.commit()
    assert store.saveUserTrack("b", 0, "u", {}) == "0000002"
    assert store.startRun("b") == 3
    assert list(store.saveTracks(rows(5000)))[-1] == "0005002"
    place.manager.abort()
    assert store.startRun("c") == 2
    assert store.saveUserTrack("c", 0, "u", {}) == "0000002"
    place.manager.commit()
    assert store.saveUserTrack("c", 0, "u", {}) == "0000003"


def test_numbers_go_on_after_reopening(place):
    place.store.saveTracks(rows(40))
    place.manager.commit()
    for number in range(41, 50):
        place.reopen()
        assert place.store.saveUserTrack("a", 0, "u", {}) == f"{number:07}"
        place.manager.commit()
        if number == 45:
            place.store.compact()


def test_a_removed_tracks_number_is_not_given_again(place):
    store = place.store
    store.saveTracks(rows(3))
    place.manager.commit()
    del store["0000003"]
    place.manager.commit()
    assert store.saveUserTrack("a", 0, "u", {}) == "0000004"
    place.manager.commit()
    store.removeTracks(taskId="a")
    place.manager.commit()
    store.compact()
    place.pack()
    place.reopen()
    assert place.store.saveUserTrack("a", 0, "u", {}) == "0000005"


# savepoints

def test_rollback_takes_back_what_came_after_the_savepoint(place):
    store = place.store
    store.saveTracks(rows(40))
    place.manager.commit()
    before = summary(store)
    whole = place.manager.savepoint()
    for change in changes(store):
        change()
        whole.rollback()
        assert summary(store) == before
    store.saveUserTrack("a", 0, "u", {"n": "kept"})
    kept = summary(store)
    savepoint = place.manager.savepoint()
    store.saveTracks(rows(6000))
    store["0000001"].taskId = "moved"
    inner = place.manager.savepoint()
    store.removeTracks(kind="x")
    inner.rollback()
    assert store["0000001"].taskId == "moved"
    savepoint.rollback()
    assert summary(store) == kept
    place.manager.commit()
    place.reopen()
    assert summary(place.store) == kept


def test_a_bulk_save_can_be_rolled_back_as_a_whole(place):
    """However many savepoints of its own it has taken."""
    store = place.store
    store.saveUserTrack("a", 0, "u", {})
    savepoint = place.manager.savepoint()
    before = summary(store)
    assert len(store.saveTracks(rows(30_000))) == 30_000
    savepoint.rollback()
    assert summary(store) == before
    assert store.saveUserTrack("a", 0, "u", {}) == "0000002"
    place.manager.commit()
    assert len(store) == 2


# undo

@SIZES
def test_undo_of_a_save(place, count):
    store = place.store
    store.saveTracks(rows(count))
    place.commit()
    before = summary(store)
    for save in (lambda: store.saveUserTrack("a", 0, "u", {"n": -1}),
                 lambda: store.saveUserTrack("new", 0, "u", {"n": -1}),
                 lambda: store.saveTracks(rows(50, "b")),
                 lambda: store.saveTracks(rows(6000, "b"))):
        save()
        saved = place.commit()
        after = summary(store)
        assert after != before
        place.undo(saved)
        assert summary(store) == before
        place.undo(place.last())
        assert summary(store) == after
        place.undo(place.last())
        assert summary(store) == before
    place.reopen()
    assert summary(place.store) == before


@SIZES
def test_undo_of_changes(place, count):
    store = place.store
    store.saveTracks(rows(count))
    place.commit()
    before = summary(store)
    for change in list(changes(store))[2:-1]:
        start = place.last()
        change()
        place.commit()
        done = [entry["id"] for entry in place.db.undoLog(0, 9)]
        place.undo(*done[:done.index(start)])  # the change, and its upkeep
        assert summary(store) == before


def test_undo_of_an_earlier_change_keeps_the_later_ones(place):
    """Where the two did not touch the same track; else it is an UndoError."""
    store = place.store
    store.saveTracks(rows(3))
    place.commit()
    store["0000001"].data["n"] = 100
    first = place.commit()
    store["0000002"].data["n"] = 200
    place.commit()
    place.undo(first)
    assert [track.data["n"] for track in store.values()] == [0, 200, 2]
    assert store.verify() == []
    store["0000003"].data["n"] = 300
    third = place.commit()
    store["0000003"].data["n"] = 301
    place.commit()
    with pytest.raises(UndoError):
        place.undo(third)
    place.manager.abort()
    assert [track.data["n"] for track in store.values()] == [0, 200, 301]


def test_undo_of_a_removal_brings_the_tracks_back(place):
    store = place.store
    store.saveTracks(rows(6000))
    place.commit()
    before = summary(store)
    assert store.removeTracks(timeFrom=100, timeTo=120) == 21
    removed = place.commit()
    assert len(store) == 5979
    place.undo(removed)
    assert summary(store) == before


def test_undo_of_what_upkeep_has_moved_since(place):
    """It is refused, and done together with the undo of the upkeep."""
    store = place.store
    store.saveTracks(rows(6000))
    place.commit()
    before = summary(store)
    assert store.removeTracks(timeFrom=100, timeTo=5000) == 4901
    upkeep = place.commit()
    removed = place.db.undoLog(0, 2)[1]["id"]
    assert len(store) == 1099
    with pytest.raises(UndoError):
        place.undo(removed)
    place.manager.abort()
    assert len(store) == 1099 and store.verify() == []
    place.undo(upkeep, removed)
    assert summary(store) == before


def test_a_number_is_not_given_to_two_tracks_by_undo(place):
    """What is saved after an undo and what its undo brings back do not meet."""
    store = place.store
    store.saveTracks(rows(2))
    place.commit()
    store.saveUserTrack("a", 0, "u", {"n": "undone"})
    saved = place.commit()
    place.undo(saved)
    undone = place.last()
    trackId = store.saveUserTrack("a", 0, "u", {"n": "after"})
    place.commit()
    try:
        place.undo(undone)
    except UndoError:
        place.manager.abort()
    assert store.verify() == []
    assert store[trackId].data == {"n": "after"}
    assert len(list(store)) == len(set(store)) == len(store)


# pack

@SIZES
def test_pack_at_any_time_changes_nothing(place, count):
    store = place.store
    store.saveTracks(rows(count))
    for change in list(changes(store))[:10]:
        change()
        place.commit()
        before = summary(store)
        place.pack()
        assert summary(store) == before
        place.connection.cacheMinimize()
        assert summary(store) == before
    store.compact()
    place.manager.begin()
    assert summary(store) == before
    place.pack()
    place.reopen()
    assert summary(place.store) == before


def test_pack_amid_a_transaction(place):
    store = place.store
    store.saveTracks(rows(100))
    place.commit()
    store.saveTracks(rows(6000, "b"))
    del store["0000050"]
    place.manager.savepoint()
    place.pack()
    store.saveUserTrack("c", 0, "u", {})
    before = summary(store)
    place.commit()
    place.pack()
    place.reopen()
    assert summary(place.store) == before


def test_pack_gives_back_the_space_of_what_was_merged(place):
    store = place.store
    for n in range(20):
        store.saveTracks(rows(1000, f"task{n}"))
        place.commit()
    store.compact()
    place.manager.begin()
    place.pack()
    packed = place.db.getSize()
    store.removeTracks(taskId="task*")
    place.commit()
    store.compact()
    place.manager.begin()
    place.pack()
    assert place.db.getSize() < packed / 4
    assert summary(store)[0] == []


# copies

def test_a_copy_of_the_database_is_the_same_store(place, tmp_path):
    store = place.store
    store.saveTracks(rows(6000))
    store.saveUserTrack("b", 0, "u", {})
    del store["0000002"]
    place.commit()
    path = str(tmp_path / "copy.fs")
    copied = FileStorage(path)
    copied.copyTransactionsFrom(place.db.storage)
    copied.close()
    copy = Place(path)
    try:
        assert summary(copy.store) == summary(store)
        assert copy.store.saveUserTrack("c", 0, "u", {}) == "0006002"
        copy.commit()
        assert "0006002" not in store
        assert copy.store.verify() == []
    finally:
        copy.close()


def test_a_copy_of_the_file_is_the_same_store(place, tmp_path):
    place.store.saveTracks(rows(50))
    place.commit()
    place.store["0000007"].state = "seen"
    place.commit()
    expected = summary(place.store)
    shutil.copy(place.path, tmp_path / "copied.fs")
    copy = Place(str(tmp_path / "copied.fs"))
    try:
        assert summary(copy.store) == expected
    finally:
        copy.close()


def test_two_stores_in_one_database_have_nothing_in_common(place):
    one = place.store
    two = place.root["two"] = TrackingStorage()
    one.saveTracks(rows(40))
    two.saveTracks(rows(30, "b"))
    place.commit()
    assert one.saveUserTrack("a", 0, "u", {}) == "0000041"
    assert two.saveUserTrack("a", 0, "u", {}) == "0000031"
    assert two.getTaskIds() == ["a", "b"]
    assert one["0000001"] is not two["0000001"]
    two.removeTracks(taskId="b")
    assert len(one) == 41
    assert len(two) == 1


def test_a_store_exported_and_imported(place, tmp_path):
    place.store.saveTracks(rows(6000))
    place.store.saveUserTrack("b", 0, "u", {})
    place.commit()
    with open(tmp_path / "store.zexp", "w+b") as file:
        place.connection.exportFile(place.store._p_oid, file)
        file.seek(0)
        place.root["copy"] = copy = place.connection.importFile(file)
    place.commit()
    assert summary(copy) == summary(place.store)
    copy.saveUserTrack("new", 0, "u", {})
    place.commit()
    assert len(copy) == len(place.store) + 1
    assert place.store.verify() == copy.verify() == []


# conflicts

def test_conflicts_are_conflict_errors(place):
    """Two clients that change the same thing: the second tries again."""
    store = place.store
    store.saveTracks(rows(6000))
    place.commit()
    for change in list(changes(store))[5:12]:
        manager = transaction.TransactionManager()
        connection = place.db.open(manager)
        connection.root()["store"]["0000001"].data["n"] = "theirs"
        place.manager.begin()
        change()
        manager.commit()
        with pytest.raises(ConflictError):
            place.manager.commit()
        place.manager.abort()
        assert store["0000001"].data["n"] == "theirs"
        store["0000001"].data["n"] = 0
        place.manager.commit()
        connection.close()
    assert store.verify() == []
