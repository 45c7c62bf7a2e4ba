"""The ledger: records of runs where they last.

A mapping from numbers in leaves of some hundred entries, and these on shelves of some
hundred leaves, a persistent object each.  Only upkeep writes to it.  Each has a
checksum, and knows which one it is, so that a reference that leads elsewhere is
noticed.
"""

import pickle

from persistent import Persistent
from ZODB.POSException import ConflictError

from trackstore import codec, damage
from trackstore.exceptions import DamagedError

#: So many numbers are in a leaf, and so many leaves on a shelf.
LEAF = 256
SHELF = 256

#: What errors call a ledger, its shelves and leaves.
NAME = 'the {} runs'
SHELF_NAME = NAME + ', shelf {}'
LEAF_NAME = NAME + ', leaf {}'

_MISSING = object()


class Leaf(Persistent):
    """Some entries; ``words`` are the name of the ledger and the number of the leaf."""

    FORM = LEAF_NAME
    NOUN = 'leaf', 'leaves'

    def __init__(self, *words):
        self.words = words
        self.entries = {}

    def __getstate__(self):
        return codec.stored(pickle.dumps((self.words, self.entries), 5)),

    def __setstate__(self, state):
        blob, = damage.shaped(self, state, bytes)
        self.words, self.entries = pickle.loads(damage.opened(self, blob))
        damage.check_name(self, self.FORM.format(*self.words))

    def _p_resolveConflict(self, old, saved, new):
        """Merge by key."""
        (_, base), (words, theirs), (_, ours) = (
            pickle.loads(codec.decompress(blob)) for blob, in (old, saved, new))
        return codec.stored(pickle.dumps((words, merged(base, theirs, ours)), 5)),


class Holder(Persistent):
    """Parts by number.  The name of the holder, as errors have it, is of its words."""

    def __init__(self, *words):
        self.words = words
        self.parts = {}

    def __getstate__(self):
        return tuple(self.parts.values()), codec.stored(
            pickle.dumps((self.words, list(self.parts)), 5))

    def __setstate__(self, state):
        parts, packed = damage.shaped(self, state, tuple, bytes)
        damage.distinct(self, parts)
        self.words, numbers = pickle.loads(damage.opened(self, packed))
        damage.check_name(self, self.FORM.format(*self.words))
        self.parts = dict(zip(numbers, parts, strict=True))

    def part(self, number):
        """Return a part, None if there is none.

        A ``DamagedError`` if it cannot be read or is another.
        """
        part = self.parts.get(number)
        if part is None:
            return None
        cls, words = self.PART, (self.words[0], number)
        if part._p_changed is None or type(part) is not cls:
            damage.expect(part, cls, cls.FORM, *words)
            damage.check(part)
        elif part.words != words:
            raise damage.error(cls.FORM.format(*words), damage.WRONG)
        return part

    def needed(self, number):
        """Return a part; a new one if there is none."""
        part = self.part(number)
        if part is None:
            part = self.parts[number] = self.PART(self.words[0], number)
            self._p_changed = True
        return part


class Shelf(Holder):
    """Leaves: ``words`` are the name of the ledger and the number of the shelf."""

    FORM, PART = SHELF_NAME, Leaf
    NOUN = 'shelf', 'shelves'


class Ledger(Holder):
    """A mapping from numbers to records; ``words`` is its name alone."""

    FORM, PART = NAME, Shelf

    def leaf(self, number):
        """Return a leaf, None if there is none."""
        shelf = self.part(number // SHELF)
        return None if shelf is None else shelf.part(number)

    def get(self, key):
        """Return what stands under a key, or None."""
        leaf = self.leaf(leaf_of(key))
        return None if leaf is None else leaf.entries.get(key)

    def change(self, changes):
        """Set the values of keys: those of a dictionary, None to take one out."""
        for key, value in changes.items():
            number = leaf_of(key)
            if value is None:
                leaf = self.leaf(number)
                if leaf is not None and leaf.entries.pop(key, None) is not None:
                    leaf._p_changed = True
            else:
                leaf = self.needed(number // SHELF).needed(number)
                leaf.entries[key] = value
                leaf._p_changed = True

    def items(self):
        """Yield all pairs of key and value, in no order."""
        for place in self.parts:
            shelf = self.part(place)
            for number in shelf.parts:
                yield from shelf.part(number).entries.items()

    def highest(self, above=0):
        """Return the highest key that is above a number, or that number.

        Of a hurt leaf or shelf it is the highest that it can have.  What can have none
        above is not loaded: leaves may be empty, and many.
        """
        for place in sorted(self.parts, reverse=True):
            most = (place + 1) * SHELF * LEAF - 1
            if most <= above:
                break
            try:
                shelf = self.part(place)
            except DamagedError:
                return most
            for number in sorted(shelf.parts, reverse=True):
                most = (number + 1) * LEAF - 1
                if most <= above:
                    break
                try:
                    entries = shelf.part(number).entries
                except DamagedError:
                    return most
                if entries:
                    return max(above, *entries)
        return above


def leaf_of(number):
    """Return the number of the leaf that a number is in."""
    return number // LEAF


def merged(base, theirs, ours):
    """Return the entries of two transactions that began with ``base``.

    Raises a ``ConflictError`` where both have changed an entry, and differ.
    """
    result = dict(theirs)
    for key in base.keys() | ours.keys():
        before, now = base.get(key, _MISSING), ours.get(key, _MISSING)
        if now == before:
            continue
        if result.get(key, _MISSING) not in (before, now):
            raise ConflictError
        if now is _MISSING:
            result.pop(key, None)
        else:
            result[key] = now
    return result
