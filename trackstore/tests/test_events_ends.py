"""Ends of all kinds: of processes, of patience, of threads, of the disk."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time

import pytest

import trackstore
from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.carriers import spill
from trackstore.events.carriers.local import LocalCarrier
from trackstore.tests.gate import LONG, Gate, emit
from trackstore.tests.test_events_queue import BEGIN


def routed(backends, name='queue', tries=3, dead_letters=None, **options):
    """Return a tracker with a queue before backends, and the latter."""
    backend = AsyncRoutingBackend(
        name, backends=backends, tries=tries, pause=0, dead_letters=dead_letters,
        carrier=LocalCarrier(**{'delay': 0.001, **options}))
    return Tracker({'queue': backend}), backend


class Odd(MemoryBackend):
    """Raises an error the first times."""

    send_many = None

    def __init__(self, error, times):
        super().__init__()
        self.error = error
        self.times = times

    def send(self, event):
        if self.times:
            self.times -= 1
            raise self.error
        super().send(event)


class Hanging(MemoryBackend):
    """Never comes back."""

    send_many = None

    def __init__(self):
        super().__init__()
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def send(self, event):
        self.entered.set()
        assert self.go_on.wait(LONG)

    def close(self):
        assert self.go_on.wait(LONG)

    flush = close


def numbers(memory):
    return [event['data']['n'] for event in memory.events]


# errors that are none

@pytest.mark.parametrize('error', [
    SystemExit(3), KeyboardInterrupt(), GeneratorExit(), BaseException('odd'),
    MemoryError(), StopIteration()])
def test_whatever_a_backend_raises_is_tried_again(error):
    odd, memory = Odd(error, 2), MemoryBackend()
    tracker, backend = routed({'memory': memory, 'odd': odd})
    emit(tracker, 0, 5)
    assert backend.flush(LONG) and backend.close(LONG)
    assert numbers(memory) == numbers(odd) == [0, 1, 2, 3, 4]


def test_what_is_raised_each_time_makes_a_dead_letter(tmp_path):
    tracker, backend = routed({'odd': Odd(SystemExit(3), 2)}, tries=2,
                              dead_letters=tmp_path / 'dead.fs')
    emit(tracker, 0, 2)
    assert backend.close(LONG)
    with trackstore.open(tmp_path / 'dead.fs') as letters:
        assert [(each.data['event']['data'], each.data['reason'])
                for each in letters.query()] == [({'n': 0}, 'SystemExit: 3')]


def test_a_processor_that_wants_to_end_the_process_below_a_queue(caplog):
    def leave(event):
        if event['data']['n'] == 1:
            sys.exit('no more')

    memory = MemoryBackend()
    tracker, backend = routed({'router': RoutingBackend({'memory': memory}, [leave])})
    emit(tracker, 0, 3)
    assert backend.close(LONG)
    assert numbers(memory) == [0, 2]
    told, = [record.getMessage() for record in caplog.records]
    assert told.startswith("event 'n' (") and told.endswith(
        ') is dropped: a processor ended with SystemExit')


# patience

def test_who_delivers_does_not_wait_for_itself():
    answers = []

    class Flushing(MemoryBackend):
        def send(self, event):
            super().send(event)
            answers.append(backend.flush())

        send_many = None

    flushing = Flushing()
    tracker, backend = routed({'it': flushing})
    emit(tracker, 0, 2)
    assert backend.close(LONG)
    assert answers == [False, False] and numbers(flushing) == [0, 1]


@pytest.mark.parametrize('name', ['flush', 'close'])
def test_a_backend_that_hangs_does_not_hang_its_queue(name, caplog):
    hanging = Hanging()
    tracker, backend = routed({'hanging': hanging})
    emit(tracker, 0, 1)
    assert hanging.entered.wait(LONG)
    assert not getattr(backend, name)(timeout=0)
    assert f'{name}() of {hanging!r} takes longer' in caplog.text
    hanging.go_on.set()
    backend.close()


def test_who_sends_after_the_end_does_not_hang(tmp_path):
    hanging, memory = Hanging(), MemoryBackend()
    tracker, backend = routed({'it': hanging, 'memory': memory}, wait=0,
                              dead_letters=tmp_path / 'dead.fs')
    assert backend.carrier.close()
    emit(tracker, 0, 1)
    assert numbers(memory) == [0]
    hanging.go_on.set()
    with trackstore.open(tmp_path / 'dead.fs') as letters:
        letter, = letters.query()
        assert letter.userName == 'queue.it'
        assert letter.data['reason'] == 'the backend did not come back'


def test_what_is_emitted_on_and_on_after_the_end():
    class Talking(MemoryBackend):
        def send(self, event):
            super().send(event)
            tracker.emit('n', {'n': event['data']['n'] + 1})

        send_many = None

    talking = Talking()
    tracker, backend = routed({'it': talking})
    assert backend.carrier.close()
    emit(tracker, 0, 1)
    assert numbers(talking) == [0, 1, 2, 3, 4]


def test_the_rest_of_a_batch_is_left_to_the_next_process(tmp_path):
    class Stopping(MemoryBackend):
        send_many = None

        def send(self, event):
            super().send(event)
            if len(self.events) == 3:
                entered.set()
                assert go_on.wait(LONG)

    entered, go_on = threading.Event(), threading.Event()
    stopping = Stopping()
    options = {'folder': tmp_path / 'spill', 'delay': 0.1}
    tracker, backend = routed({'it': stopping}, **options)
    emit(tracker, 0, 10)
    assert entered.wait(LONG)
    threading.Timer(0.1, go_on.set).start()  # while it waits for the threads
    assert not backend.close(0)
    assert numbers(stopping) == [0, 1, 2]
    memory = MemoryBackend()
    tracker, backend = routed({'it': memory}, **options)
    assert backend.flush(LONG) and backend.close()
    assert numbers(memory) == [3, 4, 5, 6, 7, 8, 9]


def test_the_rest_of_a_batch_is_dead_letters(tmp_path):
    single = Odd(OSError('down'), 0)
    single.most = 2

    def send(event):
        if len(single.events) == 2:
            single.times = 1
            entered.set()
        Odd.send(single, event)

    entered, single.send = threading.Event(), send
    tracker, backend = routed({'it': single}, tries=9,
                              dead_letters=tmp_path / 'dead.fs')
    backend.delivery.pause = backend.delivery.longest_pause = 10000
    emit(tracker, 0, 6)
    assert entered.wait(LONG)
    assert not backend.close(0)
    assert not backend.close(), 'the second time it tells the same'
    with trackstore.open(tmp_path / 'dead.fs') as letters:
        assert [each.data['event']['data']['n'] for each in letters.query()] == [
            2, 3, 4, 5]


def test_two_that_close_at_once_make_one_letter_each(tmp_path):
    hanging = Hanging()
    tracker, backend = routed({'it': hanging}, dead_letters=tmp_path / 'dead.fs')
    emit(tracker, 0, 5)
    assert hanging.entered.wait(LONG)
    threads = [threading.Thread(target=backend.carrier.close, args=(0.1,))
               for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    hanging.go_on.set()
    with trackstore.open(tmp_path / 'dead.fs') as letters:
        assert len(letters) == 5


def test_without_another_thread_the_sender_delivers(monkeypatch, caplog):
    def start(self):
        raise RuntimeError("can't start new thread")

    memory = MemoryBackend()
    tracker, backend = routed({'memory': memory})
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, 'start', start)
        emit(tracker, 0, 2)
        assert numbers(memory) == [0, 1]
    assert "'queue' delivers in the thread that sends: can't start" in caplog.text
    emit(tracker, 2, 4)
    assert backend.close(LONG) and numbers(memory) == [0, 1, 2, 3]


# the disk

def test_what_a_full_disk_did_not_take_is_not_lost_at_the_end(
        tmp_path, monkeypatch, caplog):
    gate = Gate()
    options = {'folder': tmp_path / 'spill', 'journal': True}
    tracker, backend = routed({'it': gate}, **options)
    emit(tracker, 0, 3)
    with monkeypatch.context() as patch:
        patch.setattr(spill, '_written', full)
        emit(tracker, 3, 6)
    emit(tracker, 6, 8)
    assert gate.entered.wait(LONG)
    assert not backend.close(0)
    memory = MemoryBackend()
    tracker, backend = routed({'it': memory}, **options)
    assert backend.flush(LONG) and backend.close()
    assert sorted(numbers(memory)) == list(range(8))
    gate.open.set()


def test_what_the_disk_never_took_is_dead_letters_at_the_end(tmp_path):
    gate = Gate()
    tracker, backend = routed({'it': gate}, folder=tmp_path / 'spill', journal=True,
                              max_disk_bytes=500, dead_letters=tmp_path / 'dead.fs')
    emit(tracker, 0, 10)
    assert gate.entered.wait(LONG)
    assert not backend.close(0)
    gate.open.set()
    memory = MemoryBackend()
    tracker, backend = routed({'it': memory}, folder=tmp_path / 'spill')
    assert backend.flush(LONG) and backend.close()
    with trackstore.open(tmp_path / 'dead.fs') as letters:
        letters = [each.data['event']['data']['n'] for each in letters.query()]
    assert numbers(memory) and letters
    assert sorted(numbers(memory) + letters) == list(range(10))


@pytest.mark.parametrize('journal', [True, False])
def test_a_folder_that_somebody_removes(tmp_path, journal, caplog):
    gate = Gate()
    options = {'folder': tmp_path / 'spill', 'when_full': 'spill', 'max_events': 10,
               'journal': journal, 'batch': 5}
    tracker, backend = routed({'it': gate}, **options)
    emit(tracker, 0, 30)
    assert gate.entered.wait(LONG)
    shutil.rmtree(tmp_path / 'spill')
    gate.open.set()
    assert backend.flush(LONG)
    assert 'is gone, and the events that were to be read from it are lost' in (
        caplog.text)
    gate.open.clear()
    gate.entered.clear()
    emit(tracker, 30, 60)
    assert gate.entered.wait(LONG)
    assert os.listdir(tmp_path / 'spill')   # it spills again
    gate.open.set()
    assert backend.flush(LONG) and backend.close()
    assert gate.numbers() == [*range(10), *range(30, 60)]


def full(file, data):
    raise OSError(errno.ENOSPC, 'No space left on device')


# processes

def run_code(code, *arguments, interrupts=0):
    """Run code, with an interrupt when it has printed a line; return what is told."""
    process = subprocess.Popen(
        [sys.executable, '-c', BEGIN + code, *map(str, arguments)], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    for _ in range(interrupts):
        assert process.stdout.readline() == 'now\n'
        time.sleep(0.2)     # until it waits
        process.send_signal(signal.SIGINT)
    return process.communicate(timeout=LONG)


HANGING = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # nohup and & ignore it
class Hanging:
    def send(self, event):
        time.sleep(100)
tracker = Tracker({'queue': AsyncRoutingBackend('queue', backends={'it': Hanging()},
    carrier=LocalCarrier(**eval(sys.argv[1])), dead_letters=sys.argv[2])})
for number in range(5):
    tracker.emit('n', {'n': number})
"""


@pytest.mark.parametrize('folder', [True, False])
def test_nobody_waits_for_the_end(tmp_path, folder):
    options = {'folder': str(tmp_path / 'spill')} if folder else {}
    _, told = run_code(HANGING + "print('now', flush=True)", options,
                       tmp_path / 'dead.fs', interrupts=1)
    assert 'KeyboardInterrupt' in told
    if folder:
        memory = MemoryBackend()
        _, backend = routed({'it': memory}, folder=tmp_path / 'spill')
        assert backend.flush(LONG) and backend.close()
        assert numbers(memory) == [0, 1, 2, 3, 4]
    else:
        with trackstore.open(tmp_path / 'dead.fs') as letters:
            assert len(letters) == 5


LATE = """
import atexit
class Late:
    def __init__(self):
        self.ended = None
    def send(self, event):
        if self.ended is None:
            self.ended = False
            atexit.register(self.end)
        print(event['data']['n'], self.ended)
    def end(self):
        self.ended = True
    def close(self):
        print('closed')
queue = AsyncRoutingBackend('queue', backends={'it': Late()},
                            carrier=LocalCarrier(delay=100))
tracker = Tracker({'queue': queue})
tracker.emit('n', {'n': 1})
queue.flush()
tracker.emit('n', {'n': 2})
"""


def test_what_backends_do_at_the_end_comes_after_that_of_the_queue():
    assert run_code(LATE) == ('1 False\n2 False\nclosed\n', '')


def test_a_child_that_sends_nothing_closes_nothing():
    told, _ = run_code(LATE + """
import os
if not os.fork():
    tracker.backends['queue'].backends['it'].close = lambda: print('in the child')
    sys.exit()
os.wait()
""")
    assert told == '1 False\n2 False\nclosed\n'
