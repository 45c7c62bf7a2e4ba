"""Copies that are interrupted, and gone on with."""

import random
import signal
import subprocess
import sys

import pytest
from ZODB.FileStorage import FileStorage

from trackstore import copying
from trackstore.copying import copy
from trackstore.tests.commands import invoke
from trackstore.tests.copies.stores import contents, fill
from trackstore.tests.servers import ZEOServer, give_up_after
from trackstore.tests.storages import LASTING, history

#: Copies, and is killed some milliseconds after a number of transactions.
KILLED = '''
import os, signal, sys, threading
from trackstore.copying import copy

def progress(done, total, remark):
    left.pop()
    if not left:
        threading.Timer(float(after), os.kill, (os.getpid(), signal.SIGKILL)).start()
        left.extend([None] * 100_000)

source, target, count, after = sys.argv[1:]
left = [None] * int(count)
copy(source, target, progress)
'''


@pytest.mark.parametrize('kind', ['ZEO', 'PostgreSQL'])
def test_killed_while_a_server_takes_it(kind, places, tmp_path):
    source, chance = tmp_path / 'source.fs', random.Random(11)
    fill(source, rounds=40)
    with places.uri(kind, tmp_path) as uri:
        for count in (5, 30, 60, 90):
            done = subprocess.run([
                sys.executable, '-c', KILLED, str(source), uri, str(count),
                str(chance.uniform(0, 0.02))])
            assert done.returncode == -signal.SIGKILL
        copied = copy(source, uri)
        assert copied.before >= 90 and copied.problems == []
        assert history(uri) == history(source)
        assert contents(uri) == contents(source)


class Interruption(Exception):
    pass


@pytest.mark.parametrize('kind', LASTING)
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


def test_a_server_that_is_lost(source, places, tmp_path, monkeypatch):
    server = ZEOServer(tmp_path / 'served.fs')
    server.start()
    real, count = copying._Copying._restore, []

    def restore(self, transaction, goal):
        count.append(1)
        if len(count) == 10:
            server.kill()
            give_up_after(goal, 0.2)
        return real(self, transaction, goal)

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
