"""Reading the events that are on disk."""

import os

from trackstore.events.carriers.records import event_in, value_of
from trackstore.events.latelog import LateLog

#: So many bytes are read at a time.
READ = 2 ** 20

log = LateLog(__name__)


class Reader:
    """Reads the events of a set, in order, while it is written to."""

    def __init__(self, spill, after):
        self._spill = spill
        self.number = after     # that of the last event that was read, or not wanted
        self._name = None
        self._offset = 0
        self.hurt = 0           # how many lines could not be read

    @classmethod
    def from_here(cls, spill, number):
        """Return a reader of what will be written from now on, after that number."""
        reader = cls(spill, number)
        reader._name = next(reversed(spill.segments), None)
        reader._offset = spill.segments.get(reader._name, 0)
        return reader

    def read(self, count, size, until=None):
        """Return events as pairs of number and event, and how many bytes they have.

        They are ``count`` at the most, and only one of them is beyond ``size``
        bytes; none is beyond the number ``until``.
        """
        found = []
        taken = 0
        while not found and (name := self._segment()) is not None:
            path = os.path.join(self._spill.path, name)
            for line in _lines(path, self._offset, self._spill.segments[name]):
                value = value_of(line)
                if value is not None and value[0] > self.number:
                    if until is not None and value[0] > until:
                        if not found:   # no file has those up to there
                            self.number = until
                        return found, taken
                    if len(found) == count or taken > size:
                        return found, taken
                    self._take(path, value, found)
                    taken += len(line)
                elif value is None:
                    self._damaged(path)
                self._offset += len(line)
        return found, taken

    def _take(self, path, value, found):
        number, value = value
        try:
            found.append((number, event_in(value)))
            self.number = number
        except (KeyError, TypeError, ValueError):
            self._damaged(path)

    def _damaged(self, path):
        self.hurt += 1
        log.error('%s: the event at byte %d is damaged, and is left out',
                  path, self._offset)

    def leave_out(self, path):
        """Go on without a file that is gone."""
        self.hurt += 1
        log.error('%s is gone, and the events that were to be read from it are lost',
                  path)
        self._spill.forget(os.path.basename(path))

    def ended(self):
        """Tell whether all that was written has been read."""
        return self._segment() is None

    def _segment(self):
        """Return the file with the next line, None if there is none."""
        segments = self._spill.segments
        for name, size in list(segments.items()):
            if self._name is None or name > self._name:
                self._name, self._offset = name, 0
            if name == self._name and self._offset < size:
                return name
        return None


def _lines(path, start, end):
    """Yield the lines of a file between two offsets."""
    with open(path, 'rb', buffering=READ) as file:
        file.seek(start)
        while start < end:
            line = file.readline()
            if not line:
                return
            start += len(line)
            yield line
