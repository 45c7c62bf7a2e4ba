"""A server and its standby: what ``docs/postgresql.rst`` says, tried as written."""

import importlib
import re
import subprocess
import sys
import tempfile
import threading
from collections import Counter

import pytest
from click.testing import CliRunner
from ZODB.POSException import ReadConflictError, ReadOnlyError

import trackstore
from trackstore.cli.command import command
from trackstore.tests.replicas import SHOWN, Deployment
from trackstore.tests.servers import HOST, need
from trackstore.tests.waiting import LONG

HISTORY = (True, False)
WRITERS = 2


@pytest.fixture(scope='module')
def saving():
    """The module ``saving.py`` that the page shows."""
    need('psycopg2')
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SHOWN)
        yield importlib.import_module('saving')


@pytest.fixture(scope='module')
def servers(saving):
    """Two servers with a store of each kind; which is the primary may change."""
    with tempfile.TemporaryDirectory(prefix='trackstore-') as folder:
        deployment = Deployment(folder)
        try:
            deployment.start()
            deployment.primary.execute('CREATE DATABASE kept OWNER tracks')
            for keep_history in HISTORY:
                uri = deployment.uri('tracks.conf', keep_history)
                with trackstore.open(uri, trackFactory=saving.Step) as tracks:
                    tracks.startRun('loops')
                    tracks.saveTracks(
                        (f'task{n % 5}', 0, 'ann', {'mark': f'first-{n}'})
                        for n in range(1000))
            yield deployment
        finally:
            deployment.stop()


@pytest.fixture
def deployment(servers):
    """A primary and a standby of it."""
    servers.follow()
    return servers


def test_the_page_shows_what_is_tried():
    page = SHOWN.with_suffix('.rst').read_text('utf-8')
    shown = re.findall(r'^.. literalinclude:: postgresql/(.+)$', page, re.MULTILINE)
    assert sorted(shown) == sorted(path.name for path in SHOWN.iterdir()
                                   if path.is_file())


@pytest.mark.parametrize('keep_history', HISTORY)
def test_the_standby_is_read(deployment, saving, keep_history):
    uri = deployment.uri('tracks.conf', keep_history)
    deployment.caught_up()
    with trackstore.open(deployment.uri('reader.conf', keep_history)) as reader:
        before = reader.count(taskId='task1')
        assert reader.verify() == []
        with trackstore.open(uri) as tracks:
            saving.save_once(tracks, 'later', 'task1', 'ben', {})
        deployment.caught_up()
        assert reader.count(taskId='task1') == before >= 200
        manager = reader._p_jar.transaction_manager
        manager.begin()
        assert reader.count(taskId='task1') == before + 1
        with pytest.raises(ReadOnlyError):
            reader.saveUserTrack('task1', 0, 'ben', {})
            manager.commit()
        manager.abort()


@pytest.mark.parametrize('keep_history', HISTORY)
def test_a_backup_is_restored(deployment, tmp_path, keep_history):
    with trackstore.open(deployment.uri('tracks.conf', keep_history)) as tracks:
        ids = list(tracks)
    script, restored = deployment.text('backup.sh'), 'restored'
    if keep_history:
        script, restored = script.replace('restored', 'kept_restored').replace(
            'lessons.dump lessons', 'lessons.dump kept'), 'kept_restored'
    server = deployment.primary
    server.run('/bin/sh', '-ec', script, user=None, cwd=tmp_path,
               env=server.environment(
                   PGPASSFILE=str(deployment.folder / 'application' / 'pgpass')))
    uri = (f'postgres://tracks:secret-of-tracks@{HOST}:{server.port}/{restored}'
           f'?keep_history={keep_history}')
    result = CliRunner().invoke(command, ['verify', uri])
    assert result.exit_code == 0, result.output
    with trackstore.open(uri, create=False) as tracks:
        assert list(tracks) == ids
        assert tracks.saveUserTrack('task1', 0, 'ben', {'mark': 'new'}) not in ids


@pytest.mark.parametrize('keep_history', HISTORY)
def test_a_pack(deployment, keep_history):
    uri = deployment.uri('tracks.conf', keep_history)
    with trackstore.open(uri) as tracks:
        manager = tracks._p_jar.transaction_manager
        for n in range(10):
            tracks.saveUserTrack('task1', 0, 'ben', {'mark': f'single-{n}'})
            manager.commit()
        tracks.removeTracks(taskId='task2')
        manager.commit()
        tracks.compact()
    states = 'SELECT count(*) FROM object_state'
    database = 'kept' if keep_history else 'lessons'
    [[before]] = deployment.primary.execute(states, database)
    path = uri.removeprefix('zconfig://')
    done = subprocess.run([sys.executable, '-m', 'relstorage.zodbpack', '--days', '0',
                           path], capture_output=True, text=True, timeout=LONG)
    assert done.returncode == 0, done.stderr
    [[after]] = deployment.primary.execute(states, database)
    assert after < before
    result = CliRunner().invoke(command, ['pack', uri])
    assert result.exit_code == 0, result.output
    with trackstore.open(uri) as tracks:
        assert tracks._p_jar.db().supportsUndo() == keep_history
        assert tracks.count(mark='single-*') == 10
        assert tracks.verify() == []


class Writer(threading.Thread):
    """Saves one track after the other, and knows what has been committed."""

    def __init__(self, name, uri, save_once):
        super().__init__(name=name)
        self.uri, self.save_once = uri, save_once
        self.saved = []
        self.failure = None
        self._progress = threading.Condition()
        self._stop_now = threading.Event()

    def run(self):
        try:
            with trackstore.open(self.uri, create=False) as tracks:
                while not self._stop_now.is_set():
                    mark = f'{self.name}-{len(self.saved)}'
                    self.save_once(tracks, mark, 'loops', self.name, {})
                    with self._progress:
                        self.saved.append(mark)
                        self._progress.notify()
        except BaseException as error:
            self.failure = error
            raise

    def wait(self, count):
        """Wait until so many more tracks are saved."""
        wanted = len(self.saved) + count
        with self._progress:
            assert self._progress.wait_for(
                lambda: self.failure or len(self.saved) >= wanted, LONG)
        assert self.failure is None

    def stop(self):
        self._stop_now.set()
        self.join()


def test_a_commit_waits_for_the_standby(deployment, saving):
    deployment.synchronous()
    deployment.standby.stop()
    uri = deployment.uri('tracks.conf', False)
    writer = Writer('waiting', uri, saving.save_once)
    with trackstore.open(uri) as tracks:
        before = len(tracks)
        writer.start()
        writer.join(0.5)
        tracks._p_jar.transaction_manager.begin()
        assert (writer.saved, len(tracks)) == ([], before)
        deployment.standby.start()
        writer.wait(3)
        writer.stop()
        tracks._p_jar.transaction_manager.begin()
        assert len(tracks) == before + len(writer.saved)


def test_failover(deployment, saving):
    """With a synchronous standby nothing that was committed is lost."""
    deployment.synchronous()
    uris = {keep: deployment.uri('tracks.conf', keep) for keep in HISTORY}
    writers = {keep: [Writer(f'{keep}-{n}', uri, saving.save_once)
                      for n in range(WRITERS)] for keep, uri in uris.items()}
    everybody = sum(writers.values(), [])
    for writer in everybody:
        writer.start()
    for writer in everybody:
        writer.wait(10)
    deployment.primary.stop('immediate')
    deployment.take_over()
    for writer in everybody:
        writer.wait(10)
    for writer in everybody:
        writer.stop()
    for keep, uri in uris.items():
        with trackstore.open(uri) as tracks:
            found = Counter(track.data['mark'] for track in tracks.values())
            saved = [mark for writer in writers[keep] for mark in writer.saved]
            assert [mark for mark in saved if found[mark] != 1] == []
            assert found.total() == len(found)
            assert tracks.verify() == []
            tracks.compact()


def test_what_an_asynchronous_standby_loses(deployment, saving):
    """The one who wrote it is told so; others see what the standby had."""
    deployment.primary.execute('ALTER SYSTEM RESET synchronous_standby_names')
    deployment.primary.execute('SELECT pg_reload_conf()')
    uri = deployment.uri('tracks.conf', True)
    with trackstore.open(uri) as tracks:
        manager = tracks._p_jar.transaction_manager
        saving.save_once(tracks, 'kept', 'loops', 'ann', {})
        before = len(tracks)
        deployment.caught_up()
        deployment.standby.stop()
        for n in range(3):
            saving.save_once(tracks, f'lost-{n}', 'loops', 'ann', {})
        deployment.primary.stop('immediate')
        deployment.standby.start()
        deployment.take_over()
        manager.begin()
        with pytest.raises(ReadConflictError, match='database connection is stale'):
            tracks.saveUserTrack('loops', 0, 'ann', {'mark': 'refused'})
            manager.commit()
        manager.abort()
    uri = deployment.uri('tracks.conf', True)
    with trackstore.open(uri) as tracks:
        assert len(tracks) == before
        assert (tracks.count(mark='kept'), tracks.count(mark='lost-*')) == (1, 0)
        saving.save_once(tracks, 'after', 'loops', 'ann', {})
        assert tracks.verify() == []
