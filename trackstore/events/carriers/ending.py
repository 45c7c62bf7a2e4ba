"""The end of a process, and the beginning of another by ``fork``."""

import atexit
import contextlib
import contextvars
import os
import sys
import threading
import time
import weakref

from trackstore.events.deliverythread import DeliveryThread
from trackstore.events.latelog import LateLog

#: Why an event was not tried to the end.
REASON = 'the process ended before it was delivered'

HANGS = 'the backend did not come back'

#: So many seconds a thread has to notice that it is to end.
NOTICE = 1


class _NoPause:
    """Stands for a ``threading.Event`` that stops whoever makes a pause."""

    def is_set(self):
        return False

    def wait(self, timeout):
        return True


#: For who tries once what there is to deliver, and makes no pause to try again.
NO_PAUSE = _NoPause()

log = LateLog(__name__)
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
    """Calls a method of a carrier when its process ends."""

    def __init__(self, method):
        self._method = weakref.WeakMethod(method)
        self._registered = None     # the process that multiprocessing knows of

    def __call__(self):
        method = self._method()
        if method is not None:
            method()

    def register(self):
        """Register anew, to come before what was registered meanwhile."""
        atexit.unregister(self)
        atexit.register(self)
        # a process of multiprocessing ends without the former
        processes = sys.modules.get('multiprocessing.util')
        if processes is not None and self._registered != os.getpid():
            self._registered = os.getpid()
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


def within(seconds, function, *arguments):
    """Call a function in a thread; return whether it has come back so soon.

    Where no thread can be started, as at the very end, it is called as usual.
    """
    thread = DeliveryThread(
        target=contextvars.copy_context().run, args=(function, *arguments), daemon=True)
    try:
        thread.start()
    except RuntimeError:
        function(*arguments)
        return True
    thread.join(seconds)
    return not thread.is_alive()


def join(lanes):
    """Wait a moment for threads to end."""
    end = time.monotonic() + NOTICE
    for lane in lanes:
        if lane.thread is not threading.current_thread():
            with contextlib.suppress(RuntimeError):
                lane.thread.join(max(0, end - time.monotonic()))


def abandon(line, delivery, only=None):
    """Make dead letters of what a line has not delivered, or of ``only`` these."""
    left = 0
    for batch in (*line.batches, line.chunk):
        for path, events in _left_of(batch, line, delivery, only):
            delivery.abandon(path, events, REASON)
            left += len(events)
    log.error('%s: %s events were not delivered before the end of the process; '
              'they are dead letters', delivery.name, left)


def _left_of(batch, line, delivery, only):
    """Yield path and events for each backend that has not all of a batch."""
    events, parts = batch.events, batch.parts
    numbers = range(batch.first, batch.first + len(events))
    if only is not None:
        numbers = [n for n in numbers if n in only]
        events, parts = [events[n - batch.first] for n in numbers], None
    if parts is None:
        parts = delivery.routed(events, keep=True)
    for path, own in parts.items():
        done = line.lanes[path].done if path in line.lanes else 0
        if own is events:
            own = [event for n, event in zip(numbers, own, strict=True) if n > done]
        if own and (batch.last is None or done < batch.last):
            yield path, own
