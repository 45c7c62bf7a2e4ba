"""Two transactions that save the first track of a task share its run."""

import gc

import pytest

from trackstore import numbering
from trackstore.tests.clients import Client


@pytest.fixture
def clients(place):
    made = Client(place.db), Client(place.db)
    yield made
    for client in made:
        client.close()


def save(client, task):
    number = client.tracks.saveUserTrack(task, 0, "u", {})
    return client.tracks[number].runId


def tasks_of_runs(place):
    """Return the task of each run; it is the current one of that."""
    place.manager.begin()
    store = place.tracks
    assert store.verify() == []
    found = {number: run.taskId for number, run in store.runs.items()}
    assert {task: number for number, task in found.items()} == store.currentRuns
    assert all(found[track.runId] == track.taskId for track in store.values())
    return found


def test_they_make_the_same_run(place, clients):
    one, two = clients
    assert save(one, "x") == save(two, "x") == 1
    one.commit()
    two.commit()
    assert tasks_of_runs(place) == {1: "x"}


def test_a_run_that_another_has_joined_is_not_given_out_again(place, clients):
    one, two = clients
    assert save(one, "x") == save(two, "x") == 1
    one.abort()
    assert save(one, "y") == 2
    two.commit()
    place.tracks.compact()
    one.commit()
    assert tasks_of_runs(place) == {1: "x", 2: "y"}


def test_a_run_that_was_given_out_again_is_not_joined(place, clients):
    one, two = clients
    savepoint = one.manager.savepoint()
    assert save(one, "x") == 1
    savepoint.rollback()
    assert one.tracks.startRun("y") == 1
    assert save(two, "x") == 2
    one.commit()
    place.tracks.compact()
    two.commit()
    assert tasks_of_runs(place) == {1: "y", 2: "x"}


def test_what_a_transaction_starts_is_forgotten_with_it(place, clients):
    one, _ = clients
    starting = numbering.shared(place.tracks).starting
    for end in (one.commit, one.abort):
        ended = one.manager.get()  # held, as by a traceback
        one.tracks.saveTracks((f"{end} {n}", 0, "u", {}) for n in range(100))
        assert len(starting) == 100
        end()
        gc.collect()
        assert len(starting) == 0 and ended is not one.manager.get()
