"""The directory: which segments there are."""

import pickle
from typing import NamedTuple

from persistent import Persistent
from ZODB.POSException import ConflictError

from trackstore.codec import decode_column, encode_column


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

    Whatever takes entries out is a new *generation*, so that no key is used
    twice.  Two writers at the same time conflict only where both change or take
    out the same entry.
    """

    def __init__(self):
        self.generation = 0
        self.last = 0  # the highest number that ever was in a segment
        self.entries = {}
        self._v_stamp = object()

    def __getstate__(self):
        return self.generation, self.last, *_packed(self.entries)

    def __setstate__(self, state):
        self.generation, self.last, *packed = state
        self.entries = _unpacked(*packed)
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
        cached = self.__dict__.get('_v_order')
        if cached is None or cached[0] is not self._v_stamp:
            cached = self._v_order = self._v_stamp, sorted(self.entries.items())
        return cached[1]

    def _p_resolveConflict(self, old, saved, new):
        """Merge by key; it is a conflict where both changed the same entry."""
        base, theirs, ours = (_unpacked(*state[2:]) for state in (old, saved, new))
        result = dict(theirs)
        for key in base.keys() | ours.keys():
            before = _identity(base.get(key))
            if _identity(ours.get(key)) == before:
                continue
            if _identity(theirs.get(key)) != before:
                raise ConflictError
            if key in ours:
                result[key] = ours[key]
            else:
                del result[key]
        return max(saved[0], new[0]), max(saved[1], new[1]), *_packed(result)


def _identity(entry):
    """Return what compares entries that have references to objects."""
    return entry and tuple(getattr(part, 'oid', part) for part in entry)


def _packed(entries):
    """Return the segments, the dead sets and all numbers as few objects.

    ZODB calls back for each object in a state, so few are quicker.
    """
    segments = tuple(entry.segment for entry in entries.values())
    dead = {n: entry.dead for n, entry in enumerate(entries.values())
            if entry.dead is not None}
    rows = [(*key, *entry[1:6], entry.buried) for key, entry in entries.items()]
    columns = [encode_column(column) for column in zip(*rows, strict=True)]
    return segments, dead, pickle.dumps(columns, 5)


def _unpacked(segments, dead, packed):
    """Return the dictionary of entries."""
    columns = map(decode_column, pickle.loads(packed))
    return {
        (first, generation): Entry(segments[n], *values, dead.get(n), buried)
        for n, (first, generation, *values, buried)
        in enumerate(zip(*columns, strict=True))}
