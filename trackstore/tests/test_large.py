"""Tracks with large data: the file and the memory stay within reason."""

import os

import pytest
import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

from trackstore import TrackingStorage, saving, segment

LARGE = 100_000


@pytest.fixture
def place(tmp_path):
    path = str(tmp_path / "large.fs")
    manager = transaction.TransactionManager()
    database = DB(FileStorage(path))
    root = database.open(manager).root()
    root["tracks"] = TrackingStorage()
    manager.commit()
    yield root["tracks"], manager, path
    manager.abort()
    database.close()


def text(n):
    """Return a text that hardly gets smaller."""
    return os.urandom(LARGE // 2).hex() + str(n)


@pytest.mark.parametrize("bulk", [False, True])
def test_a_large_track_is_not_written_again_with_its_neighbours(place, bulk):
    tracks, manager, path = place
    for n in range(60):
        data = {"text": text(n)}
        if bulk:
            tracks.saveTracks([("a", 0, "u", data)])
        else:
            tracks.saveUserTrack("a", 0, "u", data)
        manager.commit()
    assert os.path.getsize(path) < 2.5 * 60 * LARGE
    assert [track.data["text"][LARGE:] for track in tracks.values()] == [
        str(n) for n in range(60)]
    assert tracks.verify() == []


def test_blocks_are_bounded_in_bytes(place):
    tracks, manager, _ = place
    tracks.saveTracks(("a", 0, "u", {"text": text(n), "n": n}) for n in range(300))
    manager.commit()
    tracks.compact()
    manager.begin()
    [(_, entry)] = tracks._directory.in_order()
    sizes = [len(block.data) for block in entry.segment.blocks]
    assert max(sizes) <= segment.LARGEST_BLOCK
    assert len(sizes) > 10
    assert [track.data["n"] for track in tracks.values()] == list(range(300))


def test_what_is_just_small_enough_is_in_the_tail(place):
    tracks, _, _ = place
    tracks.saveUserTrack("a", 0, "u", {"text": "x" * (saving.LARGE - 500)})
    assert tracks.info()["tail"] == 1
    tracks.saveUserTrack("a", 0, "u", {"text": "x" * saving.LARGE})
    assert tracks.info()["tail"] == 1
    assert tracks.info()["segments"] == 1
