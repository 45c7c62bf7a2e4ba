"""Processes that write to one store at the same time, over each server."""

import pytest

import trackstore
from trackstore.tests.storages import SERVED
from trackstore.tests.writer import TASKS, Writers

SECONDS = 1.5


@pytest.mark.parametrize("step", ["single", "batch", "mixed"])
@pytest.mark.parametrize("kind", SERVED)
def test_processes(kind, step, places, tmp_path):
    with places.uri(kind, tmp_path) as uri:
        with trackstore.open(uri) as tracks:
            for task in TASKS:
                tracks.startRun(task)
        results = Writers(uri, step, 3, SECONDS).run()
        expected = {}
        for result in results:
            assert result["steps"] > 5
            assert result["conflicts"] == []
            for trackId, data in result["committed"].items():
                assert trackId not in expected
                expected[trackId] = data
        with trackstore.open(uri, create=False) as tracks:
            kept = {name: data for name, data in expected.items() if data is not None}
            assert {track.name: dict(track.data) for track in tracks.values()} == kept
            assert tracks.verify() == []
            tracks.compact()
            assert list(tracks) == sorted(kept)
