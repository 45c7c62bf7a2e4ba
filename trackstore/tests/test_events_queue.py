"""The local queue: order, bounds, threads, forks and the end of a process."""

import logging
import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
import time

import pytest

import trackstore
from trackstore.events import ConfigurationError, Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.carriers.sizes import size_of
from trackstore.tests.forks import fork
from trackstore.tests.gate import emit
from trackstore.tests.waiting import LONG, wait_until


@pytest.fixture
def queue(gate):
    """Make trackers with a queue before the gate."""
    made = []

    def make(**options):
        backend = AsyncRoutingBackend(
            'queue', backends={'gate': gate},
            carrier=LocalCarrier(**{'delay': 0.001, **options}))
        made.append(backend)
        return Tracker({'queue': backend}), backend

    yield make
    gate.open.set()
    for backend in made:
        backend.close()


def test_all_arrives_in_order(gate, queue):
    gate.open.set()
    tracker, backend = queue()
    emit(tracker, 0, 9000)
    assert backend.flush(LONG)
    assert gate.numbers() == list(range(9000))
    assert max(gate.sizes) <= 4000


def test_batches_by_number(gate, queue):
    tracker, backend = queue(batch=10)
    emit(tracker, 0, 1)
    assert gate.entered.wait(LONG)
    emit(tracker, 1, 40)
    gate.open.set()
    assert backend.flush(LONG)
    assert gate.sizes == [1, 10, 10, 10, 9]


def test_what_has_come_is_delivered_after_the_delay(gate, queue):
    gate.open.set()
    tracker, backend = queue(batch=1000)
    emit(tracker, 0, 3)
    wait_until(lambda: len(gate.events) == 3)  # nobody flushes
    assert gate.numbers() == [0, 1, 2]


def test_flush_does_not_wait_for_the_delay(gate, queue):
    gate.open.set()
    tracker, backend = queue(delay=10 * LONG)
    emit(tracker, 0, 3)
    assert backend.flush(LONG)
    assert gate.numbers() == [0, 1, 2]


@pytest.mark.parametrize('timeout', ['1', float('nan')])
def test_a_timeout_that_is_none(timeout):
    queue = AsyncRoutingBackend('queue', backends={'memory': MemoryBackend()})
    for method in (queue.flush, queue.close):
        with pytest.raises(TypeError, match='^timeout: .* is no time; allowed are sec'):
            method(timeout)
    assert queue.close()


def test_flush_tells_when_time_is_up(gate, queue):
    tracker, backend = queue()
    assert backend.flush(0)
    emit(tracker, 0, 1)
    assert not backend.flush(0.01)
    gate.open.set()
    assert backend.flush(LONG) and backend.flush()


def test_a_full_queue_drops_the_newest(gate, queue, caplog):
    tracker, backend = queue(when_full='drop', max_events=10)
    emit(tracker, 0, 25)
    assert backend.carrier.counts['dropped'] == 15
    gate.open.set()
    assert backend.flush(LONG)
    assert gate.numbers() == list(range(10))
    emit(tracker, 25, 26)
    assert backend.flush(LONG) and gate.numbers()[10:] == [25]
    assert backend.close()
    told = [record.getMessage() for record in caplog.records]
    assert told == [
        "the queue of 'queue' is full; event 'n' is dropped (1 dropped so far)",
        "the queue of 'queue' has dropped 15 events, as it was full"]


def test_a_full_queue_waits(gate, queue):
    tracker, backend = queue(max_events=10, batch=5, wait=LONG)
    thread = threading.Thread(target=emit, args=(tracker, 0, 100))
    thread.start()
    assert gate.entered.wait(LONG)
    wait_until(lambda: backend.carrier.counts['waiting'] == 10)
    gate.open.set()
    thread.join()
    assert backend.flush(LONG)
    assert gate.numbers() == list(range(100))
    assert backend.carrier.counts['dropped'] == 0


def test_a_full_queue_waits_for_so_long_only(gate, queue):
    tracker, backend = queue(max_events=2, wait=0.01)
    emit(tracker, 0, 4)
    assert backend.carrier.counts['dropped'] == 2
    gate.open.set()
    assert backend.flush(LONG) and gate.numbers() == [0, 1]


def test_a_queue_is_full_by_bytes(gate, queue):
    tracker, backend = queue(when_full='drop', max_bytes=100_000)
    for number in range(5):
        tracker.emit('n', {'n': number, 'text': 'x' * 40_000})
    assert backend.carrier.counts['dropped'] == 3
    gate.open.set()
    assert backend.flush(LONG) and gate.numbers() == [0, 1]
    tracker.emit('n', {'n': 5, 'text': 'x' * 400_000})  # alone, it may be larger
    assert backend.flush(LONG) and gate.numbers() == [0, 1, 5]


def test_large_events_make_smaller_batches(gate, queue):
    tracker, backend = queue()
    emit(tracker, 0, 1)
    assert gate.entered.wait(LONG)
    for number in range(1, 7):
        tracker.emit('n', {'n': number, 'parts': [b'x' * 3_000_000]})
    gate.open.set()
    assert backend.flush(LONG)
    assert gate.sizes == [1, 2, 2, 2]


def test_a_backend_that_emits_while_the_queue_is_full_does_not_wait(queue, caplog):
    tracker = None

    class Talking(MemoryBackend):
        def send(self, event):
            super().send(event)
            if event['name'] == 'n':
                tracker.emit('told', {})
                tracker.emit('told', {})

    memory = Talking()
    backend = AsyncRoutingBackend(
        'talking', backends={'memory': memory},
        carrier=LocalCarrier(max_events=2, delay=0, batch=1, wait=LONG))
    tracker = Tracker({'queue': backend})
    emit(tracker, 0, 1)
    wait_until(lambda: len(memory.events) == 2)
    assert backend.close()
    assert [event['name'] for event in memory.events] == ['n', 'told']
    assert backend.carrier.counts['dropped'] == 1


def test_many_threads(gate, queue):
    gate.open.set()
    tracker, backend = queue(max_events=100, batch=7, wait=LONG)
    threads = [threading.Thread(target=emit, args=(tracker, n * 1000, n * 1000 + 1000))
               for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert backend.flush(LONG)
    found = gate.numbers()
    assert sorted(found) == list(range(8000))
    for start in range(0, 8000, 1000):  # each thread's own are in order
        own = [number for number in found if start <= number < start + 1000]
        assert own == sorted(own)


def test_what_comes_after_the_end_is_delivered_by_the_caller(gate, queue):
    gate.open.set()
    tracker, backend = queue()
    emit(tracker, 0, 1)
    assert backend.close() and backend.close()
    emit(tracker, 1, 2)
    assert gate.numbers() == [0, 1]


def test_sizes():
    small = {'name': 'n', 'data': {'a': 1}}
    assert size_of({**small, 'data': {'a': 'x' * 1000}}) > size_of(small) + 900
    nested = {**small, 'data': {'a': [{'b': (b'x' * 500, 'x' * 500)}]}}
    assert size_of(nested) > size_of(small) + 1000
    statement = {'actor': {}, 'object': {'description': {'en': 'x' * 1000}}}
    assert size_of(statement) > 1000
    assert size_of({**small, 'data': ['x' * 1000]}) > 1000


@pytest.mark.parametrize(('options', 'message'), [
    ({'max_events': 0}, 'max_events: 0 is not allowed; allowed are whole numbers '
                        'from 1'),
    ({'batch': True}, 'batch: True is not allowed; allowed are whole numbers from 1'),
    ({'delay': '1'}, "delay: '1' is no time; allowed are seconds, from 0"),
    ({'delay': 10**400}, f'delay: {10**400} is no time; allowed are seconds, from 0'),
    ({'when_full': 'burn'},
     "when_full: 'burn' is not known; allowed are 'wait', 'drop', 'spill'"),
    ({'when_full': 'spill'},
     "folder: None is no folder; when_full='spill' and journal=True need one, to "
     "write events to"),
    ({'journal': 'False'}, "journal: 'False' is no flag; allowed are True and False"),
    ({'sync': 1}, 'sync: 1 is no flag; allowed are True and False'),
    ({'sync': True},
     "folder: None is no folder; sync=True is about what is written to one, with "
     "when_full='spill' or journal=True"),
])
def test_options_that_are_refused(options, message):
    with pytest.raises(ConfigurationError) as error:
        LocalCarrier(**options)
    assert str(error.value) == message


# forks

def in_child(work):
    """Fork; return what ``work()`` returns in the child, as text."""
    reader, writer = os.pipe()
    pid = fork()
    if pid == 0:
        try:
            os.write(writer, str(work()).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    return text


def test_a_child_begins_with_an_empty_queue(gate, queue):
    tracker, backend = queue()
    emit(tracker, 0, 10)
    assert gate.entered.wait(LONG)

    def work():
        gate.open = threading.Event()  # the lock in it is the parent's
        gate.open.set()
        before = backend.carrier.counts
        emit(tracker, 10, 13)
        return before['waiting'], backend.flush(LONG), gate.numbers()

    assert in_child(work) == '(0, True, [10, 11, 12])'
    gate.open.set()
    assert backend.flush(LONG)
    assert gate.numbers() == list(range(10))


def test_a_child_counts_its_own(gate, queue):
    gate.open.set()
    tracker, backend = queue()
    emit(tracker, 0, 10)
    assert backend.flush(LONG)
    backend.delivery.failed['gate',] = 3

    def work():
        before = backend.carrier.counts
        emit(tracker, 10, 13)
        backend.flush(LONG)
        counts = backend.carrier.counts
        return before['delivered'], before['failed'], counts['delivered']

    assert in_child(work) == "({}, {}, {'gate': 3})"
    assert backend.carrier.counts['delivered'] == {'gate': 10}


def test_a_fork_while_others_emit(gate, queue):
    gate.open.set()
    tracker, backend = queue(max_events=50, batch=3, wait=LONG)
    threads = [threading.Thread(target=emit, args=(tracker, n * 1000, n * 1000 + 1000))
               for n in range(3)]
    for thread in threads:
        thread.start()
    answers = []
    for _ in range(10):
        def work():
            gate.events.clear()
            emit(tracker, 0, 100)
            return backend.flush(LONG), len(gate.events)
        answers.append(in_child(work))
    for thread in threads:
        thread.join()
    assert answers == ['(True, 100)'] * 10
    assert backend.flush(LONG)
    assert sorted(gate.numbers()) == list(range(3000))


def emit_to_file(path):
    tracker, _ = tracker_to(path)
    emit(tracker, 0, 3)


class Slow(MemoryBackend):
    """Writes events to a file, slowly."""

    def __init__(self, path):
        super().__init__()
        self.path = path

    def send(self, event):
        time.sleep(0.01)
        with open(self.path, 'a') as file:
            print(event['data']['n'], file=file)

    send_many = None


def tracker_to(path):
    backend = AsyncRoutingBackend('queue', backends={'file': Slow(path)})
    return Tracker({'queue': backend}), backend


@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_the_end_of_a_process_of_multiprocessing(method, tmp_path):
    path = tmp_path / 'events'
    process = multiprocessing.get_context(method).Process(
        target=emit_to_file, args=(path,))
    process.start()
    process.join()
    assert path.read_text() == '0\n1\n2\n'


# the end of a process

BEGIN = """
import logging, sys
logging.basicConfig(format='%(message)s', stream=sys.stdout)
from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.tracking import TrackingBackend
from trackstore.events.carriers.local import LocalCarrier
"""


def run_code(code, *arguments, status=0):
    done = subprocess.run(
        [sys.executable, '-c', BEGIN + textwrap.dedent(code), *map(str, arguments)],
        capture_output=True, text=True, timeout=LONG)
    assert (done.returncode, done.stderr) == (status, '')
    return done.stdout


@pytest.mark.parametrize('end', ['', 'sys.exit(0)', 'import threading\n'
                         'threading.Thread(target=lambda: tracker.emit("n")).start()'])
def test_a_process_that_ends_delivers_first(tmp_path, end):
    run_code(f"""
tracker = Tracker({{'queue': AsyncRoutingBackend('queue', backends={{
    'store': TrackingBackend(sys.argv[1])}}, carrier=LocalCarrier(exit_wait={LONG}))}})
for number in range(2500):
    tracker.emit('n', {{'n': number}})
{end}
""", tmp_path / 'events.fs')
    with trackstore.open(tmp_path / 'events.fs') as tracks:
        assert tracks.count(taskId='n') == 2500 + end.count('emit')


def test_events_that_are_sent_at_the_very_end(tmp_path):
    run_code("""
import atexit
atexit.register(lambda: tracker.emit('n', {'n': 1}))
tracker = Tracker({'queue': AsyncRoutingBackend('queue', backends={
    'store': TrackingBackend(sys.argv[1])})})
""", tmp_path / 'events.fs')
    with trackstore.open(tmp_path / 'events.fs') as tracks:
        assert tracks.count(taskId='n') == 1


def test_a_tracker_that_nobody_holds_any_more(tmp_path):
    run_code("""
import gc
def work():
    tracker = Tracker({'queue': AsyncRoutingBackend('queue', backends={
        'store': TrackingBackend(sys.argv[1])})})
    tracker.emit('n', {'n': 1})
work()
gc.collect()
""", tmp_path / 'events.fs')
    with trackstore.open(tmp_path / 'events.fs') as tracks:
        assert tracks.count(taskId='n') == 1


def test_what_cannot_be_delivered_at_the_end_is_told(tmp_path):
    printed = run_code("""
class Down:
    def send(self, event):
        raise OSError('down')

tracker = Tracker({'queue': AsyncRoutingBackend('queue', backends={'down': Down()},
    carrier=LocalCarrier(exit_wait=0.1), pause=1000, longest_pause=1000)})
for number in range(3):
    tracker.emit('n', {'n': number})
""")
    lines = printed.splitlines()
    reason = 'the process ended before it was delivered'
    assert [line.partition(': {')[0] for line in lines[:3]] == [
        f'event not delivered to queue.down after 0 tries: {reason}'] * 3
    assert '"data": {"n": 2}' in lines[2]
    assert lines[3:] == ['queue: 3 events were not delivered before the end of the '
                         'process; they are dead letters']


def test_dropped_events_are_logged_at_a_bounded_rate(gate, queue, caplog, monkeypatch):
    monkeypatch.setattr('trackstore.events.slowlog.PAUSE', LONG)
    tracker, _ = queue(when_full='drop', max_events=1)
    with caplog.at_level(logging.ERROR):
        emit(tracker, 0, 1000)
    assert len(caplog.records) == 1
