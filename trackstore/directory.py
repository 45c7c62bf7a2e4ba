"""The directory: which segments there are."""

from typing import NamedTuple

from persistent import Persistent
from ZODB.POSException import ConflictError


class Entry(NamedTuple):
    """What is known of a segment without loading it.

    ``dead`` is None or an ``IITreeSet`` of the positions that are removed or
    overridden, ``buried`` their number.
    """

    segment: object
    first: int
    last: int
    count: int
    low: float
    high: float
    dead: object = None
    buried: int = 0

    @property
    def live(self):
        return self.count - self.buried


class Directory(Persistent):
    """The segments, by first number and the generation that they came with.

    Saving only adds entries, so that any number of writers may do so at the
    same time.  Whatever takes an entry out or replaces it is a new
    *generation*; of two such at the same time one is a conflict.
    """

    def __init__(self):
        self.generation = 0
        self.last = 0  # the highest number that ever was in a segment
        self.entries = {}
        self._v_stamp = object()

    def __getstate__(self):
        return (self.generation, self.last,
                {key: tuple(entry) for key, entry in self.entries.items()})

    def __setstate__(self, state):
        self.generation, self.last, entries = state
        self.entries = {key: Entry(*entry) for key, entry in entries.items()}
        self._v_stamp = object()

    def _changed(self):
        self._v_stamp = object()
        self._p_changed = True

    def add(self, entry):
        """Add a segment of new tracks."""
        self.entries[entry.first, self.generation] = entry
        self.last = max(self.last, entry.last)
        self._changed()

    def replace(self, keys, entries, last=0):
        """Put segments in the place of others: a new generation."""
        self.generation += 1
        for key in keys:
            del self.entries[key]
        for entry in entries:
            self.entries[entry.first, self.generation] = entry
            last = max(last, entry.last)
        self.last = max(self.last, last)
        self._changed()

    def bury(self, key, dead, buried):
        """Note the positions of a segment that are dead: a new generation."""
        self.entries[key] = self.entries[key]._replace(dead=dead, buried=buried)
        self._changed()

    def in_order(self):
        """Return the pairs of key and entry, by first number."""
        return sorted(self.entries.items())

    def _p_resolveConflict(self, old, saved, new):
        """Merge what two writers added; at most one may have made a generation."""
        if saved[0] != old[0] and new[0] != old[0]:
            raise ConflictError
        base, theirs, ours = old[2], saved[2], new[2]
        rewritten = theirs if saved[0] != old[0] else ours
        adding = ours if rewritten is theirs else theirs
        entries = dict(rewritten)
        for key, entry in adding.items():
            if key not in base:
                if key in entries:
                    raise ConflictError
                entries[key] = entry
        return max(saved[0], new[0]), max(saved[1], new[1]), entries
