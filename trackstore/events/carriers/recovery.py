"""Taking over the events of processes that have died."""

import threading

from trackstore.events.carriers import ending
from trackstore.events.carriers.line import Lane, Line
from trackstore.events.latelog import LateLog
from trackstore.events.slowlog import SlowLog

#: Every so many seconds it is looked whether another process has died.
LOOK = 30

#: So many sets are delivered at a time.
AT_ONCE = 8

log = LateLog(__name__)
_slow = SlowLog(log)


class Recovery:
    """Delivers the events of sets whose owner has died, each set in a line of its own.

    ``changed`` is a condition that those wait for who wait for all to be delivered.
    """

    def __init__(self, folder, delivery, batch, most, most_bytes, changed):
        self._folder = folder
        self._delivery = delivery
        self._batch = batch
        self._most = most
        self._most_bytes = most_bytes
        self._changed = changed
        self._lines = []
        self._more = False      # whether there are sets that have to wait
        self._look_now = threading.Event()
        self._stop = False
        self._thread = None

    def start(self):
        """Take over what there is, and look again now and then."""
        if self._folder is None or self._thread is not None:
            return
        self._look()
        thread = threading.Thread(
            target=self._watch, daemon=True,
            name=f'spilled events of {self._delivery.name}')
        thread.start()
        self._thread = thread

    def on_begin(self):
        """What to do when a backend was given something for the first time."""

    def on_done(self):
        """What to do when all that was taken over is delivered."""

    def is_done(self):
        """Tell whether all that was taken over is delivered."""
        return not self._lines and not self._more

    def is_mine(self, thread):
        """Tell whether this thread delivers what was taken over."""
        return any(line.is_mine(thread) for line in list(self._lines))

    def close(self):
        """Stop; what is not delivered stays on disk for the next process."""
        self._stop = True
        self._look_now.set()
        lines, self._lines, self._more = list(self._lines), [], False
        for line in lines:
            line.stop.set()
            with line.lock:
                line.changed.notify_all()
        for line in lines:
            ending.join(line.lanes.values())
            with line.lock:
                if line.spill is not None:
                    line.spill.close()
                    line.spill = None

    def forget(self):
        """Right after a fork: what was taken over belongs to the parent."""
        for line in self._lines:
            if line.spill is not None:
                line.spill.close()

    def _watch(self):
        self._delivery.bury.take_back()
        while True:
            self._look_now.wait(LOOK)
            self._look_now.clear()
            if self._stop:
                return
            self._look()
            self._delivery.bury.take_back()

    def _look(self):
        try:
            more = self._take_over_all()
        except Exception as error:
            _slow.error('%s: cannot look for spilled events: %s',
                        self._folder.path, error)
            more = False
        with self._changed:
            self._more = more and not self._stop
            self._changed.notify_all()
        if more and len(self._lines) < AT_ONCE:  # one has finished meanwhile
            self._look_now.set()

    def _take_over_all(self):
        """Take over what there is; return whether there is more than that."""
        for spill in self._folder.orphans():
            if self._stop or len(self._lines) >= AT_ONCE:
                spill.close()
                return True
            self._take_over(spill)
        return False

    def _take_over(self, spill):
        if not len(spill):
            spill.remove()
            return
        log.warning('%s: its process has ended; its events (%s bytes at the most) '
                    'are delivered now', spill.path, f'{len(spill):,}')
        line = Line(self._delivery, self._batch, 0, self._most, self._most_bytes)
        line.on_empty = lambda: self._finish(line)
        line.on_begin = self.on_begin
        positions = spill.positions()
        line.read_from(spill, min(positions.values(), default=0))
        with self._changed:
            self._lines.append(line)
        with line.lock:
            paths = [*positions, *self._delivery.leaves()]
            for path in dict.fromkeys(paths or [()]):
                done = positions.get(path, line.reader.number)
                line.add_lane(Lane(path, 0, done))

    def _finish(self, line):
        spill, line.spill = line.spill, None
        if spill is not None:
            if line.reader.hurt:
                log.error('%s: %s events were damaged and are lost',
                          spill.path, line.reader.hurt)
            spill.remove()
        with self._changed:
            if line in self._lines:
                self._lines.remove(line)
            self._changed.notify_all()
            if self._more:
                self._look_now.set()
        if self.is_done() and not self._stop:
            self.on_done()
