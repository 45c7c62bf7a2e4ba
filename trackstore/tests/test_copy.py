"""Copies from any place to any other: whole, equal, and gone on with."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import closing

import pytest
import transaction
from click.testing import CliRunner
from ZODB.blob import Blob
from ZODB.FileStorage import FileStorage
from ZODB.utils import z64

import trackstore
from trackstore import copying
from trackstore.cli.command import command
from trackstore.copying import CopyError, copy
from trackstore.exceptions import OpenError
from trackstore.opening import database, open_storage

TARGETS = ('FileStorage', 'zlibstorage', 'ZEO', 'PostgreSQL',
           'PostgreSQL without history')
KILLS = int(os.environ.get('TRACKSTORE_KILLS', 20))


def fill(path, rounds=12):
    """Make a store with single saves, bulk, changes, runs and undone transactions."""
    with trackstore.open(path) as tracks:
        manager = tracks._p_jar.transaction_manager
        for n in range(rounds):
            tracks.saveUserTrack('one', 0, 'ann', {'n': n}, timeStamp=n)
            manager.commit()
            tracks.saveTracks(
                [('many', 0, f'u{m % 5}', {'m': m}, m) for m in range(100)])
            manager.commit()
            tracks.removeTracks(userName='u3', timeFrom=50)
            tracks.stopRun('many')
            manager.commit()
        undo_last(tracks)


def undo_last(tracks):
    db, manager = tracks._p_jar.db(), tracks._p_jar.transaction_manager
    db.undo(db.undoLog(0, 1)[0]['id'], manager.get())
    manager.commit()


def contents(where):
    """Return all that a user sees of a store."""
    with trackstore.open(where, create=False) as tracks:
        assert tracks.verify() == []
        return (
            [(each.name, each.metadata, dict(each.data)) for each in tracks.query()],
            [(run.id, run.taskId, run.start, run.end, run.finished)
             for runs in (tracks.runs, tracks.finishedRuns) for run in runs.values()],
            dict(tracks.currentRuns), tracks.info())


def history(where):
    """Return each transaction of a place with its records, by object."""
    storage, _ = open_storage(where, create=False)
    try:
        return [(each.tid, each.user, each.description, each.status,
                 sorted((record.oid, record.tid, record.data) for record in each))
                for each in storage.iterator()]
    finally:
        storage.close()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / 'source.fs'
    fill(path)
    return path


def invoke(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


# from everywhere to everywhere

@pytest.mark.parametrize('kind', TARGETS)
def test_there_and_back(source, kind, places, tmp_path):
    expected, back = contents(source), tmp_path / 'back.fs'
    (tmp_path / 'there').mkdir()
    with places.uri(kind, tmp_path / 'there') as uri:
        copied = copy(source, uri)
        assert copied.problems == [] and copied.stores == {'tracks': 1102}
        assert copied.transactions == len(history(source))
        assert contents(uri) == expected
        assert copy(uri, back).problems == []
        with trackstore.open(uri) as tracks:  # and it can be written to
            number = int(tracks.saveUserTrack('new', 0, 'ann', {}))
    assert contents(back) == expected
    assert number == int(expected[0][-1][0]) + 1
    if kind != 'PostgreSQL without history':
        assert history(back) == history(source)


@pytest.mark.parametrize('kind', ['ZEO', 'PostgreSQL'])
def test_copied_history_can_be_undone(source, kind, places, tmp_path):
    with places.uri(kind, tmp_path) as uri:
        copy(source, uri)
        with trackstore.open(uri) as tracks:
            before = len(tracks)
            undo_last(tracks)
            undo_last(tracks)
        with trackstore.open(uri) as tracks:
            assert len(tracks) == before and tracks.verify() == []


def test_a_packed_store(source, tmp_path):
    with trackstore.open(source) as tracks:
        tracks._p_jar.db().pack()
    assert copy(source, tmp_path / 'target.fs').problems == []
    assert contents(tmp_path / 'target.fs') == contents(source)
    assert history(tmp_path / 'target.fs') == history(source)


def test_what_else_is_in_the_database(tmp_path):
    db = database(tmp_path / 'application.fs')
    with db.transaction() as connection:
        connection.root()['a'] = trackstore.TrackingStorage()
        connection.root()['b'] = trackstore.TrackingStorage()
        connection.root()['a'].saveUserTrack('t', 0, 'ann', {})
        connection.root()['settings'] = {'title': 'x' * 100_000}
    db.close()
    copied = copy(tmp_path / 'application.fs', tmp_path / 'target.fs')
    assert copied.stores == {'a': 1, 'b': 0} and copied.problems == []
    db = database(tmp_path / 'target.fs')
    with db.transaction() as connection:
        assert connection.root()['settings'] == {'title': 'x' * 100_000}
    db.close()


def test_blobs(tmp_path):
    uris = [f'file://{tmp_path}/{name}.fs?blobstorage_dir={tmp_path}/{name}'
            for name in ('one', 'two')]
    db = database(uris[0])
    with db.transaction() as connection:
        connection.root()['blob'] = Blob(b'a picture')
    db.close()
    with pytest.raises(CopyError, match='is a blob, and .*two.fs. has no folder of'):
        copy(uris[0], tmp_path / 'two.fs')
    with pytest.raises(CopyError, match='is a blob, and .*one.fs. has no folder of'):
        copy(tmp_path / 'one.fs', uris[1])
    assert copy(*uris).problems == []
    db = database(uris[1])
    with db.transaction() as connection, connection.root()['blob'].open() as file:
        assert file.read() == b'a picture'
    db.close()


# beside a writer

def test_the_source_is_as_of_the_start(source, tmp_path):
    expected = contents(source)
    with trackstore.open(source) as tracks:
        manager = tracks._p_jar.transaction_manager

        def write(done, total, remark):
            tracks.saveUserTrack('one', 0, 'later', {'done': done})
            tracks.removeTracks(userName='u1')
            manager.commit()

        assert copy(source, tmp_path / 'target.fs', write).problems == []
    assert contents(tmp_path / 'target.fs') == expected
    assert contents(source) != expected


def test_a_source_that_is_packed_meanwhile(source, tmp_path):
    expected, packed = contents(source), []
    with trackstore.open(source) as tracks:
        def pack(done, total, remark):
            if not packed and done:
                packed.append(tracks._p_jar.db().pack())

        assert copy(source, tmp_path / 'target.fs', pack).problems == []
    assert packed and contents(tmp_path / 'target.fs') == expected


@pytest.mark.parametrize('kind', ['ZEO', 'PostgreSQL', 'PostgreSQL without history'])
def test_a_server_that_is_written_to(source, kind, places, tmp_path):
    expected = contents(source)
    with places.uri(kind, tmp_path) as uri:
        copy(source, uri)
        with trackstore.open(uri) as tracks:
            manager = tracks._p_jar.transaction_manager

            def write(done, total, remark):
                tracks.saveUserTrack('one', 0, 'later', {'done': done})
                manager.commit()

            assert copy(uri, tmp_path / 'target.fs', write).problems == []
    assert contents(tmp_path / 'target.fs') == expected


def test_copying_again_brings_what_is_new(source, tmp_path):
    target = tmp_path / 'target.fs'
    first = copy(source, target)
    with trackstore.open(source) as tracks:
        tracks.saveUserTrack('one', 0, 'later', {})
    again = copy(source, target)
    assert (again.before, again.transactions) == (first.transactions, 1)
    assert again.problems == [] and contents(target) == contents(source)


# interrupted

def child(work):
    """Run a function in a child process; return its id."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            work()
            status = 0
        finally:
            os._exit(status)
    return pid


def kill_soon(work, seconds):
    """Run a function in a child process and kill it; tell whether it had ended."""
    pid = child(work)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if os.WIFEXITED(status):
        assert os.WEXITSTATUS(status) == 0
        return True
    return False


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs processes that fork')
@pytest.mark.filterwarnings('ignore:.*fork:DeprecationWarning')
def test_killed_and_resumed(source, tmp_path):
    expected, records = contents(source), history(source)
    target, chance, interrupted = tmp_path / 'target.fs', random.Random(7), 0
    started = time.monotonic()
    copy(source, target)
    usual = time.monotonic() - started
    for number in range(KILLS):
        for name in os.listdir(tmp_path):
            if name.startswith('target'):
                (tmp_path / name).unlink()
        while not kill_soon(lambda: copy(source, target), chance.uniform(0, usual)):
            interrupted += 1
            if interrupted % 3 == 0:
                break
        copied = copy(source, target)
        assert copied.problems == [], number
        assert copied.before + copied.transactions == len(records)
        assert history(target) == records, number
    assert contents(target) == expected
    assert interrupted >= KILLS // 3


@pytest.mark.parametrize('kind', ['ZEO', 'PostgreSQL'])
def test_killed_while_a_server_takes_it(kind, places, tmp_path):
    source, chance, killed = tmp_path / 'source.fs', random.Random(11), 0
    fill(source, rounds=80)
    with places.uri(kind, tmp_path) as uri:
        line = [sys.executable, '-m', 'trackstore.cli', 'copy', str(source), uri]
        while killed < 5:
            process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
            time.sleep(chance.uniform(0.3, 1.2))
            process.kill()
            if process.wait() == 0:
                break
            killed += 1
        copied = copy(source, uri)
        assert killed and copied.problems == []
        assert history(uri) == history(source)
        assert contents(uri) == contents(source)


class Interruption(Exception):
    pass


@pytest.mark.parametrize('kind', TARGETS)
@pytest.mark.parametrize('after', [1, 7, 30])
def test_interrupted_after_some_transactions(source, kind, after, places, tmp_path):
    calls = []

    def interrupt(done, total, remark):
        assert done <= total
        calls.append(remark)
        if len(calls) == after:
            raise Interruption

    with places.uri(kind, tmp_path) as uri:
        with pytest.raises(Interruption):
            copy(source, uri, interrupt)
        copied = copy(source, uri)
        assert copied.before >= (1 if 'without' in kind else after)
        assert copied.problems == [] and contents(uri) == contents(source)
        assert copied.before + copied.transactions == len(history(source))


def test_an_error_in_the_middle_of_a_transaction(source, tmp_path, monkeypatch):
    restored = []

    def restore(self, *arguments):
        restored.append(arguments)
        if len(restored) == 40:
            raise OSError(28, 'No space left on device')
        return real(self, *arguments)

    real = FileStorage.restore
    monkeypatch.setattr(FileStorage, 'restore', restore)
    with pytest.raises(OSError, match='No space left'):
        copy(source, tmp_path / 'target.fs')
    monkeypatch.undo()
    assert copy(source, tmp_path / 'target.fs').before > 0
    assert history(tmp_path / 'target.fs') == history(source)


# what is refused

def refused(message, source, target, error=CopyError):
    with pytest.raises(error) as caught:
        copy(source, target)
    assert message in str(caught.value)


def test_the_same_place(source, tmp_path):
    (tmp_path / 'link.fs').symlink_to(source)
    for target in (source, str(source), tmp_path / 'link.fs', f'file://{source}',
                   tmp_path / '..' / tmp_path.name / 'source.fs'):
        refused('is the source itself; allowed is any other place', source, target)


def test_sources(tmp_path):
    target = tmp_path / 'target.fs'
    refused('source: there is no database at', tmp_path / 'none.fs', target)
    refused('source: there is no database at', f'file://{tmp_path}/none.fs', target)
    (tmp_path / 'empty.fs').touch()
    refused('source: there is nothing in', tmp_path / 'empty.fs', target)
    refused('source: there is nothing in', 'memory://', target)
    (tmp_path / 'letter.txt').write_text('Dear Ann')
    refused('is no ZODB database', tmp_path / 'letter.txt', target, OpenError)
    assert not target.exists() and not (tmp_path / 'none.fs').exists()


def test_targets(source, tmp_path):
    refused("target: 'memory://' is a MappingStorage, which does not take", source,
            'memory://')
    refused('there is no folder', source, tmp_path / 'no' / 'target.fs', OpenError)
    target = tmp_path / 'target.fs'
    with trackstore.open(target) as tracks:
        tracks.saveUserTrack('other', 0, 'ann', {})
    before = target.read_bytes()
    refused('has something in it that is not in', source, target)
    assert target.read_bytes() == before
    with trackstore.open(target), pytest.raises(OpenError, match='is open already'):
        copy(source, target)


def test_a_copy_that_went_its_own_way(source, tmp_path):
    target = tmp_path / 'target.fs'
    copy(source, target)
    with trackstore.open(target) as tracks:
        tracks.saveUserTrack('other', 0, 'ann', {})
    before = target.read_bytes()
    refused('has something in it that is not in', source, target)
    with trackstore.open(source) as tracks:
        tracks.saveUserTrack('other', 0, 'ann', {})
    refused('has something in it that is not in', source, target)
    assert target.read_bytes() == before


@pytest.mark.parametrize('kind', ['FileStorage', 'PostgreSQL'])
def test_a_fresh_root_is_no_obstacle(source, kind, places, tmp_path):
    with places.uri(kind, tmp_path) as uri:
        database(uri).close()
        copied = copy(source, uri)
        assert copied.problems == [] and copied.before == 0
        assert history(uri)[:1] == history(source)[:1]
        assert contents(uri) == contents(source)


def test_a_fresh_root_behind_a_server(source, places, tmp_path):
    with places.uri('ZEO', tmp_path) as uri:
        database(uri).close()
        refused('has been opened before and has a root', source, uri)


def test_a_root_that_was_emptied_is_not_fresh(source, tmp_path):
    target = tmp_path / 'target.fs'
    with trackstore.open(target) as tracks:
        tracks.saveUserTrack('other', 0, 'ann', {})
    db = database(target)
    with db.transaction() as connection:
        del connection.root()['tracks']
    db.close()
    refused('has something in it that is not in', source, target)


# what is noticed

def test_a_difference(source, tmp_path, monkeypatch):
    def restore(self, oid, serial, data, *rest):
        changed = data and data.replace(b'many', b'mony')
        return real(self, oid, serial, changed, *rest)

    real = FileStorage.restore
    monkeypatch.setattr(FileStorage, 'restore', restore)
    copied = copy(source, tmp_path / 'target.fs')
    assert copied.problems and copied.stores == {}
    assert f'in {tmp_path}/target.fs is not that of {source}' in copied.problems[0]
    result = invoke('copy', source, tmp_path / 'target.fs')
    assert result.exit_code == 1
    assert f'{len(copied.problems)} problem' in result.stdout.splitlines()[-1]


def test_an_object_that_is_missing(source, tmp_path, monkeypatch):
    def restore(self, oid, *rest):
        if oid[-1] != 5:
            return real(self, oid, *rest)

    real = FileStorage.restore
    monkeypatch.setattr(FileStorage, 'restore', restore)
    copied = copy(source, tmp_path / 'target.fs')
    assert f'object 0x5 is missing in {tmp_path}/target.fs' in copied.problems


def test_a_source_that_is_cut_short_inside(source, tmp_path):
    whole = history(source)
    bytes_ = bytearray(source.read_bytes())
    with closing(FileStorage(str(source), read_only=True)) as storage:
        position = [each._tend for each in storage.iterator()][10]
    bytes_[position:position + 8] = bytes(8)  # its length, which stands there again
    source.write_bytes(bytes_)
    copied = copy(source, tmp_path / 'target.fs')
    assert copied.transactions < len(whole)
    assert 'cannot be read to its end: after transaction' in copied.problems[0]


def test_a_store_that_is_not_right(source, tmp_path):
    db = database(source)
    with db.transaction() as connection:
        directory = connection.root()['tracks'].directory
        key = next(iter(directory.entries))
        directory.entries[key] = directory.entries[key]._replace(low=-5)
        directory._p_changed = True
    db.close()
    copied = copy(source, tmp_path / 'target.fs')
    assert any('its time span is not right' in problem for problem in copied.problems)


def test_nothing_is_held_whole(tmp_path, monkeypatch):
    """A long transaction is passed on record by record."""
    db = database(tmp_path / 'long.fs')
    with db.transaction() as connection:
        root = connection.root()
        for n in range(300):
            root[n] = trackstore.TrackingStorage()
    db.close()
    held = []
    real_next = copying._Copying._restore_record

    def restore_record(self, record, each, goal):
        held.append(record.oid)
        assert next_read[0] - len(held) <= 1
        return real_next(self, record, each, goal)

    next_read = [0]
    from ZODB.FileStorage.FileStorage import TransactionRecordIterator
    real = TransactionRecordIterator.__next__

    def counted(self):
        next_read[0] += 1
        return real(self)

    monkeypatch.setattr(TransactionRecordIterator, '__next__', counted)
    monkeypatch.setattr(copying._Copying, '_restore_record', restore_record)
    assert copy(tmp_path / 'long.fs', tmp_path / 'target.fs').problems == []
    assert len(held) > 300


# the command

def test_the_command(source, tmp_path):
    result = invoke('copy', source, tmp_path / 'target.fs')
    assert result.exit_code == 0
    first, stores, last = result.stdout.splitlines()
    assert first.startswith('copied: 39 transactions, ')
    assert stores == 'tracks: 1,102 tracks' and last.startswith('compared: ')
    result = invoke('copy', source, tmp_path / 'target.fs', '--json')
    found = json.loads(result.stdout)
    assert (found['before'], found['transactions']) == (39, 0)
    assert found['problems'] == [] and found['stores'] == {'tracks': 1102}
    result = invoke('copy', source, tmp_path / 'target.fs')
    assert ' 0 transactions (39 were there), 0 records' in result.stdout


@pytest.mark.parametrize(('source', 'target', 'message'), [
    ('none.fs', 'target.fs', "Error: source: there is no database at 'none.fs'\n"),
    ('nothing://here', 'target.fs', 'cannot be opened: No resolver found'),
    ('zeo://127.0.0.1:1?wait_timeout=1', 'target.fs', 'cannot be opened: '),
    ('postgres://me:secret@127.0.0.1:1/x', 'target.fs', 'cannot be opened: '),
])
def test_the_command_refuses(source, target, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke('copy', source, target)
    assert result.exit_code == 2 and message in result.output
    assert 'Traceback' not in result.output and 'secret' not in result.output
    assert os.listdir(tmp_path) == []


def test_a_server_that_is_lost(source, places, tmp_path, monkeypatch):
    from trackstore.tests.servers import ZEOServer
    server = ZEOServer(tmp_path / 'served.fs')
    server.start()
    real, count = copying._Copying._restore, []

    def restore(self, *arguments):
        count.append(1)
        if len(count) == 10:
            server.kill()
        return real(self, *arguments)

    monkeypatch.setattr(copying._Copying, '_restore', restore)
    result = invoke('copy', source, server.uri)
    assert result.exit_code == 2 and result.output.startswith('Error: ')
    monkeypatch.undo()
    server.start()
    try:
        copied = copy(source, server.uri)
        assert copied.before >= 9 and copied.problems == []
    finally:
        server.stop()


def test_a_database_that_is_lost(source, places, tmp_path, monkeypatch):
    real, count = copying._Copying._restore, []

    def restore(self, *arguments):
        count.append(1)
        if len(count) == 10:
            places.postgresql.stop('immediate')
        return real(self, *arguments)

    with places.uri('PostgreSQL', tmp_path) as uri:
        monkeypatch.setattr(copying._Copying, '_restore', restore)
        try:
            result = invoke('copy', source, uri)
        finally:
            monkeypatch.undo()
            places.postgresql.start()
        assert result.exit_code == 2 and result.output.count('\n') == 1
        assert result.output.startswith('Error: the copy was interrupted: ')
        copied = copy(source, uri)
        assert copied.before >= 9 and copied.problems == []


def test_the_target_has_no_root_of_its_own(source, tmp_path):
    copy(source, tmp_path / 'target.fs')
    storage, _ = open_storage(tmp_path / 'target.fs')
    assert storage.loadSerial(z64, history(source)[0][0])
    storage.close()
    assert not transaction.get()._resources
