"""Hurt pages of the runs."""


import pytest
import transaction

from trackstore.exceptions import DamagedError
from trackstore.tests.hurting import place_of
from trackstore.tests.hurtpages.pages import hurt


def start(tracks):
    """Start a run for each of forty tasks; stop some."""
    for n in range(1, 41):
        tracks.startRun(f'task {n}', timeStamp=n)
        transaction.commit()
    for n in (3, 18, 19):
        tracks.stopRun(f'task {n}', timeStamp=100 + n)
    tracks.saveUserTrack('task 20', 20, 'ann', {}, timeStamp=50)


def states(tracks):
    return {number: run for number in range(1, 50)
            if (run := tracks._runs.get(number)) is not None}


@pytest.mark.parametrize('pack', [False, True])
def test_all_but_the_hurt_run_is_kept(made, pack):
    path, oids = made(start, pack)
    with hurt(path) as tracks:
        whole, current = states(tracks), dict(tracks.currentRuns)
    place = place_of(path, oids['runs'][1], b'task 22')
    with hurt(path, place) as tracks:
        runs = tracks.startRun('more'), tracks.startRun('more')
        transaction.commit()
        assert runs == (2 ** 20 + 41, 2 ** 20 + 42)
        [told], problems = tracks.repair()
        assert problems == []
        found = states(tracks)
        if pack:
            assert told == 'runs, page 1: was made anew with 15 runs; lost: run 22'
            del whole[22], current['task 22']
            assert {**current, 'more': runs[1]} == tracks.currentRuns
        else:
            assert told == ('runs, page 1: was made anew with 16 runs; '
                            'as before the last change: run 22')
            assert tracks.currentRuns['task 22'] == 22
        assert found == whole


def test_a_run_that_has_tracks_is_made_anew(made):
    path, oids = made(start, pack=True)
    with hurt(path, place_of(path, oids['runs'][1], b'task 20')) as tracks:
        assert tracks.repair() == (['runs, page 1: was made anew with 16 runs; as the '
                                    'tracks tell: run 20'], [])
        assert tracks.getRun(runId=20).taskId == 'task 20'


def test_a_task_goes_on_after_its_current_run_was_lost(made):
    path, oids = made(start, pack=True)
    with hurt(path, place_of(path, oids['runs'][2], b'task 40')) as tracks:
        assert tracks.repair() == (
            ['runs, page 2: was made anew with 8 runs; lost: run 40'], [])
        assert 'task 40' not in tracks.currentRuns
        run = tracks.startRun('other')
        track = tracks[tracks.saveUserTrack('task 40', 0, 'ann', {})]
        assert track.runId != run and tracks.getRun('task 40').id == track.runId


@pytest.mark.parametrize('sealed', [False, True])
def test_a_current_run_that_does_not_exist_is_named(made, sealed):
    def fill(tracks):
        start(tracks)
        for task, run in (('task 1', 77), ('task 2', 76), ('task 3', 78)):
            tracks._runs.set_current(task, run)
        if sealed:
            tracks._runs.seal()
        tracks._runs.set_current('task 2', 2)  # hides what is sealed

    path, _ = made(fill)
    with hurt(path) as tracks:
        problems = tracks.verify()
        assert sorted(problem.partition(': ')[2] for problem in problems) == [
            f"run {run}, the current one of '{task}', does not exist"
            for run, task in ((77, 'task 1'), (78, 'task 3'))]
        assert tracks.repair() == ([
            'the current runs: are without runs 77-78, which do not exist'], [])
        assert tracks.currentRuns == {
            f'task {n}': n for n in range(1, 41) if n not in (1, 3, 18, 19)}


def test_current_runs_follow_from_the_runs(made):
    path, oids = made(start, pack=True)
    with hurt(path) as tracks:
        current = dict(tracks.currentRuns)
        assert 'task 19' not in current and current['task 20'] == 20
    places = [place_of(path, oid) - 10 for oid in oids['current']]
    with hurt(path, *places) as tracks:
        assert len(tracks.repair().repaired) == 4
        assert dict(tracks.currentRuns) == current and tracks.verify() == []


def test_a_ledger_is_made_anew_from_its_leaves(made):
    def fill(tracks):
        start(tracks)
        tracks._runs.seal()

    path, oids = made(fill)
    with hurt(path) as tracks:
        whole = states(tracks)
    with hurt(path, place_of(path, oids['done']) - 12) as tracks:
        with pytest.raises(DamagedError, match='^the done runs: is damaged: '):
            list(tracks.finishedRuns)
        assert tracks.repair() == (
            ['the done runs: were made anew from 1 shelf'], [])
        assert states(tracks) == whole and list(tracks.finishedRuns) == [3, 18, 19]
