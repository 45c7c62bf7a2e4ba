"""The ledgers that the runs are in: leaves on shelves."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import trackstore
from trackstore import aggregate, ledger, merge
from trackstore.exceptions import DamagedError
from trackstore.ledger import LEAF, Ledger


@settings(deadline=None)
@given(st.lists(st.dictionaries(
    st.integers(0, 5000), st.none() | st.binary(max_size=3)), max_size=5))
def test_it_is_a_mapping(changes):
    before = ledger.SHELF
    ledger.SHELF = 3
    try:
        made, expected = Ledger('done'), {}
        for change in changes:
            made.change(change)
            expected.update(change)
        there = {key: value for key, value in expected.items() if value is not None}
        assert dict(made.items()) == there and made.highest() == max(there, default=0)
        assert all(made.highest(above) == max(above, *there, 0)
                   for above in (1, 255, 256, 1000, 1023, 5000))
        assert all(made.get(key) == there.get(key) for key in expected)
    finally:
        ledger.SHELF = before


@pytest.fixture
def path(tmp_path, monkeypatch):
    """A store with three leaves on two shelves."""
    monkeypatch.setattr(ledger, 'SHELF', 2)
    monkeypatch.setattr('trackstore.mending.SHELF', 2)
    path = tmp_path / 'tracks.fs'
    with trackstore.open(path) as tracks:
        for number in range(1, 3 * LEAF):
            tracks.startRun(f'task {number}', timeStamp=number)
        tracks._runs.seal()
    return path


def hurt(path, thing, name='active'):
    """Overwrite bytes near the end of an object that ``thing(ledger)`` returns."""
    with trackstore.open(path) as tracks:
        part = thing(getattr(tracks._runs, name))
        data = tracks._p_jar.db().storage.load(part._p_oid)[0]
    content = bytearray(path.read_bytes())
    place = content.rindex(data) + len(data) - 10
    content[place:place + 3] = b'xyz'
    path.write_bytes(content)
    os.unlink(f'{path}.index')


@pytest.mark.parametrize(('thing', 'name', 'parts'), [
    (lambda active: active, 'the active runs', '2 shelves'),
    (lambda active: active.part(1), 'the active runs, shelf 1', '1 leaf')])
def test_what_is_hurt_is_made_anew_from_its_parts(path, thing, name, parts):
    hurt(path, thing)
    with trackstore.open(path) as tracks:
        problem, = tracks.verify()
        assert problem.startswith(f'{name}: is damaged: ')
        with pytest.raises(DamagedError, match=f'^{name}: is damaged: '):
            list(tracks.runs)
        assert tracks.repair() == ([f'{name}: were made anew from {parts}'], [])
        tracks._p_jar.transaction_manager.commit()
    with trackstore.open(path) as tracks:
        assert tracks.verify() == []
        assert list(tracks.runs) == list(range(1, 3 * LEAF))
        assert tracks.getRun(runId=3 * LEAF - 1).taskId == f'task {3 * LEAF - 1}'


@pytest.fixture
def tracked(path):
    """The same store; each run has a track, and some are finished."""
    with trackstore.open(path) as tracks:
        tracks.saveTracks((f'task {number}', number, 'u', {}, number)
                          for number in range(1, 3 * LEAF))
        for number in range(2 * LEAF, 2 * LEAF + 9):
            tracks.stopRun(runId=number, timeStamp=1000)
        tracks._runs.seal()
    return path


def test_a_leaf_is_made_anew_though_the_cache_lets_go_of_its_shelf(
        tracked, monkeypatch):
    hurt(tracked, lambda active: active.leaf(1))
    group_by = aggregate.group_by

    def grouped(storage, *args):
        found = group_by(storage, *args)
        storage._p_jar.cacheMinimize()  # as where there are many tracks
        return found

    monkeypatch.setattr(aggregate, 'group_by', grouped)
    with trackstore.open(tracked) as tracks:
        [told], problems = tracks.repair()
        assert told.startswith('the active runs, leaf 1: was made anew with 256 runs')
        assert problems == [] and len(tracks.runs) == 3 * LEAF - 1 - 9


def test_leaves_of_both_ledgers_that_are_hurt(tracked):
    for name in ('active', 'done'):
        hurt(tracked, lambda found: found.leaf(2), name)
    with trackstore.open(tracked) as tracks:
        assert len(tracks.verify()) == 2
        repaired, problems = tracks.repair()
        assert [told.partition(': ')[0] for told in repaired] == [
            'the active runs, leaf 2', 'the done runs, leaf 2']
        assert problems == []
        found = [*tracks.runs, *tracks.finishedRuns]
        assert sorted(found) == list(range(1, 3 * LEAF))
        assert all(tracks.getRun(runId=number).taskId == f'task {number}'
                   for number in found)


def test_segments_are_merged_though_a_leaf_is_hurt(tracked, monkeypatch):
    monkeypatch.setattr(merge, 'FANOUT', 4)
    with trackstore.open(tracked) as tracks:
        assert tracks.startRun('sealed') == 3 * LEAF
        tracks._runs.seal()
        tracks.startRun('to be sealed')
        tracks.saveUserTrack('sealed', 3 * LEAF, 'u', {})
    hurt(tracked, lambda active: active.leaf(3))
    with trackstore.open(tracked) as tracks:
        manager = tracks._p_jar.transaction_manager
        for n in range(3):
            tracks.saveTracks((f'new {n} {k}', 0, 'u', {}) for k in range(100))
            manager.commit()
        manager.begin()
        assert tracks._runs.overfull()  # it cannot be sealed
        assert len(tracks._directory.entries) == 1
        tracks.saveTracks((f'task {k}', k, 'u', {}) for k in range(1, 100))
        manager.commit()
        assert len(tracks._directory.entries) == 2
        with pytest.raises(DamagedError, match='^the active runs, leaf 3: is damaged'):
            tracks.compact()
        manager.begin()
        assert len(tracks._directory.entries) == 1
        assert tracks.repair().problems == []
        tracks.compact()
        assert not any(page.records for page in tracks._runs.pages)


def test_new_numbers_begin_above_those_of_a_hurt_shelf(path):
    hurt(path, lambda active: active.part(1))
    with trackstore.open(path) as tracks:
        assert tracks.startRun('new') >= 4 * LEAF


def test_the_highest_number_is_found_though_leaves_are_empty(path):
    with trackstore.open(path) as tracks:
        for number in range(1, 3 * LEAF):
            tracks.stopRun(runId=number, timeStamp=1000)
        tracks._runs.seal()
        tracks._p_jar.transaction_manager.commit()
        table = tracks._runs
        leaves = [table.active.leaf(number) for number in range(3)]
        tracks._p_jar.cacheMinimize()
        assert table.last() == 3 * LEAF - 1
        assert [leaf._p_changed for leaf in leaves] == [None] * 3  # none is loaded


def test_a_shelf_and_a_leaf_that_are_not_there_hold_nothing(path):
    with trackstore.open(path) as tracks:
        active = tracks._runs.active
        assert active.leaf(3) is None and active.leaf(99) is None
        assert active.get(3 * LEAF) is None and active.get(99 * LEAF) is None
        del active.part(0).parts[0]
        assert tracks.getRun(runId=5) is None
        tracks._p_jar.transaction_manager.abort()


def test_a_part_in_the_place_of_another_is_noticed(path):
    with trackstore.open(path) as tracks:
        active = tracks._runs.active
        assert active.part(0).words == ('active', 0)
        active.parts[1] = active.parts[0]
        with pytest.raises(DamagedError, match='the active runs, shelf 1: is damaged'):
            active.leaf(2)
        active.part(0).parts[1] = active.part(0).part(0)
        with pytest.raises(DamagedError, match='the active runs, leaf 1: is damaged'):
            active.leaf(1)
        tracks._p_jar.transaction_manager.abort()
