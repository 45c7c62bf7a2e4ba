"""What a copy asks of its two ends, whatever storage each of them is."""

from contextlib import contextmanager

from ZODB.DB import DB
from ZODB.MappingStorage import MappingStorage
from ZODB.POSException import POSKeyError
from ZODB.utils import load_current, z64


def loaded(storage, oid, before):
    """Return the data of an object and their transaction, or None."""
    try:
        found = storage.loadBefore(oid, before)
    except POSKeyError:
        return None
    return found and found[:2]


def last_transaction(storage):
    """Return the last transaction of a storage, whoever wrote it."""
    if hasattr(storage, 'server_status'):  # a client of ZEO hears of it later
        return bytes.fromhex(storage.server_status()['last-transaction'])
    if hasattr(storage, 'poll_invalidations'):  # as RelStorage, it shows a snapshot
        storage.poll_invalidations()
    return storage.lastTransaction() or z64


@contextmanager
def transactions(storage, last):
    """Yield an iterator of the transactions of a storage, up to the last one."""
    if (last or z64) == z64:
        yield iter(())
        return
    found = storage.iterator(None, last)
    try:
        yield iter(found)
    finally:
        if hasattr(found, 'close'):
            found.close()


def has_fresh_root(goal, origin):
    """Tell whether a storage has nothing but the empty root of a first opening."""
    last = goal.lastTransaction() or z64
    fresh = DB(MappingStorage())
    try:
        if last == z64 or load_current(goal, z64) != (
                load_current(fresh.storage, z64)[0], last):
            return False
        origin.loadSerial(z64, last)
    except POSKeyError:
        with transactions(goal, last) as found:
            return sum(1 for _ in found) == 1
    finally:
        fresh.close()
    return False  # it is a copy that has just begun
