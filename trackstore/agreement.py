"""Whether an index agrees with the tracks, in a few bytes for each of them.

The index tells the hash of the value at each position, and the blocks are compared
with that one after the other.  Only where they differ, the values are looked at.
"""

from array import array
from collections import deque
from itertools import repeat

from trackstore import keys
from trackstore.index import grouped

#: Of a position that the index does not have: no number hashes to this.
NOTHING = -2 ** 63

#: Values that share their hash with another one: -1 with -2, and '' with 0.
MINUS_ONE, EMPTY = NOTHING + 1, NOTHING + 2


class Agreement:
    """What the index of a column says of each position of a segment."""

    def __init__(self, length):
        self.hashes = array('q', [NOTHING]) * length
        self.count = 0
        self.wrong = False

    def add(self, values, offsets, positions):
        """Take in a page of the index."""
        self.count += len(positions)
        put = self.hashes.__setitem__
        try:
            for n, number in enumerate(_hashes(values)):
                deque(map(put, positions[offsets[n]:offsets[n + 1]], repeat(number)), 0)
        except IndexError:  # there is no such position
            self.wrong = True

    def compare(self, start, stop, values):
        """Compare with the values of the tracks at these positions, or None."""
        if not self.wrong:
            expected = (array('q', [NOTHING]) * (stop - start) if values is None
                        else _hashes(values))
            self.wrong = self.hashes[start:stop] != expected

    def complete(self):
        """Tell, after all blocks, whether the two agree."""
        known = len(self.hashes) - self.hashes.count(NOTHING)
        return not self.wrong and self.count == known


def _hashes(values):
    """Return a number for each value, NOTHING for those that no index has."""
    types = set(map(type, values))
    if types != {str} and types != {int}:
        return array('q', map(_hash, values))
    found = array('q', map(hash, values))
    if hash('') in found or hash(-1) in found:
        return array('q', map(_hash, values))
    return found


def _hash(value):
    kind = keys.kind_of(value)
    if kind is None:
        return NOTHING
    if kind == keys.NUMBER:
        return MINUS_ONE if value == -1 else hash(value)
    if kind == keys.TEXT:
        return hash(value) if value else EMPTY
    return hash((kind, value))  # a text and bytes may have one hash


def differences(index, values):
    """Return the sorted values on which an index does not agree with the tracks."""
    found = {value: list(positions) for value, positions in index.items()}
    expected = {value: positions for value, positions in grouped(values).items()
                if keys.kind_of(value) is not None}
    return [value for value in keys.sorted_keys(expected.keys() | found.keys())
            if expected.get(value) != found.get(value)]
