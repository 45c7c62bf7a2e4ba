"""Events in a file that others write to, move away and rotate."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest

from trackstore.events.backends.jsonlines import JSONLinesBackend
from trackstore.tests.eventlines import numbered, old_files, read
from trackstore.tests.forks import in_child, status_of
from trackstore.tests.waiting import LONG


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'events.jsonl'


def test_logrotate_may_take_the_file_away(path):
    backend = JSONLinesBackend(path)
    backend.send(*numbered(1))
    path.rename(path.parent / 'away')
    backend.send(*numbered(2))
    assert read(path.parent / 'away') == [1]
    assert read(path) == [2]
    path.rename(path.parent / 'away')
    path.touch()
    backend.send(*numbered(3))
    assert read(path) == [3]
    os.truncate(path, 0)
    backend.send(*numbered(4))
    assert read(path) == [4]


def test_logrotate_may_take_it_away_in_the_very_moment_of_the_rotation(
        path, monkeypatch):
    backend = JSONLinesBackend(path, max_bytes=1)
    backend.send(*numbered(1))
    rename = os.rename

    def late(old, new):
        monkeypatch.undo()
        rename(old, path.parent / 'away')
        rename(old, new)
    monkeypatch.setattr(os, 'rename', late)
    backend.send(*numbered(2))
    assert read(path.parent / 'away', path) == [1, 2]


def test_half_a_line_of_a_process_that_was_killed_ends_where_it_is(path):
    path.write_text('{"data": {"n"')
    backend = JSONLinesBackend(path)
    backend.send(*numbered(1))
    backend.send(*numbered(2))
    half, *rest = path.read_text().splitlines()
    assert half == '{"data": {"n"'
    assert [json.loads(line)['data']['n'] for line in rest] == [1, 2]


WRITER = '''
import sys, threading
from trackstore.events.backends.jsonlines import JSONLinesBackend
from trackstore.events.event import Event
first, path = int(sys.argv[1]), sys.argv[2]
backend = JSONLinesBackend(path, max_bytes=20_000, keep=None, compress=True)

def write(numbers):
    for n in numbers:
        one = Event(name='n', timestamp=0, data={'n': n, 'x': 'x' * (n % 300)},
                    context={})
        backend.send(one) if n % 5 else backend.send_many([one])

threads = [threading.Thread(target=write, args=(range(first + k, first + 1000, 2),))
           for k in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
backend.close()
'''


KILLED = """
import itertools, sys
from trackstore.events.backends.jsonlines import JSONLinesBackend
from trackstore.events.event import Event
backend = JSONLinesBackend(sys.argv[2], max_bytes=5_000, keep=None, compress=True)
for n in itertools.count(int(sys.argv[1])):
    backend.send(Event(name='n', timestamp=0, data={'n': n}, context={}))
    print(n, flush=True)
"""


def test_a_process_that_is_killed_has_lost_nothing_of_what_it_sent(path):
    sent = -1
    for lines in (1, 40, 300, 7, 1200):
        with subprocess.Popen([sys.executable, '-c', KILLED, str(sent + 1), str(path)],
                              stdout=subprocess.PIPE, text=True) as process:
            for _ in range(lines):
                sent = int(process.stdout.readline())
            process.kill()
            for line in process.stdout:
                sent = int(line)
    last = JSONLinesBackend(path, max_bytes=1, keep=None, compress=True)
    last.send(*numbered(sent + 1))
    last.send(*numbered(sent + 2))  # the first may have made the file
    last.close()
    assert {file.suffix for file in old_files(path)} == {'.gz'}
    assert set(read(*old_files(path), path)) == set(range(sent + 3))


def test_many_processes_lose_and_break_no_line(path):
    processes = [subprocess.Popen([sys.executable, '-c', WRITER, str(first), str(path)])
                 for first in range(0, 4000, 1000)]
    assert [process.wait(LONG) for process in processes] == [0] * 4
    files = old_files(path)
    assert len(files) > 20
    assert all(file.suffix == '.gz' for file in files)
    assert sorted(read(*files, path)) == list(range(4000))


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs processes that fork')
def test_children_of_a_fork_write_with_locks_of_their_own(path):
    backend = JSONLinesBackend(path, max_bytes=5_000, keep=None)
    backend.send(*numbered(0))
    backend._lock.acquire()  # a thread of the parent is just writing

    def write(first, end):
        for one in numbered(*range(first, end)):
            backend.send(one)
    children = [in_child(lambda first=first: write(first, first + 300))
                for first in (1, 301, 601)]
    backend._lock.release()
    write(901, 1000)
    assert [status_of(child) for child in children] == [0, 0, 0]
    assert sorted(read(*old_files(path), path)) == list(range(1000))


def test_a_writer_waits_for_the_lock_of_another(path):
    import fcntl
    backend = JSONLinesBackend(path)
    backend.send(*numbered(1))
    with open(path, 'ab') as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        thread = threading.Thread(target=backend.send, args=numbered(2))
        thread.start()
        time.sleep(0.05)
        other.write(b'{"data": {"n": 9}}\n')
    thread.join()
    assert read(path) == [1, 9, 2]
