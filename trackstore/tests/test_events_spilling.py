"""Queues that spill: order, takeover, forks, full disks and kills."""

import datetime
import fcntl
import json
import logging
import os
import signal
import threading
import time
import uuid
from collections import Counter
from random import Random

import pytest

import trackstore
from trackstore.events import ConfigurationError, Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.backends.tracking import TrackingBackend
from trackstore.events.carriers import records, spilling
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.carriers.reading import Reader
from trackstore.events.carriers.spill import SpillFolder
from trackstore.tests.faults import spilled
from trackstore.tests.forks import in_child, status_of
from trackstore.tests.gate import emit
from trackstore.tests.test_events_spill import append, event, numbers
from trackstore.tests.waiting import LONG, wait_until

UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2026, 11, 21, 20, 10, 0, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def each_logged():
    """Each message is logged, also one that another test had logged a moment ago."""
    spilling._slow._next.clear()


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


def test_what_is_read_back_is_bounded_by_bytes(gate, queue):
    """Also where the slowest backend keeps all in memory that the others have."""
    class Fast(MemoryBackend):
        def send_many(self, events):
            held.append(line.held_bytes)
            super().send_many(events)

    fast, held = Fast(None), [0]
    tracker, backend = queue({'fast': fast, 'gate': gate}, max_events=1000, batch=100,
                             max_bytes=100_000)
    line = backend.carrier._line
    for number in range(200):
        tracker.emit('n', {'n': number, 'text': 'x' * 5000})
    assert gate.entered.wait(LONG)
    wait_until(lambda: not line.reading and len(fast.events) >= line.held)
    gate.open.set()
    assert backend.flush(LONG)
    assert gate.numbers() == numbers(fast.events) == list(range(200))
    assert max(held) < 110_000  # one event may be beyond


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
    first = MemoryBackend(None)
    tracker, backend = queue({'a': first, 'gate': gate, 'gone': gate})
    emit(tracker, 0, 30)
    # what memory has; the rest stays on disk as long as the gate is closed
    wait_until(lambda: backend.carrier._line.positions()['a',] == 10)
    assert not backend.close(0.01)
    had = numbers(first.events)
    assert had == list(range(10))
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
    wait_until(lambda: len(gate.events) == 5)
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

    def work():
        gate.open.set()
        gate.events.clear()
        emit(tracker, 100, 130)
        assert backend.flush(LONG) and gate.numbers() == list(range(100, 130))
        assert backend.close()

    assert status_of(in_child(work)) == 0
    assert on_disk(tmp_path) == list(range(30))
    gate.open.set()
    assert backend.flush(LONG) and gate.numbers() == list(range(30))


def test_a_child_that_outlives_its_parent_does_not_keep_the_files(
        gate, queue, tmp_path):
    reader, writer = os.pipe()

    def work():
        tracker, _ = queue()
        emit(tracker, 0, 30)
        in_child(outlive)
        os.kill(os.getpid(), signal.SIGKILL)

    def outlive():  # by now it has closed what it has of its parent
        os.write(writer, str(os.getpid()).encode())
        time.sleep(LONG)

    assert status_of(in_child(work)) == -signal.SIGKILL
    os.close(writer)
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


def test_two_queues_of_a_tracker_with_one_name_and_folder(queue, tmp_path):
    _, first = queue()
    _, second = queue()     # instead of the first, as when it is made again
    _, other = queue(name='other')
    Tracker({'lrs': first, 'r': RoutingBackend({'warehouse': other, 'lrs': first})})
    with pytest.raises(ConfigurationError) as error:
        Tracker({'lrs': first, 'r': RoutingBackend({'warehouse': second})})
    assert str(error.value) == (
        f"backends: lrs and r.warehouse have the folder '{tmp_path}/spill' and the "
        f"backend_name 'queue' both; one would take over the events of the other, so "
        f"each needs a backend_name of its own")
    tracker = Tracker({'lrs': first})
    tracker.routing_backend.register_backend('lrs', second)


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
    outcome = spilled.run(8, None, '16')
    assert outcome.problems == []
    # with this seed two rounds have a journal and wait for some events
    assert outcome.counts['until the spill ended'] >= 2 * spilled.SOME


def test_the_check_of_the_kills_finds_what_is_wrong(tmp_path, monkeypatch):
    def lose(folder, seed, pipe):
        told = b''.join(b'1' + n.to_bytes(4, 'big') for n in range(10))
        store = TrackingBackend(os.path.join(folder, 'events.fs'))
        store.send_many([{**event(n), 'data': {'number': n}} for n in (1, 2, 2)])
        store.close()
        os.write(pipe, told)
        time.sleep(LONG)
    killed = spilled.killed
    monkeypatch.setattr(spilled, 'emitting', lose)
    monkeypatch.setattr(spilled, 'killed', lambda pid, reader, seconds, least=0: (
        killed(pid, reader, 0, 10 * spilled.SIZE)))
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
