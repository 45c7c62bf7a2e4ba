"""A line of events, and a thread for each backend that takes them from it in order."""

import contextlib
import itertools
import logging
import threading
import time
from collections import deque

from trackstore.events.carriers.reading import Reader
from trackstore.events.deliverythread import DeliveryThread
from trackstore.events.latelog import late, logged_after

#: So many bytes of events are delivered at once, at the most.
BATCH_BYTES = 4 * 2 ** 20

#: So many seconds pass before what could not be read is read again.
READ_AGAIN = 1

log = logging.getLogger(__name__)


class Batch:
    """Events that are delivered together, numbered from ``first`` on."""

    __slots__ = ('events', 'size', 'first', 'last', 'numbers', 'parts', 'waiting')

    def __init__(self, first):
        self.first = first
        self.last = None
        self.numbers = None     # of each event, where some may be left out
        self.events = []
        self.size = 0
        self.parts = None       # the events for each backend, by path
        self.waiting = None     # how many lanes have still to deliver theirs


class Lane:
    """How far a backend is."""

    __slots__ = ('path', 'place', 'done', 'thread', 'begun')

    def __init__(self, path, place, done):
        self.path = path
        self.place = place      # the place of the next batch, counted from the start
        self.done = done        # the number of the last event that is delivered
        self.thread = None
        self.begun = False      # whether something was delivered


class Line:
    """Events on their way, in memory and, where it has a spill, on disk.

    All is changed under ``lock``.  ``chunk`` is the batch that new events are added
    to; when it is full or old enough, it follows the others in ``batches``.  A batch
    leaves when each lane has delivered its part.  With a ``spill`` all that is not
    delivered is in it; where it is ``behind``, memory was full, and what comes after
    ``batches`` is to be read from the spill.
    """

    def __init__(self, delivery, batch, delay, most, most_bytes, keep=False):
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.delivery = delivery
        self.batch = batch
        self.delay = delay
        self.most = most
        self.most_bytes = most_bytes
        self.keep = keep            # whether events may have to be written later
        self.batches = deque()
        self.gone = 0               # how many batches have left
        self.held = self.held_bytes = 0     # of the events in batches
        self.is_open = False        # whether events may just be appended
        self.room = self.room_bytes = 0     # for so many, and so many bytes
        self._granted = 0           # what ``room_bytes`` was before
        self._begin_chunk(1)
        self.lanes = {}
        self.spill = self.reader = None
        self.behind = self.reading = False
        self.idle = False           # whether a lane waits for any event
        self.eager = False          # whether to deliver at once what there is
        self.hurry = 0              # how many wait for all to be delivered
        self.ended = False          # whether no more events will come
        self.again = False          # whether some may have been delivered before
        self.stop = threading.Event()
        self.owner = None           # the carrier, kept by the threads of the lanes
        self._routing = threading.Lock()

    # in the thread of the caller, under the lock

    @property
    def next(self):
        """The number of the next event."""
        return self.chunk.first + len(self.chunk.events)

    def add(self, event, size):
        """Take an event into memory, whether there is room or not."""
        self.room_bytes -= size
        self.append(event)
        self.tell()

    def tell(self):
        """Let those go on who wait for events, and grant room anew."""
        full = len(self.chunk.events) >= self.batch or self.chunk_bytes() > BATCH_BYTES
        if full:
            self.close_chunk()
        if full or self.idle:
            self.idle = False
            self.changed.notify_all()
        self.grant()

    def chunk_bytes(self):
        """Return about how many bytes the events in the chunk have."""
        chunk = self.chunk
        chunk.size += self._granted - self.room_bytes
        self._granted = self.room_bytes
        return chunk.size

    def grant(self):
        """Say how many events may be appended before ``tell`` is called again."""
        size, count = self.chunk_bytes(), len(self.chunk.events)
        self.room = self.is_open and not self.idle and min(
            self.batch - count, self.most - self.held - count)
        self.room_bytes = self._granted = min(
            BATCH_BYTES - size, self.most_bytes - self.held_bytes - size)

    def has_room(self, size):
        """Tell whether memory has room for an event; it has for a single one."""
        count, chunk_bytes = len(self.chunk.events), self.chunk_bytes()
        return not self.held + count or (
            self.held + count < self.most
            and self.held_bytes + chunk_bytes + size <= self.most_bytes)

    @property
    def count(self):
        """The number of events in memory."""
        return self.held + len(self.chunk.events)

    def close_chunk(self):
        chunk, number = self.chunk, self.next
        self.chunk_bytes()
        chunk.last = number - 1
        self.held += len(chunk.events)
        self.held_bytes += chunk.size
        self.batches.append(chunk)
        self._begin_chunk(number)

    def _begin_chunk(self, number):
        self.chunk = Batch(number)
        self.append = self.chunk.events.append
        self.grant()

    def fall_behind(self):
        """Read what is written from now on when memory has room again."""
        if self.chunk.events:
            self.close_chunk()
        self.reader = Reader.from_here(self.spill, self.chunk.first - 1)
        self.behind = True

    def read_from(self, spill, number):
        """Take the events of a spill after a number, and no others."""
        self.spill = spill
        self.reader = Reader(spill, number)
        self.behind = self.again = self.ended = True

    def undelivered(self):
        """Yield the events in memory that some lane has not delivered yet.

        They come as pairs of the number of the first and a list.
        """
        for batch in itertools.chain(self.batches, [self.chunk]):
            if batch.events:
                yield batch.first, batch.events

    def positions(self):
        """Return the number of the last event that is delivered, by path."""
        return {lane.path: lane.done for lane in self.lanes.values()}

    def is_empty(self):
        """Tell whether all events are delivered to each backend."""
        return not (self.batches or self.chunk.events
                    or self.behind and (self.reading or not self.reader.ended()))

    def is_done(self, number):
        """Tell whether all events before a number are delivered."""
        if self.batches:
            return self.batches[0].first >= number
        if self.behind:
            # what is being read has been counted, and is in no batch yet
            return not self.reading and self.reader.number + 1 >= number
        return not self.chunk.events or self.chunk.first >= number

    # lanes

    def start(self):
        """Start a thread for each backend that has none."""
        with self.lock:
            self._see_to_lanes(self.gone + len(self.batches), self.chunk.first)

    def _see_to_lanes(self, place, first):
        """Add lanes for new backends, from a batch on; one where there is none."""
        paths = list(self.delivery.leaves())
        for path in paths or [()]:
            if path not in self.lanes:
                self.add_lane(Lane(path, place, first - 1))

    def _see_to_new(self, place, first):
        try:
            self._see_to_lanes(place, first)
        except RuntimeError as error:   # no more threads: with the next batch, maybe
            late(log.error, '%s: events go on without a backend that is new: %s',
                 self.delivery.name, error)

    def add_lane(self, lane):
        """Start the thread of a lane; a RuntimeError where that is not possible."""
        lane.thread = DeliveryThread(
            target=self._run, args=(lane,), daemon=True,
            name=f'events to {self.delivery.name}.{".".join(lane.path)}')
        lane.thread.start()
        self.lanes[lane.path] = lane

    def is_mine(self, thread):
        """Tell whether this is the thread of a lane."""
        return any(lane.thread is thread for lane in self.lanes.values())

    def _run(self, lane):
        while True:
            batch = self._take(lane)
            if batch is None:
                return
            if batch is Reader:
                self._read()
            elif not self._deliver(lane, batch):
                return

    def _take(self, lane):
        """Return the next batch of a lane; wait for it; None at the end.

        ``Reader`` itself says that a batch is to be read from disk.
        """
        since = None
        with self.lock:
            while not self.stop.is_set():
                place = lane.place - self.gone
                if place < len(self.batches):
                    return self.batches[place]
                wait = None
                if self.chunk.events:
                    now = time.monotonic()
                    since = now if since is None else since
                    wait = since + self.delay - now
                    if wait <= 0 or self.hurry or self.eager or self.ended:
                        self.close_chunk()
                        continue
                elif self.behind:
                    if not self.reading and (
                            not self.held or self.held + self.batch <= self.most):
                        self.reading = True
                        return Reader
                elif self.ended:
                    return None
                else:
                    self.idle = True
                    self.room = 0       # so that the next event is told
                self.changed.wait(wait)
        return None

    def _read(self):
        """Read a batch from disk."""
        try:
            # what has been delivered to one is not mixed with what has not
            found, size = self.reader.read(self.batch, BATCH_BYTES, self._boundary())
        except FileNotFoundError as error:
            with logged_after(), self.lock:     # somebody has removed it
                self.reader.leave_out(error.filename)
            found = []
        except OSError as error:
            log.error('%s: spilled events cannot be read: %s', self.spill.path, error)
            found = None
            self.stop.wait(READ_AGAIN)
        with logged_after(), self.lock:
            self.reading = False
            if found:
                batch = Batch(found[0][0])
                batch.last = found[-1][0]
                batch.numbers = [number for number, _ in found]
                batch.events = [event for _, event in found]
                batch.size = size
                self.batches.append(batch)
                self.held += len(found)
                self.held_bytes += size
            elif found is not None and self.reader.ended():
                self.behind = False
                self._left()  # nothing else would tell that it is empty
            self.changed.notify_all()

    def _boundary(self):
        later = [lane.done for lane in self.lanes.values()
                 if lane.done > self.reader.number]
        return min(later, default=None)

    def _deliver(self, lane, batch):
        """Deliver the part of a lane; return whether nothing of it is left."""
        left = 0
        parts = self._parts(lane, batch)
        if parts and (batch.last > lane.done or not self.again):
            try:
                left = self.delivery.deliver(lane.path, parts, self.again, self.stop)
            except BaseException:  # of the log, say
                with contextlib.suppress(Exception):
                    log.exception('%s events are lost on their way to %s',
                                  len(parts), '.'.join(lane.path))
            if not lane.begun:
                lane.begun = True
                self.on_begin()
        with logged_after(), self.lock:
            if left:
                self._deliver_in_part(lane, batch, parts, left)
                return False
            lane.place += 1
            lane.done = max(lane.done, batch.last)
            batch.waiting -= 1
            self._left()
            self.changed.notify_all()
        return True

    def _deliver_in_part(self, lane, batch, parts, left):
        """Note how much of a batch is delivered where the rest will not be."""
        if parts is batch.events and left < len(parts):
            numbers = batch.numbers or range(batch.first, batch.last + 1)
            lane.done = max(lane.done, numbers[-left - 1])
            if self.spill is not None:
                self.spill.note(self.positions())

    def _parts(self, lane, batch):
        with self._routing:
            if batch.parts is None:
                parts = self.delivery.routed(batch.events, self.keep)
                with logged_after(), self.lock:
                    if not self.again:
                        self._see_to_new(lane.place, batch.first)
                    batch.waiting = len(self.lanes)
                    batch.parts = parts
        if lane.path in batch.parts:
            return batch.parts[lane.path]
        return batch.events if self.again and lane.path else []

    def _left(self):
        """Let go of what each lane has delivered."""
        while self.batches and self.batches[0].waiting == 0:
            batch = self.batches.popleft()
            self.gone += 1
            self.held -= len(batch.events)
            self.held_bytes -= batch.size
        self.grant()
        if self.spill is not None:
            self.spill.note(self.positions())
            if self.is_empty():
                self.behind = False
                self.on_empty()
            else:
                self.spill.drop(min(lane.done for lane in self.lanes.values()))

    def on_empty(self):
        """What to do when nothing is left in the spill; under the lock."""

    def on_begin(self):
        """What to do when a backend was given something for the first time."""
