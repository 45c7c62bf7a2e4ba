"""Numbers that are unique without a counter that everyone writes.

All connections of a process to a database share one ``Numbering`` for each
kind of number of a storage, in memory.  Numbers that were taken in a
transaction that is aborted, or after a savepoint that is rolled back, are given
out again as long as nobody else has taken a higher one; so a single writer
counts 1, 2, 3.

Where other processes may write to the same database, a process takes its
numbers out of *leases*: ranges that it has reserved in a transaction of its
own.  Leases grow, so that they are seldom taken.
"""

import threading
import weakref

from persistent import Persistent
from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from ZODB.POSException import ConflictError
from ZODB.utils import z64

from trackstore.transactions import OwnManager

#: The storages of which a process has the only writers.
EXCLUSIVE = (FileStorage, MappingStorage, DemoStorage)

#: The size of the first lease of a process; each next one is so many times as long, up
#: to the largest.  With 9 the leases that several processes take, one after the other,
#: begin in different pages of the tail, so that these seldom meet in one.
FIRST_LEASE, GROWTH = 64, 9
LARGEST_LEASE = FIRST_LEASE * GROWTH ** 3

KINDS = ('tracks', 'runs')


class Leases(Persistent):
    """The first number of each kind that nobody has reserved."""

    writers = 0  # the processes that have come so far

    def __init__(self):
        self.free = dict.fromkeys(KINDS, 1)

    def reserve(self, kind, count, highest):
        """Reserve numbers above ``highest``; return the first of them."""
        first = max(self.free[kind], highest + 1)
        self.free = {**self.free, kind: first + count}
        return first


class Numbering:
    """Gives out rising numbers."""

    def __init__(self, kind):
        self.kind = kind
        self._lock = threading.Lock()
        self._high = None
        self._owner = None  # who took the highest, and where his begin
        self._start = 0
        self._end = 0  # of the lease
        self._size = FIRST_LEASE
        self.taken_back = 0  # how often numbers were

    def take(self, count, storage):
        """Return the first of ``count`` numbers that nobody else has."""
        owner = storage._p_jar
        with self._lock:
            mine = self._owner is not None and self._owner() is owner
            if self._high is None:
                self._high = storage._highest_number(self.kind)
            elif (mine and self._high >= self._start
                    and not storage._has_number(self.kind, self._high)):
                self._high = max(
                    self._start - 1, storage._highest_number(self.kind))
                self.taken_back += 1
            if not mine:
                self._owner = weakref.ref(owner)
                self._start = self._high + 1
            if not is_exclusive(owner.db()):
                self._stay_in_lease(count, storage)
            first = self._high + 1
            self._high += count
            return first

    def join(self, taken_back):
        """Let another writer use a number, too; tell whether it may.

        Not where numbers have been taken back since there were so many such times:
        it may have been given out again.  What others use is not taken back.
        """
        with self._lock:
            if self.taken_back != taken_back:
                return False
            self._owner = None
            return True

    def _stay_in_lease(self, count, storage):
        if self._high + count >= self._end:
            size = max(count, min(max(count * GROWTH, self._size), LARGEST_LEASE))
            first = _leased(storage, self.kind, size)
            self._size = min(size * GROWTH, LARGEST_LEASE)
            if first != self._end:
                self._high, self._start = first - 1, first
            self._end = first + size


def is_exclusive(database):
    """Tell whether this process has the only writers to the database."""
    storage = database.storage
    while not isinstance(storage, EXCLUSIVE):
        storage = getattr(storage, 'base', None)  # of a wrapper
        if storage is None:
            return False
    return True


def is_committed(storage):
    """Tell whether other connections can see the storage."""
    storage._p_activate()
    return storage._p_jar is not None and storage._p_serial != z64


def _leased(storage, kind, size):
    """Reserve a lease in a transaction of its own; return its first number."""
    if not is_committed(storage):  # so there is nobody else
        return storage._leases.reserve(kind, size, storage._highest_number(kind))
    manager, found = OwnManager(), shared(storage)
    connection = storage._p_jar.db().open(manager)
    try:
        while True:
            manager.begin()
            try:
                theirs = connection.get(storage._p_oid)
                leases = theirs._leases
                first = leases.reserve(
                    kind, size, theirs._highest_number(kind, leased=False))
                writer = leases.writers
                leases.writers += found.writer is None
                manager.commit()
                if found.writer is None:
                    found.writer = writer
                return first
            except ConflictError:
                manager.abort()
    finally:
        manager.abort()
        connection.close()


class Start:
    """A run that a transaction is starting, which others may join."""

    __slots__ = ('__weakref__', 'number', 'state', 'taken_back')

    def __init__(self, number, state, taken_back):
        self.number = number
        self.state = state
        self.taken_back = taken_back


class Shared:
    """What the connections of a process share about a storage."""

    def __init__(self):
        self.numberings = {kind: Numbering(kind) for kind in KINDS}
        self.writer = None  # of several processes the number of this one
        # task -> its Start, which lives in the data of the transaction, and as long
        self.starting = weakref.WeakValueDictionary()
        self.upkeep = threading.Lock()  # held by the thread that is at it

    def started_in(self, transaction):
        """Return the starts of a transaction by task: they end when it does."""
        try:
            return transaction.data(self)
        except KeyError:
            found = {}
            transaction.set_data(self, found)
            return found


_by_database = weakref.WeakKeyDictionary()
_lock = threading.Lock()


def shared(storage):
    """Return the ``Shared`` of a storage that is in a database."""
    database = storage._p_jar.db()
    with _lock:
        storages = _by_database.get(database)
        if storages is None:
            storages = _by_database[database] = {}
        found = storages.get(storage._p_oid)
        if found is None:
            found = storages[storage._p_oid] = Shared()
        return found
