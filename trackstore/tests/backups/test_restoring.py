"""Backups are restored, to the end or to a moment."""

import os

import pytest

import trackstore
from trackstore.backup import BackupError, backup, verify
from trackstore.restoring import restore
from trackstore.tests.backups.stores import count


def test_to_the_moment(store, folder, tmp_path):
    for number in range(12):
        for _ in range(3):
            store.save(number + 1)
        backup(store.path, folder, full=number == 7)
    store.save()
    path = tmp_path / 'restored.fs'
    for at, expected in store.states[:-1]:
        restored = restore(folder, path, at=at, overwrite=True)
        assert restored.last == at and restored.asOf == at
        assert count(path) == expected
        restore(folder, path, at=at - 0.00001, overwrite=True)
        assert count(path) < expected or at == store.states[0][0]
    assert restore(folder, path, overwrite=True).last == store.states[-2][0]
    assert count(path) == store.states[-2][1]
    restored = restore(folder, path, at=store.states[-1][0] + 1e6, overwrite=True)
    assert restored.last == store.states[-2][0]
    assert restored.asOf < store.states[-1][0] + 1e6


def test_to_a_moment_before_a_pack(store, folder, tmp_path):
    """A pack forgets; the backup that was made before it does not."""
    path = tmp_path / 'restored.fs'
    for _ in range(5):
        store.save()
    backup(store.path, folder)
    known = len(store.states)
    for _ in range(5):
        store.save()
    store.pack()
    packed = len(store.states)
    for _ in range(5):
        store.save()
    assert backup(store.path, folder).full
    for number, (at, expected) in enumerate(store.states):
        restored = restore(folder, path, at=at, overwrite=True)
        if number < known or number >= packed - 1:
            assert restored.last == at and count(path) == expected
        else:  # between the backup and the pack: what the backup has
            assert restored.last == store.states[known - 1][0]
            assert restored.asOf < at or restored.asOf == restored.last
            assert count(path) == store.states[known - 1][1]


def test_a_pack_that_keeps_some_days(store, folder, tmp_path):
    """What a pack keeps can be restored to any moment."""
    for _ in range(20):
        store.save()
        store.clock.sleep(3600)
    packed = 8
    since = store.clock.now - store.states[packed][0] - 1
    store.tracks._p_jar.db().pack(store.clock.now, days=since / 86_400)
    assert backup(store.path, folder).full
    path = tmp_path / 'restored.fs'
    for at, expected in store.states[packed:]:
        assert restore(folder, path, at=at, overwrite=True).last == at
        assert count(path) == expected
    with pytest.raises(BackupError, match='reaches back to'):
        restore(folder, path, at=store.states[packed - 2][0], overwrite=True)


def test_a_moment_before_everything(store, folder, tmp_path):
    backup(store.path, folder)
    with pytest.raises(BackupError, match='reaches back to 2001-09-09 01:46:40 UTC'):
        restore(folder, tmp_path / 'new.fs', at=1_000_000_000)
    with pytest.raises(BackupError, match='at: .* is outside of the calendar'):
        restore(folder, tmp_path / 'new.fs', at=-2 ** 50)
    with pytest.raises(TypeError, match="at: 'now' is no time stamp"):
        restore(folder, tmp_path / 'new.fs', at='now')
    assert {name for name in os.listdir(tmp_path)
            if not name.startswith('store.fs')} == {'backups'}


def test_the_index_fits(store, folder, tmp_path, caplog):
    store.save(200)
    backup(store.path, folder)
    restore(folder, tmp_path / 'new.fs')
    caplog.clear()
    assert count(tmp_path / 'new.fs') == 201
    assert not [each for each in caplog.records if 'ndex' in each.message]


def test_an_existing_target(store, folder, tmp_path):
    target = tmp_path / 'other.fs'
    with trackstore.open(target) as tracks:
        tracks.saveUserTrack('other', 0, 'ben', {})
    before = target.read_bytes()
    backup(store.path, folder)
    with pytest.raises(BackupError, match='exists already; allowed are another file'):
        restore(folder, target)
    with trackstore.open(target), pytest.raises(BackupError, match='is in use by'):
        restore(folder, target, overwrite=True)
    assert target.read_bytes() == before
    restore(folder, target, overwrite=True)
    assert count(target) == 1
    with pytest.raises(BackupError, match='is in use by another process'):
        restore(folder, store.path, overwrite=True)
    assert not [name for name in os.listdir(tmp_path) if name.startswith('.restore')]


def test_a_backup_that_was_moved(store, folder, tmp_path):
    backup(store.path, folder)
    store.save()
    backup(store.path, folder)
    moved = tmp_path / 'a folder with blanks'
    os.rename(folder, moved)
    assert verify(moved) == []
    assert restore(moved, tmp_path / 'new.fs') and count(tmp_path / 'new.fs') == 2
    store.save()
    assert not backup(store.path, moved).full and verify(moved) == []
    restore(moved, tmp_path / 'new.fs', overwrite=True)
    assert count(tmp_path / 'new.fs') == 3
