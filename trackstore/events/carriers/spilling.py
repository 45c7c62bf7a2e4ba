"""What a queue does with its disk: when it writes to it, and when that is over."""

import time
from collections import deque

from trackstore.events.carriers import ending
from trackstore.events.carriers.records import json_of_event, line_of
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.latelog import LateLog
from trackstore.events.slowlog import SlowLog

#: After so many seconds a disk that was full is tried again.
TRY_AGAIN = 1

#: Files with more bytes are begun anew when all in them is delivered.
LARGE = 2 ** 20

log = LateLog(__name__)
_slow = SlowLog(log)


class Spilling:
    """Writes the events of a line to disk; all is called under the line's lock."""

    text = staticmethod(json_of_event)

    def __init__(self, place, journal, when_full, limit, sync):
        self._place = place
        self._when_full = when_full
        self._limit = limit
        self._sync = sync
        self.journal = journal
        self.folder = None
        self.line = None
        self.forget()

    def bind(self, name):
        if self._place is None:
            return
        if not name:
            raise ConfigurationError(
                "backend_name: '' is no name; where events are written to a folder, "
                'it tells which of them belong to this backend')
        try:
            from trackstore.events.carriers.spill import SpillFolder
        except ImportError as error:  # fcntl
            raise ConfigurationError(
                f'folder: {self._place!r} is not possible here: this system has no '
                f'{error.name}, by which living processes are told from dead ones'
            ) from error
        try:
            self.folder = SpillFolder(self._place, name, self._limit, self._sync)
            self.folder.check()
        except (OSError, TypeError) as error:
            raise ConfigurationError(
                f'folder: {self._place!r} cannot be written to: '
                f'{getattr(error, "strerror", None) or error}') from error

    def forget(self):
        """Forget the files: they are those of the parent of this process."""
        if self.line is not None and self.line.spill is not None:
            self.line.spill.close()
        self.count = 0
        self._not_before = 0
        self._missing = deque()     # the numbers of those in memory that no file has

    def wanted(self, has_room):
        """Tell whether events are to be written from now on."""
        return self.folder is not None and (
            self.journal or not has_room and self._when_full) and (
            time.monotonic() >= self._not_before)

    def begin(self):
        """Write all that is not delivered to disk, and from now on each event."""
        line, spill = self.line, None
        try:
            spill = self.folder.new()
            spill.note(line.positions())
            for first, events in line.undelivered():
                spill.append(first, [line_of(first + n, json_of_event(event))
                                     for n, event in enumerate(events)])
                self.count += len(events)
        except OSError as error:
            self._not_before = time.monotonic() + TRY_AGAIN
            _slow.error('%s: events cannot be written: %s', self.folder.path, error)
            if spill is not None:
                spill.remove()
            return
        line.spill = spill
        line.is_open = False
        line.grant()
        line.eager = not self.journal   # so that it comes to an end
        if not self.journal:
            _slow.warning('the queue of %r is full, %s events are written to %s',
                          line.delivery.name, line.count, spill.path)

    def write(self, event, size, text):
        """Write an event, and take it into memory where there is room.

        Returns whether it is taken.
        """
        line = self.line
        number = line.next
        try:
            behind = line.behind or not line.has_room(size)
            if behind and not line.behind:
                line.fall_behind()
            line.spill.append(number, [line_of(number, text)])
        except OSError as error:
            _slow.error('%s: an event cannot be written: %s', self.folder.path, error)
            return False
        self.count += 1
        if behind:
            line.chunk.first += 1
            if line.idle:
                line.tell()
        else:
            line.add(event, size)
        return True

    def pass_over(self):
        """Note that the next event comes into memory alone."""
        line, missing = self.line, self._missing
        if line.spill is not None:
            first = line.batches[0].first if line.batches else line.chunk.first
            while missing and missing[0] < first:
                missing.popleft()
            missing.append(line.next)

    def leave(self):
        """All is delivered: write no more, but for a journal."""
        spill = self.line.spill
        if not self.journal or not spill.is_there():
            spill.remove()
            self.line.spill = None
            self.line.eager = False
            self.line.is_open = not (self.line.ended or self.journal)
            self.line.grant()
        elif len(spill) > LARGE:
            spill.clear()

    def save_at_end(self):
        """Write what is not delivered, for the next process."""
        line = self.line
        if self.folder is not None and line.spill is None:
            self.begin()
        elif self._missing:
            self._save_missing()
        if line.spill is not None:
            log.warning('%s: not all events were delivered before the end of the '
                        'process; they are kept in %s, for the next one',
                        line.delivery.name, line.spill.path)

    def _save_missing(self):
        """Write what no file has to a set of its own, or make dead letters of it."""
        line, missing, spill = self.line, set(self._missing), None
        found = [(number, event) for first, events in line.undelivered()
                 for number, event in enumerate(events, first) if number in missing]
        try:
            spill = self.folder.new()
            spill.limit -= len(line.spill)
            spill.note(line.positions())
            for number, event in found:
                spill.append(number, [line_of(number, json_of_event(event))])
            spill.close()
        except OSError as error:
            log.error('%s: events cannot be written: %s', self.folder.path, error)
            if spill is not None:
                spill.remove()
            ending.abandon(line, line.delivery, missing)

    def close(self):
        """Give the files free."""
        spill, self.line.spill = self.line.spill, None
        if spill is not None:
            if self.line.is_empty():
                spill.remove()
            else:
                spill.close()
