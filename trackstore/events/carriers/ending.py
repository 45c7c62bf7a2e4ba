"""The end of a process, and the beginning of another by ``fork``."""

import atexit
import contextlib
import logging
import os
import sys
import threading
import time
import weakref

#: Why an event was not tried to the end.
REASON = 'the process ended before it was delivered'

#: So many seconds a thread has to notice that it is to end.
NOTICE = 1

#: Set, for who makes no pause between tries.
STOPPED = threading.Event()
STOPPED.set()

log = logging.getLogger(__name__)
_carriers = weakref.WeakSet()


def watch(carrier):
    """Call ``renew()`` of a carrier in each child that this process forks."""
    _carriers.add(carrier)


def _renew():
    for carrier in list(_carriers):
        with contextlib.suppress(OSError):
            carrier.renew()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_renew)


class AtExit:
    """Closes a carrier when its process ends."""

    def __init__(self, carrier):
        self._close = weakref.WeakMethod(carrier.close)

    def __call__(self):
        close = self._close()
        if close is not None:
            close()

    def register(self):
        """Register anew, to come before what was registered meanwhile."""
        atexit.unregister(self)
        atexit.register(self)
        # a process of multiprocessing ends without the former
        processes = sys.modules.get('multiprocessing.util')
        if processes is not None:
            processes.Finalize(None, self, exitpriority=10)
        # and one of a worker of Celery without either
        signals = sys.modules.get('celery.signals')
        if signals is not None:
            signals.worker_process_shutdown.connect(
                self._shut_down, weak=False, dispatch_uid=id(self))

    def unregister(self):
        atexit.unregister(self)
        signals = sys.modules.get('celery.signals')
        if signals is not None:
            signals.worker_process_shutdown.disconnect(dispatch_uid=id(self))

    def _shut_down(self, **options):
        self()


def join(lanes):
    """Wait a moment for threads to end."""
    end = time.monotonic() + NOTICE
    for lane in lanes:
        if lane.thread is not threading.current_thread():
            with contextlib.suppress(RuntimeError):
                lane.thread.join(max(0, end - time.monotonic()))


def abandon(line, delivery):
    """Make dead letters of what a line has not delivered."""
    left = 0
    for batch in (*line.batches, line.chunk):
        parts = batch.parts or delivery.routed(batch.events)
        for path, events in parts.items():
            lane = line.lanes.get(path)
            if events and (lane is None or batch.last is None
                           or lane.done < batch.last):
                delivery.abandon(path, events, REASON)
                left += len(events)
    log.error('%s: %s events were not delivered before the end of the process; '
              'they are dead letters', delivery.name, left)
