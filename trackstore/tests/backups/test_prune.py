"""Removing old backups, where some of them are of no use."""

from pathlib import Path

import pytest

import trackstore
from trackstore.backup import backup, parts, prune


@pytest.fixture
def folder(tmp_path, clock):
    """Four full backups, of 1, 2, 3 and 4 tracks."""
    folder = tmp_path / 'backups'
    for n in range(4):
        with trackstore.open(tmp_path / 'tracks.fs') as tracks:
            tracks.saveUserTrack('loops', 0, 'ann', {'n': n})
        backup(tmp_path / 'tracks.fs', folder, full=True)
    return folder


def spoil(folder, numbers, ending):
    for path in [parts(folder)[number].path for number in numbers]:
        Path(path).with_suffix(ending).unlink()


def usable(folder):
    """Return the lengths of the databases of the backups that can be used."""
    return [part.store for part in parts(folder)
            if None not in (part.store, part.bytes)]


def test_what_was_not_completed_does_not_count(folder):
    first, _, _, last = usable(folder)
    spoil(folder, [1, 2], '.dat')
    assert prune(folder, 2) == []
    assert usable(folder) == [first, last]
    assert len(prune(folder, 1)) == 3
    assert usable(folder) == [last]


def test_what_is_gone_does_not_count(folder):
    first, _, _, last = usable(folder)
    spoil(folder, [1, 2], '.fsz')
    assert prune(folder, 3) == []
    assert prune(folder, 2) == []
    assert usable(folder) == [first, last]


def test_the_newest_is_of_no_use(folder):
    third = usable(folder)[2]
    spoil(folder, [3], '.dat')
    assert len(prune(folder, 1)) == 2
    assert usable(folder) == [third]


def test_there_are_fewer(folder):
    assert prune(folder, 5) == []
    assert prune(folder, 4) == []
    assert len(usable(folder)) == 4


def test_none_is_of_use(folder):
    spoil(folder, [0, 1, 2, 3], '.dat')
    assert prune(folder, 1) == []
    assert len(parts(folder)) == 4
