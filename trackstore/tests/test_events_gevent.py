"""Events in greenlets."""

import subprocess
import sys

import pytest

from trackstore.events import Tracker
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.locator import TaskContextLocator
from trackstore.tests.waiting import LONG

gevent = pytest.importorskip('gevent')


def test_greenlets_have_contexts_of_their_own():
    memory = MemoryBackend()
    tracker = Tracker({'memory': memory}, TaskContextLocator())

    def work(number):
        with tracker.context({'number': number}):
            gevent.sleep(0)
            tracker.emit('one', {'number': number})

    gevent.joinall([gevent.spawn(work, number) for number in range(5)])
    assert len(memory.events) == 5
    assert all(event['context'] == event['data'] for event in memory.events)


def test_a_queue():
    done = subprocess.run([sys.executable, '-c', """
from gevent import monkey; monkey.patch_all()
import gevent
from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.carriers.local import LocalCarrier
memory = MemoryBackend()
backend = AsyncRoutingBackend('queue', backends={'memory': memory},
                              carrier=LocalCarrier(max_events=5, wait=200))
tracker = Tracker({'queue': backend})
def emit():
    for number in range(100):
        tracker.emit('n', {'n': number})
        gevent.sleep(0)
gevent.joinall([gevent.spawn(emit) for _ in range(5)])
print(backend.flush(200), len(memory.events), backend.carrier.counts['dropped'])
"""], capture_output=True, text=True, timeout=LONG)
    assert (done.stdout, done.stderr) == ('True 500 0\n', '')
