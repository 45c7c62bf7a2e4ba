"""Branches: the current run of each task, found by a hash of the task.

A tree.  Each branch has the newest entries of the hashes that begin as it does; when
these are too many, it passes all of them on to deeper branches.  So a new entry is
written a few times, however many there are.  Only upkeep writes to it.
"""

import pickle
import zlib

from persistent import Persistent
from ZODB.POSException import ConflictError

from trackstore import codec, damage, keys
from trackstore.ledger import merged
from trackstore.view import prefetch

#: A branch with more entries passes them on.
MOST = 256

#: A branch has up to ``FAN`` deeper ones, for as many digits of a hash.
FAN = 8

#: There are no deeper branches: the digits of 32 bits come to an end.
DEEPEST = 10

#: The path of the first branch; a deeper one has a digit more, as in ``0.3.1``.
ROOT = '0'

#: What errors call a branch.
NAME = 'the current runs, branch {}'


class Branch(Persistent):
    """A mapping from what ``keys.sort_key`` gives to numbers of runs.

    None among the entries hides what a deeper branch has.
    """

    def __init__(self, path=ROOT):
        self.path = path
        self.entries = {}
        self.deeper = {}    # branches by digit

    def __getstate__(self):
        return tuple(self.deeper.values()), codec.stored(
            pickle.dumps((self.path, tuple(self.deeper), self.entries), 5))

    def __setstate__(self, state):
        branches, blob = damage.shaped(self, state, tuple, bytes)
        damage.distinct(self, branches)
        self.path, digits, self.entries = pickle.loads(damage.opened(self, blob))
        damage.check_name(self, NAME.format(self.path))
        self.deeper = dict(zip(digits, branches, strict=True))

    def _p_resolveConflict(self, old, saved, new):
        """Merge entries by key where neither has new branches."""
        if not old[0] == saved[0] == new[0]:
            raise ConflictError
        (path, digits, base), (_, _, theirs), (_, _, ours) = (
            pickle.loads(codec.decompress(blob)) for _, blob in (old, saved, new))
        return saved[0], codec.stored(
            pickle.dumps((path, digits, merged(base, theirs, ours)), 5))

    @property
    def depth(self):
        return len(self.path) // 2

    def branch(self, digit):
        """Return a deeper branch; a ``DamagedError`` if it cannot be read."""
        branch = self.deeper[digit]
        path = f'{self.path}.{digit}'
        if branch._p_changed is None or type(branch) is not Branch:
            damage.expect(branch, Branch, NAME, path)
            damage.check(branch)
        elif branch.path != path:
            raise damage.error(NAME.format(path), damage.WRONG)
        return branch

    def get(self, key):
        """Return what stands under a key, or None."""
        branch, rest = self, _hash_of(key)
        while key not in branch.entries:
            rest, digit = divmod(rest, FAN)
            if digit not in branch.deeper:
                return None
            branch = branch.branch(digit)
        return branch.entries[key]

    def change(self, changes):
        """Set the values of keys: those of a dictionary, None to take one out."""
        if not changes:  # nothing is written
            return
        for key, value in changes.items():
            if value is None and _digit(key, self.depth) not in self.deeper:
                self.entries.pop(key, None)
            else:
                self.entries[key] = value
        self._p_changed = True
        if len(self.entries) > MOST and self.depth < DEEPEST:
            self._pass_on()

    def _pass_on(self):
        parts = {}
        for key, value in self.entries.items():
            parts.setdefault(_digit(key, self.depth), {})[key] = value
        for digit, part in parts.items():
            if digit not in self.deeper:
                self.deeper[digit] = Branch(f'{self.path}.{digit}')
            self.branch(digit).change(part)
        self.entries = {}

    def items(self):
        """Yield all pairs of key and value, in no order."""
        for key, value in self.entries.items():
            if value is not None:
                yield key, value
        for digit in self.deeper:
            for key, value in self.branch(digit).items():
                if key not in self.entries:
                    yield key, value

    def prefetch(self, wanted):
        """Ask a server for the branches that tell about keys: a level at a time."""
        level = [(self, key, _hash_of(key)) for key in wanted]
        while level:
            below = [(branch, rest % FAN, key, rest // FAN)
                     for branch, key, rest in level
                     if key not in branch.entries and rest % FAN in branch.deeper]
            prefetch(dict.fromkeys(
                branch.deeper[digit] for branch, digit, _, _ in below))
            level = [(branch.branch(digit), key, rest)
                     for branch, digit, key, rest in below]


def _hash_of(key):
    """Return 32 bits that are spread well, also for numbers that rise."""
    number = keys.stable_hash(keys.value_of(key))
    return zlib.crc32(number.to_bytes(16, 'little', signed=True))


def _digit(key, depth):
    return _hash_of(key) // FAN ** depth % FAN
