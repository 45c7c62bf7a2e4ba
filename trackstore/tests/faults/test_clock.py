"""Clocks that jump back."""

import time
from random import Random

import pytest

from trackstore.testing import frozen_clock
from trackstore.tests.faults.place import START
from trackstore.tests.faults.work import Numbered, perform, planned


@pytest.fixture
def clock(monkeypatch):
    """The clock of the machine, for trackstore and for the ZODB."""
    with frozen_clock(START) as clock:
        monkeypatch.setattr(time, "time", clock)
        yield clock


def test_a_clock_that_jumps_back_between_transactions(place, clock):
    random, ids = Random(5), []
    for n in range(120):
        clock.advance(seconds=random.choice([0, 1, 3600]))
        if n % 20 == 10:
            clock.advance(days=-1)
        place.model.now = clock.now
        operation = planned(random, place.model)
        assert perform(operation, Numbered(place.tracks)) == (
            perform(operation, place.model))
        place.manager.commit()
        ids.append(place.db.lastTransaction())
    assert ids == sorted(ids) and len(set(ids)) > 100  # some change nothing
    place.check()
    clock.advance(days=-400)
    place.reopen()
    place.model.now = clock.now
    place.tracks.compact()
    place.check()
    place.save()
    assert place.db.lastTransaction() > ids[-1]
    place.db.pack()
    place.check()
    times = [track.timeStamp for track in place.tracks.query()]
    assert times != sorted(times)
    numbers = list(place.tracks.query().numbers)
    assert numbers == sorted(numbers)


def test_a_clock_that_jumps_back_while_tracks_are_saved(place, clock):
    def rows():
        for n in range(3000):
            if n == 1500:
                clock.advance(days=-1)
            yield "a", 0, "u", {"n": n}

    ids = list(place.tracks.saveTracks(rows()))
    place.manager.commit()
    store = place.tracks
    assert [track.data["n"] for track in store.query()] == list(range(3000))
    assert list(store) == ids
    times = {track.timeStamp for track in store.query()}
    assert times == {START, START - 86_400}
    before = store.query(timeTo=START - 1)
    assert len(before) + store.count(timeFrom=START) == 3000
    assert before[-1].name == ids[-1]
    assert store.verify() == []


def test_the_clock_jumps_back_during_a_run(place, clock):
    store = place.tracks
    run = store.getRun(runId=store.startRun("a"))
    clock.advance(days=-1)
    early = store.saveUserTrack("a", 0, "u", {})
    assert (run.start, run.end) == (START, START)  # not before its start
    store.stopRun("a")
    assert (run.end, run.finished) == (START - 86_400, True)  # the clock's word
    late = store.saveUserTrack("a", run.id, "u", {}, timeStamp=START + 5)
    assert run.end == START + 5
    assert store.getLastUserTrack("a", run.id, "u").name == late > early
    place.manager.commit()
    place.reopen()
    assert place.tracks.verify() == []
    assert place.tracks.getRun(runId=run.id).end == START + 5
