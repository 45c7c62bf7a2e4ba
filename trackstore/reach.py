"""Which objects of a database anything leads to."""

from BTrees.LLBTree import LLTreeSet
from ZODB.POSException import POSKeyError
from ZODB.serialize import referencesf
from ZODB.utils import p64, u64, z64


def in_use(storage, numbers, before):
    """Return those of some objects that a storage refers to, from its root on.

    ``numbers`` are those of the objects, ``before`` the transaction before which
    the storage is looked at.  An object need not be there to be referred to.
    """
    seen, todo = LLTreeSet([u64(z64)]), [u64(z64)]
    while todo:
        try:
            found = storage.loadBefore(p64(todo.pop()), before)
        except POSKeyError:
            continue
        for oid in referencesf(found[0]) if found else ():
            if seen.insert(u64(oid)):
                todo.append(u64(oid))
    return [number for number in numbers if number in seen]
