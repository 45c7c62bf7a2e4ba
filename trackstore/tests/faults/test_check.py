"""The check that tells what is wrong after a fault."""

import pytest

from trackstore import TrackingStorage
from trackstore.tests.faults import check


def lose(model):
    del model.tracks[7]


def change(model):
    model.tracks[7].data["n"] = -1


def make_up(model):
    model.saveUserTrack("a", 0, "u", {})


def forget_run(model):
    model.startRun("b")


@pytest.mark.parametrize("difference", [lose, change, make_up, forget_run])
def test_the_check_finds_what_is_wrong(place, difference):
    place.save(20)
    place.check()
    difference(place.model)
    assert check.problems(place.tracks, place.model)


def test_the_check_finds_an_index_that_is_wrong(place, monkeypatch):
    place.save(20)
    monkeypatch.setattr(TrackingStorage, "groupBy", lambda *args, **kw: {})
    assert "groupBy('taskId') does not agree with the model" in (
        check.problems(place.tracks, place.model))
