"""kill -9 of a process whose queue has spilled to disk, again and again.

In each round a forked process emits events to a slow store, so that its queue
spills, and is killed; so are some of those that take over what it has left.  The last
one delivers it all.  Then the store must have each event that was sent before the
end of the spill exactly once, and no event twice.
"""

import os
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections import Counter
from random import Random

import trackstore
from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.tracking import TrackingBackend
from trackstore.events.carriers.local import LocalCarrier
from trackstore.tests.forks import fork
from trackstore.tests.waiting import LONG

#: What one sent event is told with: its number, and whether there was a spill.
SIZE = 5

#: What is counted.
NAMES = ('killed while taking over', 'events sent', 'until the spill ended',
         'delivered')

#: So many events are told of before some of the kills, at the least.
SOME = 30


class SlowBackend(TrackingBackend):
    """Saves events at the speed of a disk, or fails now and then, after all."""

    def __init__(self, where, random):
        super().__init__(where)
        self._random = random

    def send(self, event):
        self.send_many([event])

    def send_many(self, events):
        self._slow(super().send_many, events)

    def send_again(self, events):
        self._slow(super().send_again, events)

    def _slow(self, send, events):
        time.sleep(self._random.random() ** 3 * 0.02)
        if self._random.random() < 0.05:
            raise OSError('not delivered')
        send(events)
        if self._random.random() < 0.05:
            raise OSError('delivered, and nobody knows')


def backend_of(folder, random, journal=False):
    """Return the backend of one process; all have the same name and folder."""
    carrier = LocalCarrier(
        max_events=random.choice([1, 5, 50]), batch=random.choice([1, 7, 100]),
        delay=0.01, when_full='spill', folder=os.path.join(folder, 'spill'),
        journal=journal)
    return AsyncRoutingBackend(
        'orders', backends={'store': SlowBackend(os.path.join(folder, 'events.fs'),
                                                 random)},
        carrier=carrier, pause=0.001, tries=50)


def emitting(folder, seed, pipe):
    """Emit events and tell of each, until the process is killed."""
    random = Random(seed)
    backend = backend_of(folder, random, journal=random.random() < 0.3)
    tracker = Tracker({'queue': backend})
    lock, numbers = threading.Lock(), iter(range(10 ** 9))
    line = backend.carrier._line

    def emit():
        for _ in range(1000):
            number = next(numbers)
            tracker.emit('order.placed', {'number': number, 'text': 'x' * 50})
            with lock:
                os.write(pipe, b'%d' % (line.spill is not None)
                         + number.to_bytes(4, 'big'))
            time.sleep(random.random() ** 4 * 0.01)

    threads = [threading.Thread(target=emit) for _ in range(random.choice([1, 3]))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def taking_over(folder, seed, pipe):
    """Deliver what other processes have left."""
    backend = backend_of(folder, Random(seed))
    done = backend.flush(LONG)
    os.write(pipe, b'.' if done and backend.close() else b'?')


def forked(work, *arguments):
    """Let a process work; return its id and the end of a pipe that it writes to."""
    reader, writer = os.pipe()
    pid = fork()
    if pid == 0:
        try:
            os.close(reader)
            work(*arguments, writer)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(0)
    os.close(writer)
    return pid, reader


def killed(pid, reader, seconds, least=0):
    """Kill a process some seconds after it has written so many bytes.

    Returns all that it has written.
    """
    told = b''
    while len(told) < least and (piece := os.read(reader, least - len(told))):
        told += piece
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return told + rest(reader)


def rest(reader):
    with open(reader, 'rb') as pipe:
        return pipe.read()


def sent(told):
    """Return the numbers of the events that must be there."""
    pairs = [(told[n:n + 1] == b'1', int.from_bytes(told[n + 1:n + SIZE], 'big'))
             for n in range(0, len(told) - SIZE + 1, SIZE)]
    spilled = [place for place, (on_disk, _) in enumerate(pairs) if on_disk]
    last = spilled[-1] if spilled else -1
    return {number for _, number in pairs[:last + 1]}


def one_round(folder, random, outcome):
    """Return a list of sentences: what is wrong after a death."""
    pid, reader = forked(emitting, folder, random.random())
    least = random.choice([0, SOME * SIZE])
    told = killed(pid, reader, 0.05 + random.random() * 0.4, least)
    wanted = sent(told)
    outcome['events sent'] += len(told) // SIZE
    outcome['until the spill ended'] += len(wanted)
    while random.random() < 0.4:
        pid, reader = forked(taking_over, folder, random.random())
        killed(pid, reader, random.random() * 0.2)
        outcome['killed while taking over'] += 1
    pid, reader = forked(taking_over, folder, random.random())
    answer = rest(reader)
    os.waitpid(pid, 0)
    found = numbers_in(os.path.join(folder, 'events.fs'))
    outcome['delivered'] += len(found)
    problems = [] if answer == b'.' else ['not all is delivered in time']
    twice = [number for number, times in found.items() if times > 1]
    if twice:
        problems.append(f'delivered twice: {sorted(twice)[:20]}')
    if missing := wanted - set(found):
        problems.append(f'lost: {sorted(missing)[:20]} of {len(wanted)}')
    left = os.listdir(os.path.join(folder, 'spill'))
    if left:
        problems.append(f'files are left: {left}')
    return problems


def numbers_in(path):
    """Return how often each number is in the store."""
    if not os.path.exists(path):
        return Counter()
    with trackstore.open(path) as tracks:
        return Counter(track.data['data']['number'] for track in tracks.query())


class Outcome:
    """What the rounds have led to."""

    def __init__(self):
        self.counts = Counter()
        self.problems = []


def run(rounds, seconds, seed, say=print):
    """Kill so many times, or for so many seconds; return the ``Outcome``."""
    outcome = Outcome()
    end = time.monotonic() + (seconds or float('inf'))
    number = 0
    while number < rounds and time.monotonic() < end and not outcome.problems:
        folder = tempfile.mkdtemp(prefix='trackstore-spilled-')
        outcome.problems += one_round(
            folder, Random(f'{seed} {number}'), outcome.counts)
        number += 1
        if outcome.problems:
            say(f'round {number - 1} (seed {seed}); the files are in {folder}')
            break
        shutil.rmtree(folder)
        if number % 20 == 0:
            say(f'{number} rounds, {outcome.counts["events sent"]:,} events')
    outcome.counts['rounds'] = number
    return outcome


def summary(outcome):
    """Return the lines of a table."""
    for name in ('rounds', *NAMES):
        yield f'{name:<30}{outcome.counts[name]:>9,}'
    yield f'{"problems":<30}{len(outcome.problems):>9,}'
    yield from outcome.problems
