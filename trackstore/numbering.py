"""Numbers that are unique without a counter that everyone writes.

All connections of a process to a database share one ``Numbering`` for each
storage, in memory.  Numbers that were taken in a transaction that is aborted,
or after a savepoint that is rolled back, are given out again as long as nobody
else has taken a higher one; so a single writer counts 1, 2, 3.
"""

import threading
import weakref


class Numbering:
    """Gives out rising numbers."""

    def __init__(self):
        self._lock = threading.Lock()
        self._high = None
        self._owner = None  # who took the highest, and where his begin
        self._start = 0

    def take(self, count, owner, present, highest):
        """Return the first of ``count`` numbers that nobody else has.

        ``present(number)`` tells whether the owner still has a number that he
        has taken, ``highest()`` which is the highest that he sees.
        """
        with self._lock:
            mine = self._owner is not None and self._owner() is owner
            if self._high is None:
                self._high = highest()
            elif mine and self._high >= self._start and not present(self._high):
                self._high = max(self._start - 1, highest())
            if not mine:
                self._owner = weakref.ref(owner)
                self._start = self._high + 1
            first = self._high + 1
            self._high += count
            return first


class Shared:
    """What the connections of a process share about a storage."""

    def __init__(self):
        self.tracks = Numbering()
        self.runs = Numbering()
        self.starting = {}  # task -> the run that a transaction is starting
        self.upkeep = threading.Lock()


_by_database = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def shared(storage):
    """Return the ``Shared`` of a storage that is in a database."""
    database = storage._p_jar.db()
    with _lock:
        storages = _by_database.setdefault(database, {})
        return storages.setdefault(storage._p_oid, Shared())
