"""The ledger: records of runs where they last.

A mapping in leaves of some hundred entries, a persistent object each.  Only
upkeep writes to it.  Each leaf has a checksum, and knows which one it is, so that
a reference that leads elsewhere is noticed.
"""

import pickle

from persistent import Persistent
from ZODB.POSException import ConflictError

from trackstore import codec, damage
from trackstore.exceptions import DamagedError

#: So many numbers are in a leaf.
LEAF = 256

#: What errors call a ledger and its leaves.
NAME = 'the {} runs'
LEAF_NAME = NAME + ', leaf {}'

_MISSING = object()


class Leaf(Persistent):
    """Some entries: ``name`` is that of the ledger, ``number`` that of the leaf."""

    def __init__(self, name, number):
        self.name, self.number = name, number
        self.entries = {}

    def __getstate__(self):
        return codec.stored(pickle.dumps((self.name, self.number, self.entries), 5)),

    def __setstate__(self, state):
        blob, = damage.shaped(self, state, bytes)
        self.name, self.number, self.entries = pickle.loads(
            damage.opened(self, blob))
        damage.check_name(self, LEAF_NAME.format(self.name, self.number))

    def _p_resolveConflict(self, old, saved, new):
        """Merge by key."""
        (_, _, base), (name, number, theirs), (_, _, ours) = (
            pickle.loads(codec.decompress(blob)) for blob, in (old, saved, new))
        return codec.stored(
            pickle.dumps((name, number, merged(base, theirs, ours)), 5)),


class Ledger(Persistent):
    """A mapping from numbers to records."""

    def __init__(self, name):
        self.name = name
        self.leaves = {}

    def __getstate__(self):
        return tuple(self.leaves.values()), codec.stored(
            pickle.dumps((self.name, list(self.leaves)), 5))

    def __setstate__(self, state):
        leaves, packed = damage.shaped(self, state, tuple, bytes)
        damage.distinct(self, leaves)
        self.name, numbers = pickle.loads(damage.opened(self, packed))
        damage.check_name(self, NAME.format(self.name))
        self.leaves = dict(zip(numbers, leaves, strict=True))

    def leaf(self, number):
        """Return a leaf; a ``DamagedError`` if it cannot be read or is another."""
        leaf = self.leaves[number]
        if leaf._p_changed is None or type(leaf) is not Leaf:
            damage.expect(leaf, Leaf, LEAF_NAME, self.name, number)
            damage.check(leaf)
        elif leaf.number != number:
            raise damage.error(LEAF_NAME.format(self.name, number), damage.WRONG)
        return leaf

    def get(self, key):
        """Return what stands under a key, or None."""
        number = leaf_of(key)
        return self.leaf(number).entries.get(key) if number in self.leaves else None

    def change(self, changes):
        """Set the values of keys: those of a dictionary, None to take one out."""
        for key, value in changes.items():
            number = leaf_of(key)
            leaf = self.leaf(number) if number in self.leaves else None
            if value is None:
                if leaf is not None and leaf.entries.pop(key, None) is not None:
                    leaf._p_changed = True
                continue
            if leaf is None:
                leaf = self.leaves[number] = Leaf(self.name, number)
                self._p_changed = True
            leaf.entries[key] = value
            leaf._p_changed = True

    def items(self):
        """Yield all pairs of key and value, in no order."""
        for number in self.leaves:
            yield from self.leaf(number).entries.items()

    def highest(self):
        """Return the highest key, 0 if there is none.

        Of a hurt leaf it is the highest that it can have.
        """
        for number in sorted(self.leaves, reverse=True):
            try:
                entries = self.leaf(number).entries
            except DamagedError:
                return (number + 1) * LEAF - 1
            if entries:
                return max(entries)
        return 0


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
