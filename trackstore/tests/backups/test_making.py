"""Backups: made beside a writer, listed, verified, and restored to the moment."""

import gzip
import json
import os
import random
import signal
import threading
import time
from pathlib import Path

import pytest
import transaction
from click.testing import CliRunner
from persistent.TimeStamp import TimeStamp
from zc.lockfile import LockFile
from ZODB import BaseStorage
from ZODB.scripts import repozo

import trackstore
from trackstore import backup as backups
from trackstore import restoring
from trackstore.backup import BackupError, backup, parts, prune, verify
from trackstore.cli.command import command
from trackstore.restoring import restore


class Clock:
    """A clock for ZODB and repozo that goes on by itself a little."""

    strftime, strptime = time.strftime, time.strptime

    def __init__(self):
        self.now = time.time() - 3600

    def time(self):
        self.now += 0.001
        return self.now

    def gmtime(self, seconds=None):
        return time.gmtime(self.time() if seconds is None else seconds)

    def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    """Replace the clock, so that no test waits for a second to end."""
    clock = Clock()
    for module in (backups, restoring, repozo, BaseStorage):
        monkeypatch.setattr(module, 'time', clock)
    return clock


@pytest.fixture
def real_clock():
    pass


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'backups'


class Store:
    """A store that is open for writing, with what it had after each commit."""

    def __init__(self, path, clock):
        self.path, self.clock = path, clock
        self._open = trackstore.open(path)
        self.tracks = self._open.__enter__()
        self.manager = self.tracks._p_jar.transaction_manager
        self.states = []
        self.save()

    def save(self, count=1):
        """Save tracks; take down the moment and what there is then."""
        for _ in range(count):
            self.tracks.saveUserTrack('task', 0, 'ann', {'n': len(self.tracks)})
        self.manager.commit()
        serial = self.tracks._p_jar.db().storage.lastTransaction()
        self.states.append((TimeStamp(serial).timeTime(), len(self.tracks)))

    def pack(self):
        self.tracks._p_jar.db().pack(self.clock.time())

    def close(self):
        self._open.__exit__(None, None, None)


@pytest.fixture
def store(tmp_path, request):
    real = 'real_clock' in request.fixturenames
    store = Store(
        tmp_path / 'store.fs', time if real else request.getfixturevalue('clock'))
    yield store
    store.close()


def count(path):
    """Return the number of tracks in a restored file, which has to be right."""
    assert os.path.exists(f'{path}.index')
    with trackstore.open(path, create=False) as tracks:
        assert tracks.verify() == []
        return len(tracks)


def invoke(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


# making

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


@pytest.mark.filterwarnings('ignore::pytest.PytestUnraisableExceptionWarning')
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
    assert packed and verify(folder) == [] and len(os.listdir(folder)) == 4
    restore(folder, tmp_path / 'new.fs')
    assert count(tmp_path / 'new.fs') == store.states[-1][1]
    for _ in range(30):
        store.save()
    packed.clear()
    before = {name: (folder / name).read_bytes() for name in os.listdir(folder)}

    def longer(*arguments):
        if not packed:
            packed.append(store.pack())
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


def test_beside_a_writer(store, folder, tmp_path):
    stopped, expected = threading.Event(), []

    def write():
        while not stopped.is_set():
            store.save()
            if len(store.states) % 50 == 0:
                store.pack()

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(12):
            low = store.states[-1][1]
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
    assert verify(folder) == [] and len(expected) >= 3
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
@pytest.mark.filterwarnings('ignore:.*fork:DeprecationWarning')
def test_killed(real_clock, store, folder, tmp_path):
    """After kill -9 the next backup is good, whatever was left behind."""
    chance = random.Random(3)
    for number in range(20):
        store.save(20)
        pid = os.fork()
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


# restoring

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


# damage

@pytest.fixture
def three(store, folder, clock):
    """Return the parts of a full backup and two increments."""
    made = []
    for _ in range(3):
        store.save(50)
        clock.sleep(2)
        made.append(backup(store.path, folder))
    return made


@pytest.mark.parametrize('place', [0, 1, 2])
@pytest.mark.parametrize('hurt', ['flip', 'cut', 'gone', 'empty', 'other'])
def test_damage(three, folder, store, tmp_path, place, hurt):
    part = three[place]
    data = Path(part.path).read_bytes()
    if hurt == 'gone':
        os.remove(part.path)
    else:
        data = {'flip': data[:200] + bytes([data[200] ^ 255]) + data[201:],
                'cut': data[:-100], 'empty': b'',
                'other': gzip.compress(b'something else')}[hurt]
        Path(part.path).write_bytes(data)
    problems = verify(folder)
    assert len(problems) == 1 and os.path.basename(part.path) in problems[0]
    target = tmp_path / 'target.fs'
    target.write_bytes(b'as it was')
    with pytest.raises(BackupError, match='^folder: '):
        restore(folder, target, overwrite=True)
    assert target.read_bytes() == b'as it was'
    if place:
        restore(folder, tmp_path / 'earlier.fs', at=store.states[0][0])
        assert count(tmp_path / 'earlier.fs') == store.states[0][1]
    store.save()
    assert backup(store.path, folder).full  # not upon what is hurt
    restore(folder, target, overwrite=True)
    assert count(target) == store.states[-1][1]


def test_a_list_that_is_hurt(three, folder, tmp_path):
    listing = folder / (os.path.basename(three[0].path).split('.')[0] + '.dat')
    listing.write_bytes(b'\xff\xfe nonsense\n')
    assert all('has not been completed' in problem for problem in verify(folder))
    with pytest.raises(BackupError, match='has no backup'):
        restore(folder, tmp_path / 'new.fs')


# keeping

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


# what is refused

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


def test_targets_that_are_none(store, folder, tmp_path):
    backup(store.path, folder)
    for target, message in (
            (tmp_path, 'is a folder; allowed is a file'),
            (tmp_path / 'no' / 'new.fs', 'there is no folder'),
            ('zeo://localhost', 'restore to a file, and then: trackstore copy FILE')):
        with pytest.raises(BackupError, match=message):
            restore(folder, target)


# the command

def test_the_command(store, folder, tmp_path):
    assert invoke('backup', store.path, folder).stdout.startswith(f'full: {folder}/')
    assert invoke('backup', store.path, folder).stdout == (
        'nothing has changed since the last backup\n')
    store.save()
    found = json.loads(invoke('backup', store.path, folder, '--json').stdout)
    assert not found['part']['full'] and found['removed'] == 0
    lines = invoke('backup', '--list', folder).stdout.splitlines()
    assert lines[0].split() == ['time', '(UTC)', 'kind', 'bytes', 'database']
    assert [line.split()[2] for line in lines[1:]] == ['full', 'incremental']
    listed = invoke('backup', '--list', folder, '--json').stdout.splitlines()
    assert [json.loads(line)['full'] for line in listed] == [True, False]
    assert invoke('backup', '--verify', folder).stdout == '2 parts, 0 problems\n'
    result = invoke('restore', folder, tmp_path / 'new.fs')
    assert result.exit_code == 0 and ', as of 20' in result.stdout
    assert count(tmp_path / 'new.fs') == 2
    result = invoke('restore', folder, tmp_path / 'new.fs')
    assert result.exit_code == 2 and 'exists already' in result.output
    result = invoke('backup', store.path, folder, '--full', '--no-gzip', '--keep', 1)
    assert result.stdout.splitlines()[1] == '2 older files removed'


def test_the_command_restores_to_a_moment(store, folder, tmp_path):
    store.save()
    backup(store.path, folder)
    at, expected = store.states[0]
    stamp = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at)) + f'{at % 1:.6f}'[1:]
    found = json.loads(invoke(
        'restore', folder, tmp_path / 'new.fs', '--at', stamp, '--json').stdout)
    assert found['last'] == at and count(tmp_path / 'new.fs') == expected
    result = invoke('restore', folder, tmp_path / 'end.fs', '--at', '2999')
    assert result.exit_code == 0 and 'Note: what was saved after' in result.stderr
    result = invoke('restore', folder, tmp_path / 'x.fs', '--at', 'tomorrow')
    assert result.exit_code == 2 and 'is no time' in result.output


def test_the_command_finds_damage(three, folder, tmp_path):
    os.remove(three[1].path)
    result = invoke('backup', '--verify', folder)
    name = os.path.basename(three[1].path)
    assert result.exit_code == 1 and f'{name} is missing' in result.stdout
    result = invoke('restore', folder, tmp_path / 'new.fs')
    assert result.exit_code == 2 and 'Traceback' not in result.output
    assert result.output.startswith('Error: folder: ')


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
