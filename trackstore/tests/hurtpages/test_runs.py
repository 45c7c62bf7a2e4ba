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
            assert {task: run for task, run in tracks.currentRuns.items()
                    if run != 22 and task != 'more'} == current
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
            ['the done runs: were made anew from 1 page'], [])
        assert states(tracks) == whole and list(tracks.finishedRuns) == [3, 18, 19]
