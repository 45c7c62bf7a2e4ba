"""Stores, folders and targets that are refused."""

import os

import pytest
import transaction

import trackstore
from trackstore.backup import BackupError, backup, parts, verify
from trackstore.restoring import restore
from trackstore.tests.backups.stores import count
from trackstore.tests.commands import invoke


@pytest.mark.parametrize(('where', 'message'), [
    ('none.fs', "there is no database file at 'none.fs'"),
    ('.', "there is no database file at '.'"),
    ('letter.txt', "'letter.txt' is no ZODB database"),
    ('file://none.fs', "there is no database file at 'none.fs'"),
    ('zeo://localhost:8100', 'is on a server; back up the file of the server'),
    ('postgres://me:secret@there/db', 'is in PostgreSQL, .*: pg_dump'),
    ('memory://', 'is no file; a backup is made of the path of a database file'),
])
def test_stores_that_are_none(where, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'letter.txt').write_text('Dear Ann')
    with pytest.raises(BackupError, match=message):
        backup(where, 'backups')
    result = invoke('backup', where, 'backups')
    assert result.exit_code == 2 and result.output.startswith('Error: store: ')
    assert 'secret' not in result.output
    assert os.listdir(tmp_path) == ['letter.txt']


def test_folders_that_are_none(store, tmp_path):
    with pytest.raises(BackupError, match='cannot be made: No such file'):
        backup(store.path, tmp_path / 'no' / 'backups')
    with pytest.raises(BackupError, match='there is no folder'):
        restore(tmp_path / 'none', tmp_path / 'new.fs')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(BackupError, match='has no backup'):
        restore(tmp_path / 'empty', tmp_path / 'new.fs')
    assert verify(tmp_path / 'empty') == [f'{tmp_path}/empty has no backup']
    assert parts(tmp_path / 'empty') == []


def test_a_folder_of_another_store(store, folder, tmp_path):
    backup(store.path, folder)
    before = sorted(os.listdir(folder))
    other = tmp_path / 'other.fs'
    with trackstore.open(other) as tracks:
        tracks.saveUserTrack('task', 0, 'ann', {})
    result = invoke('backup', '--keep', '1', other, folder)
    assert result.exit_code == 2 and result.output.startswith(
        f"Error: folder: '{folder}' has the backups of '{store.path}'; allowed is")
    assert sorted(os.listdir(folder)) == before
    restore(folder, tmp_path / 'new.fs')
    assert count(tmp_path / 'new.fs') == 1


def test_a_store_that_was_moved(store, folder, tmp_path):
    backup(store.path, folder)
    store.save()
    store.close()
    moved = tmp_path / 'moved.fs'
    os.rename(store.path, moved)
    assert not backup(moved, folder).full
    again = tmp_path / 'again.fs'
    os.rename(moved, again)
    assert invoke('pack', again).exit_code == 0
    with pytest.raises(BackupError, match=f"has the backups of '{moved}'"):
        backup(again, folder)
    (folder / 'backup.store').unlink()
    assert backup(again, folder).full


def test_targets_that_are_none(store, folder, tmp_path):
    backup(store.path, folder)
    for target, message in (
            (tmp_path, 'is a folder; allowed is a file'),
            (tmp_path / 'no' / 'new.fs', 'there is no folder'),
            ('zeo://localhost', 'restore to a file, and then: trackstore copy FILE')):
        with pytest.raises(BackupError, match=message):
            restore(folder, target)


@pytest.mark.parametrize(('arguments', 'message'), [
    (['backup'], 'allowed are two places: STORE and FOLDER'),
    (['backup', 'a'], 'allowed are two places: STORE and FOLDER'),
    (['backup', 'a', 'b', '--list'], '--list takes one place: FOLDER'),
    (['backup', '--verify'], '--verify takes one place: FOLDER'),
    (['backup', '--list', 'none'], "Error: folder: there is no folder 'none'"),
    (['backup', '--verify', 'none'], "Error: folder: there is no folder 'none'"),
])
def test_the_command_refuses(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments)
    assert result.exit_code == 2 and message in result.output
    assert not transaction.get()._resources
