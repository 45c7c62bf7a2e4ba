"""Blobs, the files that other parts of an application may keep in a database."""

import os

from ZODB.POSException import POSKeyError, Unsupported

CHUNK = 1 << 20


def folder_of(storage):
    """Return where files that become blobs are made, or None if there are no blobs."""
    try:
        return storage.temporaryDirectory()
    except (AttributeError, TypeError, Unsupported):
        return None


def difference(ours, theirs, oid, tid):
    """Compare a blob in two storages; say what is wrong with theirs, or None."""
    path = ours.loadBlob(oid, tid)
    try:
        other = theirs.loadBlob(oid, tid)
    except (POSKeyError, FileNotFoundError):
        return 'is missing'
    if os.path.getsize(path) != os.path.getsize(other):
        return 'has another length'
    with open(path, 'rb') as first, open(other, 'rb') as second:
        while piece := first.read(CHUNK):
            if piece != second.read(CHUNK):
                return 'has other bytes'
    return None
