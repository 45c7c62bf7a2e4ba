"""Abort, savepoints and conflicts, as with any object in ZODB."""

import pytest
import transaction
from ZODB.POSException import ConflictError

from trackstore.tests.transactions.place import SIZES, changes, rows, summary


@SIZES
def test_abort_leaves_no_trace(place, count):
    store, before = place.filled(count)
    for change in changes(store):
        change()
        place.manager.abort()
        assert summary(store) == before
    place.reopen()
    assert summary(place.tracks) == before


def test_abort_takes_back_the_numbers(place):
    store = place.tracks
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
    place.tracks.saveTracks(rows(40))
    place.manager.commit()
    for number in range(41, 50):
        place.reopen()
        assert place.tracks.saveUserTrack("a", 0, "u", {}) == f"{number:07}"
        place.manager.commit()
        if number == 45:
            place.tracks.compact()


def test_a_removed_tracks_number_is_not_given_again(place):
    store = place.tracks
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
    assert place.tracks.saveUserTrack("a", 0, "u", {}) == "0000005"


# savepoints

def test_rollback_takes_back_what_came_after_the_savepoint(place):
    store, before = place.filled(40)
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
    assert summary(place.tracks) == kept


def test_a_bulk_save_can_be_rolled_back_as_a_whole(place):
    """However many savepoints of its own it has taken."""
    store = place.tracks
    store.saveUserTrack("a", 0, "u", {})
    savepoint = place.manager.savepoint()
    before = summary(store)
    assert len(store.saveTracks(rows(30_000))) == 30_000
    savepoint.rollback()
    assert summary(store) == before
    assert store.saveUserTrack("a", 0, "u", {}) == "0000002"
    place.manager.commit()
    assert len(store) == 2


def test_conflicts_are_conflict_errors(place):
    """Two clients that change the same thing: the second tries again."""
    store = place.tracks
    store.saveTracks(rows(6000))
    place.commit()
    for change in list(changes(store))[5:12]:
        manager = transaction.TransactionManager()
        connection = place.db.open(manager)
        connection.root()["tracks"]["0000001"].data["n"] = "theirs"
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
