"""Undo, of a save, of changes, and of what has moved since."""

import pytest
from ZODB.POSException import UndoError

from trackstore.tests.transactions.place import SIZES, changes, rows, summary


@SIZES
def test_undo_of_a_save(place, count):
    store, before = place.filled(count)
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
    assert summary(place.tracks) == before


@SIZES
def test_undo_of_changes(place, count):
    store, before = place.filled(count)
    for change in list(changes(store))[2:-1]:
        start = place.last()
        change()
        place.commit()
        done = [entry["id"] for entry in place.db.undoLog(0, 9)]
        place.undo(*done[:done.index(start)])  # the change, and its upkeep
        assert summary(store) == before


def test_undo_of_an_earlier_change_keeps_the_later_ones(place):
    """Where the two did not touch the same track; else it is an UndoError."""
    store = place.tracks
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
    store, before = place.filled(6000)
    assert store.removeTracks(timeFrom=100, timeTo=120) == 21
    removed = place.commit()
    assert len(store) == 5979
    place.undo(removed)
    assert summary(store) == before


def test_undo_of_what_upkeep_has_moved_since(place):
    """It is refused, and done together with the undo of the upkeep."""
    store, before = place.filled(6000)
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
    store = place.tracks
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
