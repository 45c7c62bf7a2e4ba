"""Which files are those of a store, so that nothing else is written there."""

import os

#: What ZODB keeps beside the file of a database, by the end of the name.
SIDE_FILES = ('', '.index', '.index_tmp', '.lock', '.tmp', '.old', '.pack')


def is_same_file(one, other):
    """Tell whether two paths are one file, also one that is not there yet."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return os.path.realpath(one) == os.path.realpath(other)


def is_of_store(path, store):
    """Tell whether a path is the file of a store, or one that belongs to it."""
    store = os.path.realpath(store)
    return any(is_same_file(path, store + ending) for ending in SIDE_FILES)


def is_of_storage(path, storage):
    """Tell the same of the file that a tracking storage lives in."""
    if storage._p_jar is None:
        return False
    return is_of_store(path, storage._p_jar.db().storage.getName())
