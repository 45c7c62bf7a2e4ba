"""Events that go to a store: in the caller, or by the local queue."""

import logging
import resource
import tempfile
import time
from pathlib import Path

import trackstore
from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.tracking import TrackingBackend
from trackstore.events.carriers.local import LocalCarrier

from .load import emit_all, row


def measure_direct():
    return _measure('each committed to a store in the caller', 3_000)


def measure_queue():
    return _measure('by the local queue to a store', 500_000, queue={})


def measure_journal():
    return _measure('by the local queue to a store, each on disk first', 200_000,
                    queue={'journal': True})


def _measure(title, count, queue=None):
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / 'events.fs'
        top = backend = TrackingBackend(str(where))
        if queue is not None:
            top = AsyncRoutingBackend(
                'queue', backends={'store': backend}, carrier=LocalCarrier(
                    folder=str(Path(folder) / 'spill'), **queue))
        tracker = Tracker({'store': top})
        tracker.emit('warm')
        before = memory()
        start = time.perf_counter()
        taken = emit_all(tracker, count)
        if queue is not None and not top.flush():
            raise AssertionError('the queue has not been delivered')
        rate = count / (time.perf_counter() - start)
        grown = memory() - before
        top.close()
        found = holds(where)
        if found != count + 1:
            raise AssertionError(f'{found:,} events are there, {count + 1:,} were sent')
        return [row(title, count, rate, taken, where.stat().st_size / count, grown)]


def holds(where):
    """Return the number of tracks of a store."""
    # of an index that is older, where a process was ended
    logging.getLogger('ZODB.FileStorage').setLevel(logging.ERROR)
    with trackstore.open(where, readOnly=True) as tracks:
        return len(tracks)


def memory():
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
