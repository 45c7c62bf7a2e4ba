"""Backups: made beside a writer, whatever goes wrong, and removed."""

import gc
import os
import random
import signal
import sys
import threading
import time
import warnings

import pytest
from zc.lockfile import LockFile
from ZODB.FileStorage import FileStorage
from ZODB.fsIndex import fsIndex
from ZODB.scripts import repozo

from trackstore import restoring
from trackstore.backup import BackupError, backup, parts, prune, verify
from trackstore.restoring import restore
from trackstore.tests.backups.stores import count
from trackstore.tests.forks import fork
from trackstore.tests.waiting import wait_until


def test_full_then_incremental(store, folder):
    first = backup(store.path, folder)
    assert first.full and first.path.endswith('.fsz')
    assert first.store == os.path.getsize(store.path)
    assert backup(store.path, folder) is None
    store.save(3)
    second = backup(store.path, folder)
    assert not second.full and second.path.endswith('.deltafsz')
    assert second.store == os.path.getsize(store.path)
    assert parts(folder) == [first, second] and verify(folder) == []
    third = backup(store.path, folder, full=True, compress=False)
    assert third.full and third.path.endswith('.fs')
    assert third.bytes == third.store == os.path.getsize(store.path)
    store.save()
    assert backup(store.path, folder, quick=True).path.endswith('.deltafsz')
    assert verify(folder) == []


def test_a_pack_makes_a_full_one_necessary(store, folder):
    for _ in range(30):
        store.save()
    assert backup(store.path, folder).full
    store.pack()
    for quick in (False, True):
        store.save()
        assert backup(store.path, folder, quick=quick).full is not quick
    assert verify(folder) == []


def test_a_pack_in_the_middle(store, folder, tmp_path, monkeypatch):
    """What is copied while the file is exchanged is not kept."""
    def copyfile(*arguments):
        if not packed:
            packed.append(store.pack())
        return real(*arguments)

    for _ in range(30):
        store.save()
    real, packed = repozo.copyfile, []
    monkeypatch.setattr(repozo, 'copyfile', copyfile)
    assert backup(store.path, folder).full  # at the second try
    assert packed and verify(folder) == [] and len(os.listdir(folder)) == 5
    restore(folder, tmp_path / 'new.fs')
    assert count(tmp_path / 'new.fs') == store.states[-1][1]
    for _ in range(30):
        store.save()
    packed.clear()
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}

    def longer(*arguments):
        if not packed:
            size = os.path.getsize(store.path)
            packed.append(store.pack())
            while os.path.getsize(store.path) <= size:
                store.save(100)
        return real(*arguments)

    monkeypatch.setattr(repozo, 'copyfile', longer)
    assert backup(store.path, folder).full
    assert packed and verify(folder) == []
    assert len(parts(folder)) == 2
    assert before.items() <= {
        name: (folder / name).read_bytes() for name in os.listdir(folder)}.items()
    restore(folder, tmp_path / 'new.fs', overwrite=True)
    assert count(tmp_path / 'new.fs') == store.states[-1][1]


@pytest.mark.parametrize(('where', 'name'), [
    (sys.modules[FileStorage.__module__], 'read_index'), (fsIndex, 'save')])
def test_an_error_leaves_no_file_open(store, folder, monkeypatch, where, name):
    def fail(*arguments, **options):
        raise OSError('packed just now')

    monkeypatch.setattr(where, name, fail)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        with pytest.raises(BackupError, match='packed just now'):
            backup(store.path, folder)
        gc.collect()
    assert [str(each.message) for each in caught] == []


def test_beside_a_writer(store, folder, tmp_path):
    expected, packs, known = [], [], 0

    def write():
        while not stopped.is_set():
            store.save()
            # some packs for each backup; it is not kept from ever succeeding
            if len(store.states) % 50 == 0 and len(packs) < 3 + 3 * len(expected):
                packs.append(store.pack())

    stopped = threading.Event()
    thread = threading.Thread(target=write)
    thread.start()
    try:
        while len(expected) < 6:
            # there is something to back up
            wait_until(lambda known=known: len(store.states) > known)
            known, low = len(store.states), store.states[-1][1]
            try:
                part = backup(store.path, folder)
            except BackupError as error:  # a pack came in between
                assert 'cannot be backed up' in str(error) or 'packed' in str(error)
                continue
            if part is not None:
                expected.append((part, low, store.states[-1][1] + 1))
    finally:
        stopped.set()
        thread.join()
    assert verify(folder) == []
    for number, (part, low, high) in enumerate(expected):
        path = tmp_path / f'{number}.fs'
        restoring._recover(folder, part, str(path))
        assert low <= count(path) <= high


def test_two_at_a_time(store, folder):
    backup(store.path, folder)
    lock = LockFile(str(folder / 'backup.lock'))
    with pytest.raises(BackupError, match='is in use by another process'):
        backup(store.path, folder)
    lock.close()
    store.save()
    assert not backup(store.path, folder).full


def test_two_in_a_second(real_clock, store, folder):
    found = []
    for _ in range(3):
        store.save()
        found.append(backup(store.path, folder))
    assert len({part.moment for part in found}) == 3
    assert parts(folder) == found and [part.full for part in found] == [1, 0, 0]


def test_a_clock_that_was_set_back(real_clock, store, folder):
    backup(store.path, folder)
    for name in os.listdir(folder):
        os.rename(folder / name, folder / name.replace('20', '30', 1))
    with pytest.raises(BackupError, match='30.* UTC, which is still to come'):
        backup(store.path, folder)


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs processes that fork')
def test_killed(real_clock, store, folder, tmp_path):
    """After kill -9 the next backup is good, whatever was left behind."""
    chance = random.Random(3)
    for number in range(20):
        store.save(20)
        pid = fork()
        if not pid:
            try:
                backup(store.path, folder, full=number % 5 == 4)
            finally:
                os._exit(0)
        time.sleep(chance.uniform(0, 0.02))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        if number % 4 == 3:
            backup(store.path, folder)
            restore(folder, tmp_path / 'new.fs', overwrite=True)
            assert count(tmp_path / 'new.fs') == store.states[-1][1]
    assert all('not been completed' in problem for problem in verify(folder))


def test_what_was_not_completed_is_not_used(store, folder, tmp_path):
    full = backup(store.path, folder)
    expected = store.states[-1][1]
    store.save()
    part = backup(store.path, folder)
    listing = folder / (os.path.basename(full.path).split('.')[0] + '.dat')
    listing.write_text(listing.read_text().splitlines(True)[0])  # killed before it
    name = os.path.basename(part.path)
    assert verify(folder) == [f'{name} has not been completed']
    assert [each.store for each in parts(folder)] == [full.store, None]
    restore(folder, tmp_path / 'new.fs')
    assert count(tmp_path / 'new.fs') == expected
    store.save()
    assert backup(store.path, folder).full
    restore(folder, tmp_path / 'new.fs', overwrite=True)
    assert count(tmp_path / 'new.fs') == store.states[-1][1]


def test_a_full_disk(store, folder, monkeypatch):
    backup(store.path, folder)
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}
    store.save()
    monkeypatch.setattr(repozo, 'fsync', _no_space)
    with pytest.raises(BackupError, match='No space left on device'):
        backup(store.path, folder)
    assert {name: (folder / name).read_bytes()
            for name in os.listdir(folder)} == before


def _no_space(file):
    raise OSError(28, 'No space left on device')


def test_prune(store, folder, tmp_path):
    for number in range(7):
        store.save()
        backup(store.path, folder, full=number % 2 == 0)
    assert len(parts(folder)) == 7
    assert len(prune(folder, 2)) == 4
    left = {name.split('.')[0] for name in os.listdir(folder)} - {'backup'}
    assert len(left) == 3 and verify(folder) == []
    restore(folder, tmp_path / 'new.fs')
    assert count(tmp_path / 'new.fs') == 8
    with pytest.raises(BackupError, match='keep: 0 is no number of series'):
        prune(folder, 0)
