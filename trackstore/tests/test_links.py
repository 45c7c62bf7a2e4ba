"""A store of which the path is a symbolic link, and paths that are no files."""

import os

import pytest
from zc.lockfile import LockFile

import trackstore
from trackstore.backup import BackupError, backup
from trackstore.copying import copy
from trackstore.exceptions import OpenError
from trackstore.restoring import restore


def save(where, count=1):
    with trackstore.open(where) as tracks:
        for n in range(count):
            tracks.saveUserTrack('loops', 0, 'ann', {'n': n})
            tracks._p_jar.transaction_manager.commit()


def count(where):
    with trackstore.open(where, readOnly=True) as tracks:
        assert tracks.verify() == []
        return len(tracks)


@pytest.fixture
def path(tmp_path):
    (tmp_path / 'disk').mkdir()
    path = tmp_path / 'disk' / 'tracks.fs'
    save(path, 20)
    return path


@pytest.fixture
def link(path, tmp_path):
    link = tmp_path / 'link.fs'
    link.symlink_to(path)
    return link


FORMS = ['{}', 'file://{}']


@pytest.mark.parametrize('second', FORMS)
@pytest.mark.parametrize('first', FORMS)
def test_one_file_is_opened_once(first, second, path, link):
    with (trackstore.open(first.format(path)),
          pytest.raises(OpenError, match='open already|Couldn.t lock')):
        save(second.format(link))
    with trackstore.open(first.format(link)):
        with pytest.raises(OpenError, match='open already|Couldn.t lock'):
            save(second.format(path))
        assert count(link) == 20
    save(second.format(link))
    save(first.format(path))
    assert count(path) == count(link) == 22


@pytest.mark.parametrize('form', FORMS)
def test_others_that_opened_the_link_itself(form, link):
    lock = LockFile(f'{link}.lock')  # as runzeo -f LINK does
    with pytest.raises(OpenError, match='open already|lock'):
        save(form.format(link))
    lock.close()
    save(form.format(link))
    assert count(link) == 21


@pytest.mark.parametrize('form', FORMS)
def test_a_pack_leaves_the_link(form, path, link):
    with trackstore.open(form.format(link)) as tracks:
        tracks._p_jar.db().pack()
    assert link.is_symlink()
    assert path.with_name('tracks.fs.old').is_file()
    save(form.format(link))
    assert count(path) == 21


def test_a_pack_that_was_cut_short_behind_a_link(path, link):
    path.with_name('tracks.fs.pack').write_bytes(b'')
    path.rename(path.with_name('tracks.fs.old'))
    save(link)
    assert link.is_symlink()
    assert count(path) == 21


def test_a_link_to_what_is_not_there_yet(path, tmp_path):
    link = tmp_path / 'new.fs'
    link.symlink_to(tmp_path / 'disk' / 'new.fs')
    with pytest.raises(OpenError, match='there is no database at'):
        count(link)
    save(link)
    assert link.is_symlink()
    assert count(tmp_path / 'disk' / 'new.fs') == 1
    astray = tmp_path / 'astray.fs'
    astray.symlink_to(tmp_path / 'nowhere' / 'new.fs')
    with pytest.raises(OpenError, match="there is no folder '.*/nowhere'"):
        save(astray)


def test_blobs_behind_a_link(path, link, tmp_path):
    uri = f'file://{link}?blobstorage_dir={tmp_path / "blobs"}'
    save(uri)
    with trackstore.open(uri), pytest.raises(OpenError, match='open already'):
        save(path)
    save(path)
    assert count(path) == 22


def test_a_restore_leaves_the_link(path, link, tmp_path):
    backup(link, tmp_path / 'backups')
    save(path)
    with pytest.raises(BackupError, match='exists already'):
        restore(tmp_path / 'backups', link)
    with (trackstore.open(path),
          pytest.raises(BackupError, match='in use by another process')):
        restore(tmp_path / 'backups', link, overwrite=True)
    lock = LockFile(f'{link}.lock')
    with pytest.raises(BackupError, match='in use by another process'):
        restore(tmp_path / 'backups', link, overwrite=True)
    lock.close()
    assert count(path) == 21
    restore(tmp_path / 'backups', link, overwrite=True)
    assert link.is_symlink()
    assert count(path) == 20
    for folder in (tmp_path, tmp_path / 'disk'):
        assert not [name for name in os.listdir(folder) if 'restore' in name]


def test_pipes_and_devices(path, tmp_path):
    pipe = tmp_path / 'pipe'
    os.mkfifo(pipe)
    for where in (pipe, '/dev/null'):
        with pytest.raises(OpenError, match='is a device or a pipe; allowed are'):
            count(where)
        with pytest.raises(OpenError, match='is a device or a pipe; allowed are'):
            copy(path, where)
        with pytest.raises(OpenError, match='is a device or a pipe; allowed are'):
            copy(where, tmp_path / 'copy.fs')
        backup(path, tmp_path / 'backups')
        with pytest.raises(BackupError, match='is a device or a pipe; allowed is'):
            restore(tmp_path / 'backups', where, overwrite=True)
    assert not (tmp_path / 'copy.fs').exists()
