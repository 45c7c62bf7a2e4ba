"""Processes that write to one store at the same time, over each server."""

import time

import pytest

import trackstore
from trackstore.tests.storages import SERVED
from trackstore.tests.writer import TASKS, Writers

#: So long do they work, and so many steps does each take at least.
SECONDS, LEAST = 0.6, 8


@pytest.fixture
def uri(kind, places, tmp_path):
    """A store in which the runs of the writers' tasks have been started."""
    with places.uri(kind, tmp_path) as uri:
        with trackstore.open(uri) as tracks:
            for task in TASKS:
                tracks.startRun(task)
        yield uri


def check(uri, results):
    """Compare what the writers say that they have committed with what is there."""
    expected = {}
    for result in results:
        for trackId, data in result["committed"].items():
            assert trackId not in expected
            expected[trackId] = data
    kept = {name: data for name, data in expected.items() if data is not None}
    with trackstore.open(uri, create=False) as tracks:
        assert {track.name: dict(track.data) for track in tracks.values()} == kept
        assert tracks.verify() == []
        tracks.compact()
        assert list(tracks) == sorted(kept)


@pytest.mark.parametrize("step", ["single", "batch", "mixed"])
@pytest.mark.parametrize("kind", SERVED)
def test_processes_do_not_conflict(uri, step):
    writers = Writers(uri, step, 3, SECONDS, LEAST)
    writers.start()
    results = writers.results()
    assert [result["conflicts"] for result in results] == [[]] * 3
    check(uri, results)


@pytest.mark.parametrize("kind", SERVED)
def test_compaction_beside_processes(uri):
    """The process that compacts gives way, or comes through in the end."""
    writers = Writers(uri, "mixed", 3, SECONDS, LEAST)
    writers.start()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        with trackstore.open(uri, create=False) as tracks:
            tracks.compact()
    check(uri, writers.results())
