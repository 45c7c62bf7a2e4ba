"""Events in a file: rotation, a full disk."""

import json
import os
import re
import subprocess
import sys
import threading

import pytest
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events import ConfigurationError
from trackstore.events.backends.jsonlines import JSONLinesBackend
from trackstore.events.event import Event
from trackstore.events.exceptions import DeliveryError
from trackstore.events.interfaces import IBatchBackend
from trackstore.testing import frozen_clock
from trackstore.tests.eventlines import numbered, old_files, read
from trackstore.tests.test_events_wire import event

OLD = re.compile(r'\.\d{8}T\d{6}\.\d{6}Z(\.gz)?')


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'events.jsonl'


def test_it_is_a_backend_for_batches(path):
    verifyClass(IBatchBackend, JSONLinesBackend)
    verifyObject(IBatchBackend, JSONLinesBackend(path))


def test_each_event_is_a_line(path):
    backend = JSONLinesBackend(str(path))
    one, two = event('é', {'a': 'x\ny'}), Event(type='a statement')
    backend.send(one)
    backend.send_many([two])
    backend.send_many([])
    lines = path.read_text('utf-8').split('\n')
    assert [json.loads(line) for line in lines[:-1]] == [
        {'id': one.id, 'name': 'é', 'timestamp': '2026-11-21T20:10:00+00:00',
         'data': {'a': 'x\ny'}, 'context': {}}, {'type': 'a statement'}]
    assert 'é' in lines[0] and lines[-1] == ''
    backend.close()
    backend.send(one)
    assert len(path.read_bytes().splitlines()) == 3


def test_sync_and_flush(path, monkeypatch):
    synced, real = [], os.fsync
    monkeypatch.setattr(os, 'fsync', lambda file: (synced.append(file), real(file)))
    backend = JSONLinesBackend(path)
    backend.flush()
    backend.send(event())
    assert not synced
    backend.flush()
    assert len(synced) == 1
    JSONLinesBackend(path, sync=True).send(event())
    assert len(synced) == 3  # the folder, as the file may be new, and the file


# rotation

def test_by_size(path):
    backend = JSONLinesBackend(path, max_bytes=300, keep=None)
    for one in numbered(*range(10)):
        backend.send(one)
    files = [*old_files(path), path]
    assert read(*files) == list(range(10))
    assert all(100 < file.stat().st_size <= 300 for file in files[:-1])
    assert all(OLD.fullmatch(file.name.removeprefix('events.jsonl'))
               for file in files[:-1])


@pytest.mark.parametrize('there', [True, False])
def test_a_file_behind_a_link_is_put_away_where_it_is(path, tmp_path, there):
    (tmp_path / 'disk').mkdir()
    file = tmp_path / 'disk' / 'file.jsonl'
    if there:
        file.touch()
    path.symlink_to(file)
    backend = JSONLinesBackend(path, max_bytes=200)
    for number in range(5):
        backend.send(event('a', {'n': number}))
    assert path.is_symlink() and len(old_files(file)) == 4
    assert sorted(os.listdir(tmp_path)) == ['disk', 'events.jsonl']


def test_what_is_no_file_is_written_to_as_it_is(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'link').symlink_to('pipe')
    assert JSONLinesBackend(tmp_path / 'link').path == str(tmp_path / 'link')


def test_a_line_or_batch_that_is_larger_than_a_file_is_whole(path):
    backend = JSONLinesBackend(path, max_bytes=10)
    backend.send_many(numbered(1, 2))
    backend.send(*numbered(3))
    assert [read(file) for file in [*old_files(path), path]] == [[1, 2], [3]]


@pytest.mark.parametrize(('every', 'before', 'after', 'rotates'), [
    ('day', '2026-11-21 23:59:59', '2026-11-22 00:00', True),
    ('day', '2026-11-21 00:00', '2026-11-21 23:59:59', False),
    ('hour', '2026-11-21 20:59:59', '2026-11-21 21:00', True),
    ('hour', '2026-11-21 20:00', '2026-11-21 20:59:59', False),
    (60, '2026-11-21 20:10:59', '2026-11-21 20:11', True),
    (60, '2026-11-21 20:11', '2026-11-21 20:10', False),
])
def test_by_time(path, every, before, after, rotates):
    backend = JSONLinesBackend(path, every=every)
    with frozen_clock(before):
        backend.send(*numbered(1))
        now = frozen_clock(before).now
    os.utime(path, (now, now))
    with frozen_clock(after):
        backend.send(*numbered(2))
    assert [read(file) for file in [*old_files(path), path]] == (
        [[1], [2]] if rotates else [[1, 2]])


def test_an_old_file_is_named_by_its_last_line(path):
    backend = JSONLinesBackend(path, max_bytes=1)
    backend.send(event())
    os.utime(path, ns=(0, 1_795_291_800_000_001_000))
    backend.send(event())
    assert old_files(path)[0].name == 'events.jsonl.20261121T201000.000001Z'


def test_old_files_are_in_order_even_if_the_clock_goes_back(path):
    backend = JSONLinesBackend(path, max_bytes=1, keep=None)
    for number in range(5):
        backend.send(*numbered(number))
        os.utime(path, (1_795_291_800, 1_795_291_800 - number))
    assert read(*old_files(path), path) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(('keep', 'left'), [(2, [2, 3, 4]), (0, [4]),
                                            (None, [0, 1, 2, 3, 4])])
def test_so_many_are_kept(path, keep, left):
    other = path.parent / 'events.jsonl.mine'
    other.write_text('this stays')
    backend = JSONLinesBackend(path, max_bytes=1, keep=keep)
    for one in numbered(*range(5)):
        backend.send(one)
    other.unlink()
    assert read(*old_files(path), path) == left


def test_packed(path):
    backend = JSONLinesBackend(path, max_bytes=1, keep=3, compress=True)
    for one in numbered(*range(6)):
        backend.send(one)
    backend.close()
    files = old_files(path)
    assert [file.suffix for file in files] == ['.gz'] * 3
    assert read(*files, path) == [2, 3, 4, 5]


def test_what_a_process_left_unpacked_is_packed_with_the_next(path):
    left = path.parent / 'events.jsonl.20261121T201000.000001Z'
    left.write_text('{"data": {"n": 0}}\n')
    (path.parent / f'{left.name}.gz.part').write_bytes(b'x' * 100)
    backend = JSONLinesBackend(path, max_bytes=1, compress=True)
    for one in numbered(1, 2):
        backend.send(one)
    backend.close()
    assert read(*old_files(path), path) == [0, 1, 2]
    assert not left.exists()


def test_a_process_that_ends_starts_no_thread_to_pack(path, monkeypatch):
    def start(self):
        raise RuntimeError("can't create new thread at interpreter shutdown")
    backend = JSONLinesBackend(path, max_bytes=1, compress=True)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, 'start', start)
        for one in numbered(0, 1, 2):
            backend.send(one)
        backend.close()
    assert read(*old_files(path), path) == [0, 1, 2]
    backend.send(*numbered(3))
    backend.close()
    assert {file.suffix for file in old_files(path)} == {'.gz'}
    assert read(*old_files(path), path) == [0, 1, 2, 3]


def test_an_interrupt_leaves_no_lock(path, monkeypatch):
    backend, other = JSONLinesBackend(path), JSONLinesBackend(path)

    def interrupted(*arguments):
        raise KeyboardInterrupt
    with monkeypatch.context() as patched:
        patched.setattr(os, 'write', interrupted)
        with pytest.raises(KeyboardInterrupt):
            backend.send(*numbered(0))
    other.send(*numbered(1))
    backend.send(*numbered(2))
    assert read(path) == [1, 2]


def test_what_another_process_packs_is_left_to_it(path):
    import fcntl
    backend = JSONLinesBackend(path, max_bytes=1, compress=True)
    left = path.parent / 'events.jsonl.20261121T201000.000001Z'
    left.write_text('{"data": {"n": 0}}\n')
    with open(f'{left}.gz.part', 'wb') as half:
        fcntl.flock(half, fcntl.LOCK_EX)
        for one in numbered(1, 2):
            backend.send(one)
        backend.close()
        assert left.exists() and not os.path.exists(f'{left}.gz')


# what goes wrong

FULL = '''
import resource, signal, sys
from trackstore.events.backends.jsonlines import JSONLinesBackend
from trackstore.events.event import Event
from trackstore.events.exceptions import DeliveryError
backend = JSONLinesBackend(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

def events(*numbers):
    return [Event(name='n', timestamp=0, data={'n': n}, context={}) for n in numbers]

for n in range(100):
    try:
        backend.send(*events(n))
    except DeliveryError as error:
        assert error.again
        print(n, error)
        break
try:
    backend.send_many(events(n, n + 1, n + 2))
except DeliveryError:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    backend.send_many(events(n, n + 1))
'''


def test_a_full_disk_leaves_no_half_line(path):
    done = subprocess.run([sys.executable, '-c', FULL, str(path)], check=True,
                          capture_output=True, text=True)
    number, _, told = done.stdout.strip().partition(' ')
    assert told == f'path: {str(path)!r} cannot be written to: File too large'
    assert read(path) == list(range(int(number) + 2))


def test_no_space_at_all():
    with pytest.raises(DeliveryError, match=(
            "^path: '/dev/full' cannot be written to: No space left on device$")):
        JSONLinesBackend('/dev/full').send(event())


def test_the_folder_is_gone(tmp_path):
    folder = tmp_path / 'logs'
    folder.mkdir()
    backend = JSONLinesBackend(folder / 'events.jsonl')
    folder.rmdir()
    with pytest.raises(DeliveryError, match='No such file or directory'):
        backend.send(event())
    folder.mkdir()
    backend.send(*numbered(1))
    assert read(folder / 'events.jsonl') == [1]


def test_what_cannot_be_put_away_grows(path, monkeypatch, caplog):
    backend = JSONLinesBackend(path, max_bytes=1)
    backend.send(*numbered(1))

    def refused(old, new):
        raise PermissionError(13, 'Permission denied')
    monkeypatch.setattr(os, 'rename', refused)
    backend.send(*numbered(2))
    backend.send(*numbered(3))
    assert caplog.messages == [
        f'{path} cannot be put away, and grows: [Errno 13] Permission denied']
    monkeypatch.undo()
    backend.send(*numbered(4))
    assert read(*old_files(path), path) == [1, 2, 3, 4]


@pytest.mark.parametrize(('options', 'text'), [
    ({'path': 7}, 'path: 7 is no path; allowed is the path of a file'),
    ({'path': ''}, "path: '' is no path"),
    ({'path': '/no/such/folder/a'}, "path: '/no/such/folder/a' is in a folder that "
                                    'does not exist; allowed are'),
    ({'path': '/'}, "path: '/' is a folder; allowed is the path of a file"),
    ({'max_bytes': 0}, 'max_bytes: 0 is not allowed; allowed are whole numbers from 1, '
                       'and None for no limit'),
    ({'every': 'week'}, "every: 'week' is no period; allowed are 'hour', 'day', whole "
                        'numbers of seconds from 1, and None'),
    ({'every': 0.5}, 'every: 0.5 is no period'),
    ({'every': True}, 'every: True is no period'),
    ({'keep': -1}, 'keep: -1 is not allowed; allowed are whole numbers from 0, and'),
    ({'compress': 1}, 'compress: 1 is no flag; allowed are True and False'),
    ({'sync': None}, 'sync: None is no flag; allowed are True and False'),
])
def test_options(path, options, text):
    with pytest.raises(ConfigurationError) as caught:
        JSONLinesBackend(**{'path': path} | options)
    assert str(caught.value).startswith(text)
