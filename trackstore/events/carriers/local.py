"""The local queue: events are delivered by threads of the same process."""

import logging
import threading
import time
from contextlib import contextmanager

from zope.interface import implementer

from trackstore.events import checks
from trackstore.events.carriers import ending
from trackstore.events.carriers.interfaces import ICarrier
from trackstore.events.carriers.line import Line
from trackstore.events.carriers.recovery import Recovery
from trackstore.events.carriers.sizes import size_of
from trackstore.events.carriers.spilling import Spilling
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.latelog import logged_after
from trackstore.events.slowlog import SlowLog

WHEN_FULL = ('wait', 'drop', 'spill')

log = logging.getLogger(__name__)

_passive = threading.local()


@contextmanager
def passive():
    """Let carriers that are made within take over nothing and start no thread."""
    before = getattr(_passive, 'on', False)
    _passive.on = True
    try:
        yield
    finally:
        _passive.on = before


@implementer(ICarrier)
class LocalCarrier:
    """A queue in memory, with a thread for each backend.

    ``max_events``, ``max_bytes``
        the queue is full when it has so many events, or about so many bytes
    ``batch``, ``delay``
        so many events are delivered at once at the most, or what has come in so
        many seconds; a backend with ``most_at_once`` gets no more than that
    ``when_full``
        ``'wait'`` for room, ``wait`` seconds at the most, and drop the event after
        that; ``'drop'`` it at once; ``'spill'`` it, and all others, to disk
    ``folder``
        where events are written when they spill, or when the process ends before
        they could be delivered; who takes them over must have the same
        ``backend_name``
    ``journal``
        True to write each event to disk as soon as it comes
    ``max_disk_bytes``
        so many bytes a process may write there; beyond, it waits, and drops
    ``sync``
        True to wait until the disk has each event that is written
    ``exit_wait``
        so many seconds the end of the process waits for what is not delivered yet
    """

    def __init__(self, max_events=20_000, max_bytes=64 * 2 ** 20, batch=4000,
                 delay=0.1, when_full='wait', wait=5.0, folder=None, journal=False,
                 max_disk_bytes=2 ** 30, sync=False, exit_wait=10.0):
        for name, value in (('max_events', max_events), ('max_bytes', max_bytes),
                            ('batch', batch), ('max_disk_bytes', max_disk_bytes)):
            checks.whole(value, name)
        for name, value in (('delay', delay), ('wait', wait), ('exit_wait', exit_wait)):
            checks.seconds(value, name, zero=True)
        for name, value in (('journal', journal), ('sync', sync)):
            checks.flag(value, name)
        checks.one_of(when_full, 'when_full', WHEN_FULL)
        if folder is None and sync:
            raise ConfigurationError(
                "folder: None is no folder; sync=True is about what is written to one, "
                "with when_full='spill' or journal=True")
        if folder is None and (journal or when_full == 'spill'):
            raise ConfigurationError(
                "folder: None is no folder; when_full='spill' and journal=True need "
                'one, to write events to')
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._batch = min(batch, max_events)
        self._delay = delay
        self._when_full = when_full
        self._wait = wait
        self._exit_wait = exit_wait
        self._spilling = Spilling(
            folder, journal, when_full == 'spill', max_disk_bytes, sync)
        self._slow = SlowLog(log)
        self._delivery = self._line = None
        self._ended = self._done = False
        self._dropped = 0

    def bind(self, backend):
        if self._delivery is not None:
            raise ConfigurationError(
                f'carrier: {self!r} carries for {self._delivery.name!r} already; '
                f'each backend needs one of its own')
        self._delivery = backend.delivery
        self._spilling.bind(backend.backend_name)
        if self.folder is not None:     # which may have letters to be saved now
            self._delivery.bury.use(self.folder)
        self._begin()
        ending.watch(self)
        self._at_exit = ending.AtExit(self._finish)
        self._at_exit.register()    # for events that come while the process ends
        if not getattr(_passive, 'on', False):
            self._recovery.start()

    def _begin(self):
        """Start with an empty queue and no thread."""
        self._ended = self._started = self._used = self._done = False
        self._line = Line(self._delivery, self._batch, self._delay, self._max_events,
                          self._max_bytes)
        self._line.owner = self     # whose threads go on without other references
        self._spilling.line = self._line
        self._line.on_empty = self._spilling.leave
        self._line.on_begin = self._register
        self._recovery = Recovery(self._spilling.folder, self._delivery, self._batch,
                                  self._max_events, self._max_bytes,
                                  self._line.changed)
        self._recovery.on_begin = self._register
        self._recovery.on_done = self._rest

    def renew(self):
        """Start anew in the child of a fork: the parent has the events."""
        if self._delivery is None:
            return
        try:
            self._recovery.forget()
            self._spilling.forget()
        finally:  # whatever another thread was about to do with the files
            self._dropped = 0
            self._begin()

    @property
    def folder(self):
        """The folder that events are written to, a ``SpillFolder``, or None."""
        return self._spilling.folder

    @property
    def counts(self):
        """What has become of events in this process, numbers by name.

        ``waiting`` are in memory, ``dropped`` were not taken; ``delivered`` and
        ``failed`` count for each backend, by its path.
        """
        delivery = self._delivery
        return {'waiting': self._line.count, 'dropped': self._dropped,
                'spilled': self._spilling.count,
                'delivered': _by_path(delivery.delivered),
                'failed': _by_path(delivery.failed)}

    # taking events

    def carry(self, event):
        size = size_of(event)
        line = self._line
        with line.lock:
            if line.room > 0 and size <= line.room_bytes:
                line.append(event)
                line.room -= 1
                line.room_bytes -= size
                if not line.room:
                    line.tell()
                return
        self._carry_slowly(event, size)

    def _carry_slowly(self, event, size):
        line = self._line
        text = self._spilling.text(event) if line.spill is not None else None
        end = time.monotonic() + self._wait
        with logged_after(), line.lock:
            while self._ready():
                if line.spill is None and self._spilling.wanted(line.has_room(size)):
                    self._spilling.begin()
                if line.spill is not None:
                    text = text or self._spilling.text(event)
                    if self._spilling.write(event, size, text):
                        return
                if line.has_room(size) and not line.behind:
                    self._spilling.pass_over()
                    line.add(event, size)
                    return
                left = end - time.monotonic()
                if (left <= 0 or self._when_full == 'drop'
                        or line.is_mine(threading.current_thread())):
                    self._drop(event)
                    return
                line.changed.wait(min(left, 1))
        self._deliver_here(event)

    def _ready(self):
        """Tell whether there are threads that deliver; start them."""
        if self._ended:
            return False
        if not self._started:
            try:
                self._line.start()
                self._recovery.start()
            except RuntimeError as error:   # as when the interpreter is about to end
                self._slow.error('%r delivers in the thread that sends: %s',
                                 self._delivery.name, error)
                return False
            self._register()
            self._started = True
            self._line.is_open = not self._spilling.journal
        return True

    def _register(self):
        """See to it that the end comes before that of what was opened meanwhile."""
        self._used = True
        if not self._ended:
            self._at_exit.register()

    def _rest(self):
        """Let others have what is open, after the events of others, if none came here.

        A process that only starts or forks the server kept a file from it.
        """
        if not self._started:
            for backend in self._delivery.leaves().values():
                try:
                    if callable(rest := getattr(backend, 'rest', None)):
                        rest()
                except Exception as error:
                    self._slow.error('rest() of %r failed: %s', backend, error)

    def _drop(self, event):
        self._dropped += 1
        self._slow.error(
            'the queue of %r is full; event %r is dropped (%s dropped so far)',
            self._delivery.name, event.get('name'), self._dropped)

    def _tell_dropped(self):
        """Say how many there were in the end: the last ones may not have been told."""
        if self._dropped:
            log.error('the queue of %r has dropped %s events, as it was full',
                      self._delivery.name, self._dropped)

    def _deliver_here(self, event):
        """Deliver an event that comes after the end, and wait for that."""
        delivery, seconds = self._delivery, max(self._wait, ending.NOTICE)
        routed = []

        def route():
            try:  # kept as it is: a processor that hangs may go on with its copy
                routed.append(delivery.routed([event], keep=True))
            except Exception as error:  # of the log, say
                routed.append({})
                delivery.broke_off(delivery.unrouted([event]).items(), error)

        ending.within(seconds, route)
        if not routed:
            for path, events in delivery.unrouted([event]).items():
                delivery.abandon(path, events, ending.PROCESSOR_HANGS)
            return
        for path, events in routed[0].items():
            if not ending.within(seconds, self._deliver_now, path, events):
                delivery.abandon(path, events, ending.HANGS)

    def _deliver_now(self, path, events):
        if self._delivery.deliver_or_abandon(path, events, stop=ending.NO_PAUSE):
            self._delivery.abandon(path, events, ending.REASON)

    # the end

    def flush(self, timeout=None):
        line = self._line
        if self._is_own(threading.current_thread()):
            timeout = 0     # who delivers would wait for itself
        end = None if timeout is None else time.monotonic() + timeout
        with line.lock:
            number = line.next
            line.hurry += 1
            line.changed.notify_all()
            try:
                while not (line.is_done(number) and self._recovery.is_done()):
                    left = None if end is None else end - time.monotonic()
                    if left is not None and left <= 0 or line.stop.is_set():
                        return False
                    line.changed.wait(left)
            finally:
                line.hurry -= 1
        return True

    def _is_own(self, thread):
        return self._line.is_mine(thread) or self._recovery.is_mine(thread)

    def close(self, timeout=None):
        if self._delivery is None or self._ended:
            return self._done
        done = False
        try:
            done = self.flush(self._exit_wait if timeout is None else timeout)
        finally:    # also when somebody does not want to wait any longer
            done = self._end(done)
        return done

    def _end(self, done):
        """Take no more events, and keep what is left; return whether nothing is."""
        line = self._line
        with line.lock:
            if self._ended:  # another thread was faster
                return done
            self._ended = line.ended = True
            line.is_open = False
            line.grant()
            line.changed.notify_all()
        try:
            self._recovery.close()
            if not done or not line.is_empty():  # others have gone on to send
                done = done and self.flush(1)
        finally:
            line.stop.set()
            with line.lock:
                line.changed.notify_all()
            try:
                ending.join(line.lanes.values())
            finally:
                self._keep_what_is_left()
                self._at_exit.unregister()
                self._tell_dropped()
        self._done = done
        return done

    def _keep_what_is_left(self):
        """Write it to disk for the next process, or make dead letters of it."""
        line = self._line
        with logged_after(), line.lock:
            if not line.is_empty():
                self._spilling.save_at_end()
                if line.spill is None:
                    ending.abandon(line)
            self._spilling.close()

    def _finish(self):
        """Close the backend at the end of the process."""
        if self._used:
            # the root of a queue before a broker has nothing more to close
            close = getattr(self._delivery.root, 'close', self.close)
            close(self._exit_wait)
        else:   # what the backends have open may be another process's
            self.close()


def _by_path(counter):
    return {'.'.join(path): number for path, number in counter.items() if number}
