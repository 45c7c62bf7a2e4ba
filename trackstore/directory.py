"""The directory: which segments there are."""

import pickle
from typing import NamedTuple

from persistent import Persistent
from ZODB.POSException import ConflictError

from trackstore import codec, damage
from trackstore.checked import Checked
from trackstore.segment import NAME, Segment

#: What errors call the dead of a segment.
DEAD_NAME = NAME + ', its removed tracks'


class Dead(Checked):
    """The positions of a segment that are removed or overridden.

    It never changes: where there are more of them there is another one.
    """

    def __init__(self, positions):
        super().__init__(
            codec.compress(codec.encode_column(sorted(positions), rising=True)))

    @property
    def positions(self):
        """The positions as a set."""
        cached = self.__dict__.get('_v_positions')
        if cached is None:
            cached = self._v_positions = frozenset(codec.decode_column(self.content()))
        return cached


class Entry(NamedTuple):
    """What is known of a segment without loading it.

    ``part`` is the segment and ``grave`` its ``Dead`` or None, both before they
    are checked, with their marks; ``buried`` counts the dead.
    """

    part: object
    first: int
    last: int
    count: int
    low: float
    high: float
    grave: object = None
    buried: int = 0
    mark: int = 0
    grave_mark: int = 0

    @property
    def segment(self):
        """The segment; a ``DamagedError`` if it cannot be read or is another."""
        part = self.part
        if part._p_changed is None or type(part) is not Segment:
            self._check(part, Segment, NAME, self.mark)
        return part

    @property
    def dead(self):
        """The positions that are removed or overridden, a set, or None."""
        grave = self.grave
        if grave is None:
            return None
        if grave._p_changed is None or type(grave) is not Dead:
            self._check(grave, Dead, DEAD_NAME, self.grave_mark)
        return grave.positions

    def _check(self, thing, cls, form, mark):
        numbers = self.first, self.last
        damage.expect(thing, cls, form, *numbers, mark=mark, numbers=numbers)
        damage.check(thing)

    @property
    def live(self):
        return self.count - self.buried


class Directory(Persistent):
    """The segments, by first number and the generation that they came with.

    What is put in the place of others is a new *generation*, so that no key is used
    twice; what is saved to a directory of writers is always of generation 0.  Two
    writers at the same time conflict only where both change or take out the same
    entry.
    """

    def __init__(self):
        self.generation = 0
        self.last = 0  # the highest number that ever was in a segment
        self.entries = {}
        self._v_stamp = object()

    def __getstate__(self):
        return _packed(self.generation, self.last, self.entries)

    def __setstate__(self, state):
        segments, graves, packed = damage.shaped(self, state, tuple, tuple, bytes)
        packed = damage.opened(self, packed)
        damage.distinct(self, segments)
        damage.distinct(self, [grave for grave in graves if grave is not None])
        self.generation, self.last, self.entries = _unpacked(segments, graves, packed)
        self._v_stamp = object()

    def _changed(self):
        self._v_stamp = object()
        self._p_changed = True

    def add(self, entry):
        """Add a segment of new tracks."""
        self.entries[entry.first, self.generation] = _marked(entry)
        self.last = max(self.last, entry.last)
        self._changed()

    def take_out(self, keys):
        """Take segments out that are in another directory from now on."""
        for key in keys:
            del self.entries[key]
        self._changed()

    def replace(self, keys, entries, last=0):
        """Put segments in the place of others: a new generation."""
        self.generation += 1
        self.take_out(keys)
        for entry in entries:
            self.entries[entry.first, self.generation] = _marked(entry)
            last = max(last, entry.last)
        self.last = max(self.last, last)

    def bury(self, key, positions):
        """Note the positions of a segment that are dead: all of them."""
        grave = Dead(positions)
        self.entries[key] = self.entries[key]._replace(
            grave=grave, buried=len(positions), grave_mark=grave.mark)
        self._changed()

    def in_order(self):
        """Return the pairs of key and entry, by first number."""
        cached = self.__dict__.get('_v_order')
        if cached is None or cached[0] is not self._v_stamp:
            cached = self._v_order = self._v_stamp, sorted(self.entries.items())
        return cached[1]

    def _p_resolveConflict(self, old, saved, new):
        """Merge by key; it is a conflict where both changed the same entry."""
        (_, _, base), (generation, last, theirs), (our_generation, our_last, ours) = (
            _unpacked(segments, graves, codec.decompress(packed))
            for segments, graves, packed in (old, saved, new))
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
        return _packed(
            max(generation, our_generation), max(last, our_last), result)


def _identity(entry):
    """Return what compares entries that have references to objects."""
    return entry and tuple(getattr(part, 'oid', part) for part in entry)


def _marked(entry):
    """Return the entry of a new segment with its mark."""
    return entry._replace(mark=entry.part.mark)


def _packed(generation, last, entries):
    """Return the segments, their dead and all numbers as few objects.

    ZODB calls back for each object in a state, so few are quicker.
    """
    segments = tuple(entry.part for entry in entries.values())
    graves = tuple(entry.grave for entry in entries.values())
    rows = [(*key, *entry[1:6], *entry[7:]) for key, entry in entries.items()]
    columns = [codec.encode_column(column) for column in zip(*rows, strict=True)]
    return segments, graves, codec.stored(
        pickle.dumps((generation, last, columns), 5))


def _unpacked(segments, graves, packed):
    """Return the generation, the last number, and the dictionary of entries."""
    generation, last, columns = pickle.loads(packed)
    entries = {}
    for segment, grave, (first, number, *values) in zip(
            segments, graves, zip(*map(codec.decode_column, columns), strict=True),
            strict=True):
        entries[first, number] = Entry(segment, *values[:5], grave, *values[5:])
    return generation, last, entries
