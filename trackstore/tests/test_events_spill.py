"""Events on disk: none is lost, whatever happens to process and disk."""

import datetime
import decimal
import fcntl
import json
import logging
import os
import signal
import stat
import threading
import time
import uuid
from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import trackstore
from trackstore.events import ConfigurationError, Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.backends.tracking import TrackingBackend
from trackstore.events.carriers import records
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.carriers.reading import Reader
from trackstore.events.carriers.spill import SpillFolder, SpillFull
from trackstore.events.event import event_of
from trackstore.tests.faults import spilled
from trackstore.tests.faults.disk import LimitedFiles
from trackstore.tests.test_events_queue import LONG, Gate, emit

UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2026, 11, 21, 20, 10, 0, 5, tzinfo=UTC)


def event(number, **data):
    moment = datetime.datetime(2026, 11, 21, tzinfo=UTC)
    return event_of({'name': 'n', 'timestamp': moment, 'context': {},
                     'data': {'n': number, **data}}, f'id-{number}')


def numbers(events):
    return [each['data']['n'] for each in events]


# records

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=[])) | st.binary() | st.uuids()
    | st.decimals(allow_nan=False) | st.dates()
    | st.datetimes(timezones=st.none() | st.just(UTC)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    | st.tuples(inner, inner) | st.dictionaries(st.integers(), inner),
    max_leaves=10)


@given(st.dictionaries(st.text(), VALUES), st.integers(0, 2 ** 63))
def test_a_record_is_lossless(data, number):
    whole = event_of({'name': 'n', 'data': data, 'timestamp': MOMENT}, 'id')
    line = records.line_of(number, records.json_of_event(whole))
    assert line.count(b'\n') == 1 and line.endswith(b'\n')
    found, value = records.value_of(line)
    again = records.event_in(value)
    assert (found, again, again.id, type(again)) == (number, whole, 'id', type(whole))


@pytest.mark.parametrize('value', [
    {'$date': 'x'}, [{'$a': 1}], [[(1,)]], {'a': {1: 2}}, float('inf'), 10 ** 5000,
    10 ** 3000, 2.5, [1, {'b': [None, True]}], '\ud800', 'é'], ids=lambda value: '')
@pytest.mark.parametrize('moment', [
    MOMENT, MOMENT.replace(tzinfo=None), None, 5, MOMENT.replace(tzinfo=None, fold=1)])
def test_records_of_odd_values(value, moment):
    whole = event_of({'name': 'n', 'data': {'v': value}, 'timestamp': moment}, 'id')
    line = records.line_of(1, records.json_of_event(whole))
    again = records.event_in(records.value_of(line)[1])
    assert again == whole and type(again['data']['v']) is type(value)
    assert getattr(again['timestamp'], 'fold', 0) == getattr(moment, 'fold', 0)


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_hurt_record_is_none(place, byte):
    line = records.line_of(7, records.json_of_event(event(1, text='é')))
    place %= len(line) - 1
    hurt = line[:place] + bytes([byte]) + line[place + 1:]
    assert records.value_of(hurt) in (None, records.value_of(line))


class Odd:
    def __str__(self):
        return 'odd'


def test_values_that_no_file_takes_are_kept_as_text(caplog):
    records._slow._next.clear()
    whole = event(1, odd=Odd(), price=decimal.Decimal('1.10'))
    line = records.line_of(1, records.json_of_event(whole))
    again = records.event_in(records.value_of(line)[1])
    assert again == {**whole, 'data': {'n': 1, 'odd': 'odd', 'price': '1.10'}}
    assert "event 'n' has values that no file takes as they are" in caplog.text


# files

@pytest.fixture
def folder(tmp_path):
    return SpillFolder(tmp_path / 'spill', 'queue', 10 ** 9)


def append(spill, start, stop):
    for number in range(start, stop):
        spill.append(number, [records.line_of(
            number, records.json_of_event(event(number)))])


def read(spill, after=0, until=None, count=1000, size=10 ** 9):
    reader = Reader(spill, after)
    found, _ = reader.read(count, size, until)
    while len(found) < count and not until and size > 1 and not reader.ended():
        found += reader.read(count - len(found), size)[0]
    assert [number for number, _ in found] == numbers(e for _, e in found)
    return [number for number, _ in found]


def test_what_is_written_is_read(folder):
    spill = folder.new()
    append(spill, 1, 10)
    assert read(spill) == list(range(1, 10))
    assert read(spill, after=4, until=7) == [5, 6, 7]
    assert read(spill, count=2) == [1, 2]
    assert read(spill, size=1) == [1]
    spill.remove()
    assert os.listdir(folder.path) == []


def test_files_and_folders_are_private(folder):
    before = os.umask(0)
    try:
        spill = folder.new()
        append(spill, 1, 2)
        spill.note({('a',): 0})
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE(os.stat(os.path.join(spill.path, name)).st_mode)
             for name in os.listdir(spill.path)}
    assert modes == {'0000000000000001.events': 0o600, 'position': 0o600}
    for path, mode in ((folder.path, 0o700), (spill.path, 0o700),
                       (spill.path + '.lock', 0o600)):
        assert stat.S_IMODE(os.stat(path).st_mode) == mode
    spill.remove()


def test_files_are_removed_as_their_events_are_delivered(folder, monkeypatch):
    monkeypatch.setattr('trackstore.events.carriers.spill.SEGMENT', 200)
    spill = folder.new()
    append(spill, 1, 10)
    firsts = [int(name[:16], 16) for name in spill.segments]
    assert firsts == [1, 3, 5, 7, 9]
    spill.drop(3)
    assert [int(name[:16], 16) for name in spill.segments] == [3, 5, 7, 9]
    assert len(spill) == sum(entry.stat().st_size for entry in os.scandir(spill.path))
    assert read(spill, after=4) == [5, 6, 7, 8, 9]
    spill.drop(100)
    assert [int(name[:16], 16) for name in spill.segments] == [9]
    spill.clear()
    assert os.listdir(spill.path) == []
    append(spill, 10, 12)
    assert read(spill) == [10, 11]
    spill.remove()


def test_a_set_is_taken_over_when_its_owner_is_gone(folder):
    spill = folder.new()
    append(spill, 1, 5)
    spill.note({('a', 'b'): 2, ('c',): 10 ** 6})
    spill.note({('a', 'b'): 3, ('c',): 4})
    assert list(folder.orphans()) == []
    spill.close()
    [found] = folder.orphans()
    assert list(folder.orphans()) == []
    assert found.positions() == {('a', 'b'): 3, ('c',): 4}
    assert read(found) == [1, 2, 3, 4]
    found.remove()
    assert os.listdir(folder.path) == []


def test_sets_of_others_are_left_alone(folder, tmp_path):
    for name in 'other', 'queue.x', 'queu':
        append(spill := SpillFolder(folder.path, name, 10 ** 9).new(), 1, 2)
        spill.close()
    (tmp_path / 'spill' / 'queue').mkdir()
    (tmp_path / 'spill' / 'queue.1.txt').touch()
    assert list(folder.orphans()) == []
    [found] = SpillFolder(folder.path, 'queue.x', 10 ** 9).orphans()
    found.close()


def test_a_lock_without_its_set_is_cleared(folder):
    folder.new().close()
    [name] = [name for name in os.listdir(folder.path) if not name.endswith('.lock')]
    os.rmdir(os.path.join(folder.path, name))
    assert list(folder.orphans()) == []
    assert os.listdir(folder.path) == []


@pytest.mark.parametrize('cut', [1, 5, 60])
def test_a_last_record_that_was_not_written_whole(folder, cut, caplog):
    spill = folder.new()
    append(spill, 1, 4)
    spill.close()
    path = os.path.join(spill.path, '0000000000000001.events')
    with open(path, 'rb+') as file:
        file.truncate(os.path.getsize(path) - cut)
    [found] = folder.orphans()
    assert read(found) == [1, 2]
    assert 'ends within an event, which is left out' in caplog.text
    found.remove()


def test_damaged_records_are_left_out_and_told(folder, caplog):
    spill = folder.new()
    append(spill, 1, 5)
    path = os.path.join(spill.path, '0000000000000001.events')
    with open(path, 'rb+') as file:
        data = file.read().replace(b'"n": 2', b'"n": 7')
        file.seek(0)
        file.write(data)
    assert read(spill) == [1, 3, 4]
    assert 'is damaged, and is left out' in caplog.text
    spill.remove()


def test_a_damaged_position_is_none(folder):
    spill = folder.new()
    spill.note({('a',): 5})
    with open(os.path.join(spill.path, 'position'), 'rb+') as file:
        file.seek(12)
        file.write(b'9')
    assert spill.positions() == {}
    spill.remove()


def test_no_more_bytes_than_allowed(tmp_path):
    spill = SpillFolder(tmp_path, 'queue', 500).new()
    with pytest.raises(SpillFull):
        append(spill, 1, 100)
    assert len(spill) <= 500
    found = read(spill)
    assert found == list(range(1, len(found) + 1)) and found
    spill.remove()


def test_a_disk_that_is_full_leaves_no_half_record(folder):
    spill = folder.new()
    append(spill, 1, 3)
    disk = LimitedFiles(spill.path)
    try:
        disk.fill(room=20)
        with pytest.raises(OSError):
            append(spill, 3, 4)
        disk.free()
        append(spill, 3, 5)
    finally:
        disk.close()
    assert read(spill) == [1, 2, 3, 4]
    spill.remove()


# queues

@pytest.fixture
def gate():
    gate = Gate()
    yield gate
    gate.open.set()


@pytest.fixture
def queue(gate, tmp_path):
    made = []

    def make(backends=None, name='queue', **options):
        carrier = LocalCarrier(**{
            'delay': 0.001, 'when_full': 'spill', 'max_events': 10, 'batch': 3,
            'folder': tmp_path / 'spill', 'exit_wait': LONG, **options})
        backend = AsyncRoutingBackend(
            name, backends=backends or {'gate': gate}, carrier=carrier)
        made.append(backend)
        return Tracker({'queue': backend}), backend

    yield make
    gate.open.set()
    for backend in made:
        backend.close(1)


def files(tmp_path):
    return sorted(path.name for path in (tmp_path / 'spill').rglob('*.events'))


def on_disk(tmp_path):
    """Return the numbers of the events in the files."""
    found = []
    for path in sorted((tmp_path / 'spill').rglob('*.events')):
        for line in path.read_bytes().splitlines(keepends=True):
            found.append(records.event_in(records.value_of(line)[1])['data']['n'])
    return found


@pytest.mark.parametrize('journal', [False, True])
def test_a_queue_that_spills_delivers_all_in_order(gate, queue, tmp_path, journal):
    tracker, backend = queue(journal=journal)
    emit(tracker, 0, 500)
    assert on_disk(tmp_path) == list(range(500))
    assert backend.carrier.counts['waiting'] <= 10
    gate.open.set()
    assert backend.flush(LONG)
    assert gate.numbers() == list(range(500))
    emit(tracker, 500, 510)
    assert backend.close()
    assert gate.numbers() == list(range(510))
    assert os.listdir(tmp_path / 'spill') == []


def test_nothing_is_written_before_the_queue_is_full(gate, queue, tmp_path):
    tracker, backend = queue()
    emit(tracker, 0, 10)
    assert files(tmp_path) == []
    emit(tracker, 10, 11)
    assert on_disk(tmp_path) == list(range(11))
    gate.open.set()
    assert backend.flush(LONG)
    assert os.listdir(tmp_path / 'spill') == []
    emit(tracker, 11, 15)  # the spill is over
    assert backend.flush(LONG) and backend.carrier.counts['spilled'] == 11


def test_backends_of_different_speed(gate, queue, tmp_path):
    fast = MemoryBackend(None)
    tracker, backend = queue({'gate': gate, 'r': RoutingBackend({'fast': fast})})
    emit(tracker, 0, 200)
    gate.open.set()
    assert backend.flush(LONG)
    assert gate.numbers() == numbers(fast.events) == list(range(200))
    assert os.listdir(tmp_path / 'spill') == []


def test_many_threads_and_a_spill(gate, queue, tmp_path):
    gate.open.set()
    tracker, backend = queue()
    threads = [threading.Thread(target=emit, args=(tracker, n * 300, n * 300 + 300))
               for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert backend.flush(LONG)
    assert sorted(gate.numbers()) == list(range(1800))
    assert backend.close()
    assert os.listdir(tmp_path / 'spill') == []


@pytest.mark.parametrize('when_full', ['wait', 'spill'])
def test_what_is_not_delivered_at_the_end_waits_for_the_next_process(
        gate, queue, tmp_path, when_full, caplog):
    tracker, backend = queue(when_full=when_full)
    emit(tracker, 0, 10 if when_full == 'wait' else 40)
    assert not backend.close(0.01)
    assert 'they are kept in' in caplog.text
    count = len(on_disk(tmp_path))
    later = MemoryBackend(None)
    tracker, backend = queue({'gate': later})
    assert backend.flush(LONG)
    assert numbers(later.events) == list(range(count)) == list(
        range(10 if when_full == 'wait' else 40))
    assert os.listdir(tmp_path / 'spill') == []
    gate.open.set()


def test_only_what_a_backend_lacks_is_delivered_to_it(gate, queue, tmp_path, caplog):
    first, fast = MemoryBackend(None), threading.Event()
    done = first.send_many
    first.send_many = lambda events: (done(events), fast.set())
    tracker, backend = queue({'a': first, 'gate': gate, 'gone': gate})
    emit(tracker, 0, 30)
    while len(first.events) < 5:
        time.sleep(0.001)
    assert not backend.close(0.01)
    had = numbers(first.events)
    again, rest, new = MemoryBackend(None), MemoryBackend(None), MemoryBackend(None)
    caplog.clear()
    tracker, backend = queue({'a': again, 'gate': rest, 'new': new})
    assert backend.flush(LONG)
    assert had + numbers(again.events) == list(range(30))
    assert numbers(rest.events) == numbers(new.events) == list(range(30))
    lost = [record for record in caplog.messages
            if record.startswith('event not delivered to queue.gone')]
    assert len(lost) == 30 and 'there is no such backend' in lost[0]
    assert os.listdir(tmp_path / 'spill') == []


def test_a_process_that_dies_later_is_noticed(gate, queue, tmp_path, monkeypatch):
    monkeypatch.setattr('trackstore.events.carriers.recovery.LOOK', 0.01)
    folder = SpillFolder(tmp_path / 'spill', 'queue', 10 ** 9)
    gate.open.set()
    _, backend = queue()
    spill = folder.new()
    append(spill, 1, 6)
    time.sleep(0.05)
    assert gate.numbers() == []
    spill.close()
    while len(gate.events) < 5:
        time.sleep(0.001)
    assert gate.numbers() == [1, 2, 3, 4, 5]


def test_what_is_being_read_is_not_done(gate, queue, monkeypatch):
    found, go_on = threading.Event(), threading.Event()
    original = Reader.read

    def read(self, *args):
        result = original(self, *args)
        found.set()
        assert go_on.wait(LONG)
        return result

    monkeypatch.setattr(Reader, 'read', read)
    tracker, backend = queue(max_events=3)
    emit(tracker, 0, 6)
    gate.open.set()
    assert found.wait(LONG)
    assert not backend.flush(0.1)
    go_on.set()
    assert backend.flush(LONG) and gate.numbers() == list(range(6))


def test_many_processes_have_died(gate, queue, tmp_path, monkeypatch):
    monkeypatch.setattr('trackstore.events.carriers.recovery.AT_ONCE', 2)
    folder = SpillFolder(tmp_path / 'spill', 'queue', 10 ** 9)
    for number in range(1, 8):
        append(spill := folder.new(), number, number + 1)
        spill.close()
    before = threading.active_count()
    _, backend = queue()
    assert threading.active_count() <= before + 3
    assert not backend.flush(0)
    gate.open.set()
    assert backend.flush(LONG)
    assert sorted(gate.numbers()) == list(range(1, 8))
    assert os.listdir(tmp_path / 'spill') == []


def test_a_child_leaves_the_files_to_its_parent(gate, queue, tmp_path):
    tracker, backend = queue()
    emit(tracker, 0, 30)
    pid = os.fork()
    if pid == 0:
        try:
            gate.open = threading.Event()
            gate.open.set()
            gate.events.clear()
            emit(tracker, 100, 130)
            good = backend.flush(LONG) and gate.numbers() == list(range(100, 130))
            os._exit(0 if good and backend.close() else 1)
        finally:
            os._exit(2)
    assert os.waitpid(pid, 0)[1] == 0
    assert on_disk(tmp_path) == list(range(30))
    gate.open.set()
    assert backend.flush(LONG) and gate.numbers() == list(range(30))


def test_a_child_that_outlives_its_parent_does_not_keep_the_files(
        gate, queue, tmp_path):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            tracker, _ = queue()
            emit(tracker, 0, 30)
            child = os.fork()
            if child == 0:
                time.sleep(LONG)
            os.write(writer, str(child).encode())
            os.kill(os.getpid(), signal.SIGKILL)
        finally:
            os._exit(1)
    os.close(writer)
    os.waitpid(pid, 0)
    child = int(os.read(reader, 20))
    os.close(reader)
    try:
        gate.open.set()
        _, backend = queue()
        assert backend.flush(LONG) and gate.numbers() == list(range(30))
        os.kill(child, 0)  # it is there still
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_full_disk_is_a_full_queue(gate, queue, tmp_path, caplog):
    tracker, backend = queue(max_disk_bytes=2000, wait=0.01)
    emit(tracker, 0, 50)
    kept = on_disk(tmp_path)
    assert kept == list(range(len(kept))) and 10 < len(kept) < 50
    assert backend.carrier.counts['dropped'] == 50 - len(kept)
    assert 'an event cannot be written: ' in caplog.text
    gate.open.set()
    assert backend.flush(LONG) and gate.numbers() == kept
    emit(tracker, 50, 60)
    assert backend.flush(LONG) and gate.numbers() == kept + list(range(50, 60))


def test_a_disk_that_is_full_from_the_start(gate, queue, tmp_path, caplog):
    tracker, backend = queue(max_disk_bytes=500, wait=0.01)
    emit(tracker, 0, 12)
    assert backend.carrier.counts['dropped'] == 2
    assert 'events cannot be written' in caplog.text
    gate.open.set()
    assert backend.flush(LONG) and gate.numbers() == list(range(10))
    assert os.listdir(tmp_path / 'spill') == []


def test_a_journal_does_not_grow(gate, queue, tmp_path, monkeypatch):
    monkeypatch.setattr('trackstore.events.carriers.spilling.LARGE', 1000)
    gate.open.set()
    tracker, backend = queue(journal=True)
    for start in range(0, 200, 20):
        emit(tracker, start, start + 20)
        assert backend.flush(LONG)
    assert sum(path.stat().st_size for path in (tmp_path / 'spill').rglob('*.events')
               ) <= 1000
    assert gate.numbers() == list(range(200))


def test_sync(gate, queue, tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, 'fdatasync', synced.append)
    tracker, backend = queue(journal=True, sync=True)
    emit(tracker, 0, 5)
    assert len(synced) == 5


@pytest.mark.parametrize('make', ['file', 'number'])
def test_a_folder_that_is_none(tmp_path, make):
    path = tmp_path / 'file'
    path.touch()
    path = path if make == 'file' else 5
    with pytest.raises(ConfigurationError) as error:
        AsyncRoutingBackend('queue', carrier=LocalCarrier(folder=path))
    assert str(error.value).startswith(f'folder: {path!r} cannot be written to: ')


def test_a_folder_needs_a_name(tmp_path):
    with pytest.raises(ConfigurationError, match="backend_name: '' is no name"):
        AsyncRoutingBackend(carrier=LocalCarrier(folder=tmp_path))


def test_values_of_events_that_were_on_disk(gate, queue):
    data = {'when': datetime.date(2026, 11, 21), 'id': uuid.UUID(int=5), 'n': 0,
            'parts': ({'a': b'x'}, 1.5), 'text': 'é\n\u2028'}
    tracker, backend = queue(max_events=1)
    emit(tracker, 0, 5)
    tracker.emit('n', data)
    gate.open.set()
    assert backend.flush(LONG)
    assert gate.events[-1]['data'] == data
    assert gate.events[-1]['timestamp'].tzinfo is UTC


# each event once

def test_a_tracking_storage_has_each_event_once(tmp_path, queue):
    path = tmp_path / 'events.fs'
    events = [event(number) for number in range(20)]
    store = TrackingBackend(path)
    store.send_many(events[:13])
    store.close()
    folder = SpillFolder(tmp_path / 'spill', 'queue', 10 ** 9)
    append(spill := folder.new(), 0, 20)
    spill.note({('store',): 4})  # more were delivered than the process could note
    spill.close()
    _, backend = queue({'store': TrackingBackend(path)})
    assert backend.close()
    with trackstore.open(path) as tracks:
        assert [track.data['data']['n'] for track in tracks.query()] == list(range(20))


def test_kill_a_process_whose_queue_has_spilled():
    logging.getLogger('ZODB').setLevel(logging.CRITICAL)
    outcome = spilled.run(12, None, 'test')
    assert outcome.problems == []
    assert outcome.counts['until the spill ended'] > 100


def test_the_check_of_the_kills_finds_what_is_wrong(tmp_path, monkeypatch):
    def lose(folder, seed, pipe):
        os.write(pipe, b''.join(b'1' + n.to_bytes(4, 'big') for n in range(10)))
        store = TrackingBackend(os.path.join(folder, 'events.fs'))
        store.send_many([{**event(n), 'data': {'number': n}} for n in (1, 2, 2)])
        store.close()
        time.sleep(LONG)
    monkeypatch.setattr(spilled, 'emitting', lose)
    monkeypatch.setattr(spilled, 'killed', lambda pid, reader, seconds: (
        time.sleep(1), os.kill(pid, 9), os.waitpid(pid, 0), spilled.rest(reader))[-1])
    problems = spilled.one_round(str(tmp_path), Random(1), Counter())
    assert problems == ['delivered twice: [2]',
                        'lost: [0, 3, 4, 5, 6, 7, 8, 9] of 10']


def test_the_lock_is_free_after_a_death(tmp_path, queue):
    _, backend = queue(journal=True)
    backend.send(event(1))
    [name] = [name for name in os.listdir(tmp_path / 'spill') if name.endswith('.lock')]
    with open(tmp_path / 'spill' / name) as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    assert json.loads(next((tmp_path / 'spill').rglob('position')).read_text()[9:]) == [
        [['gate'], 0]]
