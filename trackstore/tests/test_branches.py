"""The branches that the current runs of tasks are found in."""

import os
import random

import pytest
import transaction
from hypothesis import given, settings
from hypothesis import strategies as st
from ZODB.POSException import ConflictError

import trackstore
from trackstore import branches, keys
from trackstore.branches import Branch
from trackstore.exceptions import DamagedError
from trackstore.testing import memory_root

KEYS = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.integers(), st.floats(-2, 2),
    st.text(max_size=3), st.binary(max_size=2), st.dates(), st.datetimes())


@settings(deadline=None)
@given(changes=st.lists(st.dictionaries(KEYS, st.none() | st.integers(1)), max_size=9),
       asked=st.lists(KEYS))
def test_it_is_a_mapping(changes, asked):
    before = branches.MOST
    branches.MOST = 3
    try:
        tree, expected = Branch(), {}
        for change in changes:
            change = {keys.sort_key(key): value for key, value in change.items()}
            tree.change(change)
            expected.update(change)
    finally:
        branches.MOST = before
    there = {key: value for key, value in expected.items() if value is not None}
    assert dict(tree.items()) == there and len(list(tree.items())) == len(there)
    for key in map(keys.sort_key, asked):
        assert tree.get(key) == there.get(key)


def all_of(branch):
    yield branch
    for digit in branch.deeper:
        yield from all_of(branch.branch(digit))


def key(number):
    return keys.sort_key(f'task {number}')


@pytest.mark.parametrize('make', [key, keys.sort_key])
def test_no_branch_is_large(make):
    tree = Branch()
    for start in range(0, 20_000, 100):
        tree.change({make(n): n for n in range(start * 8, start * 8 + 800, 8)})
    found = list(all_of(tree))
    assert max(len(branch.entries) for branch in found) <= branches.MOST
    assert all(branch.depth == len(branch.path.split('.')) - 1 <= 4 for branch in found)
    tree.prefetch([make(8), make(9)])
    assert tree.get(make(8)) == 8 and tree.get(make(9)) is None


def test_what_is_new_is_written_again_with_few_others():
    root = memory_root()
    root['tree'] = tree = Branch()
    number, written = 0, []
    for _ in range(100):
        tree.change({key(n): n for n in range(number, number + 100)})
        number += 100
        written.append(sum(len(branch.entries) for branch in all_of(tree)
                           if branch._p_changed or branch._p_oid is None))
        transaction.commit()
    # of 10,000 in all; entries once in each of three levels, with some others
    assert sum(written) / number < 20


def test_changes_at_the_same_time_are_merged():
    root = memory_root()
    root['tree'] = Branch()
    root['tree'].change({key(n): n for n in range(400)})
    transaction.commit()
    db = root._p_jar.db()

    def both(mine, theirs):
        own, other = transaction.TransactionManager(), transaction.TransactionManager()
        one, two = db.open(own).root()['tree'], db.open(other).root()['tree']
        one.change(mine)
        two.change(theirs)
        own.commit()
        try:
            other.commit()
        finally:
            other.abort()
            one._p_jar.close()
            two._p_jar.close()

    both({key(500): 1, key(7): None}, {key(501): 2, key(8): None})
    root._p_jar.sync()
    tree = root['tree']
    assert [tree.get(key(n)) for n in (500, 501, 7, 8, 9)] == [1, 2, None, None, 9]
    with pytest.raises(ConflictError):
        both({key(500): 3}, {key(500): 4})
    both({key(n): n for n in range(600, 900)}, {key(900): 4})  # one passes on
    root._p_jar.sync()
    assert [tree.get(key(n)) for n in (500, 600, 899, 900)] == [3, 600, 899, 4]
    root['tree'] = Branch()
    transaction.commit()
    with pytest.raises(ConflictError):  # one has got deeper branches
        both({key(n): n for n in range(300)}, {key(300): 4})


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'tracks.fs'
    with trackstore.open(path) as tracks:
        for number in range(600):
            tracks.startRun(f'task {number}', timeStamp=number)
        tracks.stopRun('task 5', timeStamp=1000)
        tracks._runs.seal()
    return path


def place_of(path, digits):
    """Return where the record of a branch begins to be hurt, near its end."""
    with trackstore.open(path) as tracks:
        branch = tracks._runs.current
        for digit in digits:
            branch = branch.branch(digit)
        storage = tracks._p_jar.db().storage
        data = storage.load(branch._p_oid)[0]
        return path.read_bytes().rindex(data) + len(data) - 20


@pytest.mark.parametrize('digits', [(), (3,)])
def test_a_hurt_branch_is_noticed_and_made_anew(path, digits):
    place = place_of(path, digits)
    data = bytearray(path.read_bytes())
    data[place:place + 3] = b'xyz'
    path.write_bytes(data)
    os.unlink(f'{path}.index')
    with trackstore.open(path) as tracks:
        name = 'the current runs, branch ' + '.'.join(map(str, (0, *digits)))
        problem, = tracks.verify()
        assert problem.startswith(f'{name}: is damaged: ')
        with pytest.raises(DamagedError, match=f'^{name}: is damaged: '):
            dict(tracks.currentRuns)
        for last in ({}, 5):    # which is no data, but not what is hurt
            with pytest.raises(DamagedError, match=f'^{name}: ') as caught:
                tracks.saveTracks((f'task {n}', 0, 'ann', {} if n < 599 else last)
                                  for n in range(600))
            assert caught.value.where == name
        assert tracks.repair() == (
            ['the current runs: were made anew from the runs'], [])
        assert dict(tracks.currentRuns) == {
            f'task {n}': n + 1 for n in range(600) if n != 5}
        tracks._p_jar.transaction_manager.commit()
    with trackstore.open(path) as tracks:
        assert tracks.verify() == [] and tracks.getRun('task 599').id == 600
        assert tracks.getRun('task 5') is None


def test_a_branch_in_the_place_of_another_is_noticed(path):
    with trackstore.open(path) as tracks:
        root = tracks._runs.current
        first, second = random.Random(1).sample(sorted(root.deeper), 2)
        root.deeper[first] = root.deeper[second]
        root._p_changed = True
        with pytest.raises(DamagedError, match='it is not what was written there'):
            list(root.items())
        tracks._p_jar.transaction_manager.abort()


def test_a_current_run_that_does_not_exist_is_named_unless_it_is_hidden(path):
    with trackstore.open(path) as tracks:
        root = tracks._runs.current
        digit, branch = next((digit, root.branch(digit)) for digit in root.deeper
                             if key(7) in root.branch(digit).entries)
        branch.change({key(7): 9999})
        assert tracks.verify() == [
            f"the current runs, branch 0.{digit}: run 9999, the current one of "
            f"'task 7', does not exist"]
        root.change({key(7): 8})
        assert tracks.verify() == []
        tracks._p_jar.transaction_manager.abort()


def test_a_compaction_of_an_idle_store_writes_nothing(path):
    with trackstore.open(path) as tracks:
        tracks.saveUserTrack('task 7', 0, 'ann', {})
        tracks._p_jar.transaction_manager.commit()
        tracks.compact()
        storage = tracks._p_jar.db().storage
        last = storage.lastTransaction()
        assert tracks.compact() == 1
        assert storage.lastTransaction() == last
