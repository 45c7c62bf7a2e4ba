"""What is made up for in the engines that a store stands on, and in their tools."""

import io
import os
import traceback
from contextlib import suppress

from ZODB.FileStorage import FileStorage
from ZODB.FileStorage.format import CorruptedDataError


def mend(storage):
    """Make up for what would lose or hurt data in a ZODB storage just opened."""
    file = _file_storage(storage)
    if file is not None:
        _drop_what_was_not_written(storage, file)
        _look_at_headers(file)
    _forget_ids_of_lost_servers(storage)


def _file_storage(storage):
    """Return the file storage that a storage is or wraps, or None."""
    while storage is not None and not isinstance(storage, FileStorage):
        storage = getattr(storage, 'base', None)
    return storage


def _drop_what_was_not_written(storage, base):
    """Let a file storage that could not write forget what it was about to write.

    On a full disk the end of a transaction stays in the buffer of the open file.
    ZODB cuts the file, for which Python writes that buffer first, and fails again;
    it would be written later, behind or into the next transaction.
    """
    vote = storage.tpc_vote

    def tpc_vote(transaction):
        try:
            return vote(transaction)
        except OSError:
            with base._lock:
                _open_anew(base)
            raise

    storage.tpc_vote = tpc_vote


def _open_anew(storage):
    stale = storage._file
    storage._file = open(storage._file_name, 'r+b')  # noqa: SIM115 - it stays open
    storage._file.truncate(storage._pos)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stale.fileno())  # where its buffer goes when it is closed
    os.close(nowhere)
    stale.close()
    storage._files.flush()


def _look_at_headers(storage):
    """Let a file storage find a hurt header of an object to be one.

    Some it takes for an object of an old version of the ZODB (a ValueError), or of
    more bytes than there are in the file, or in any memory.
    """
    read = storage._read_data_header

    def _read_data_header(pos, oid=None, _file=None):
        try:
            header = read(pos, oid, _file)
        except (ValueError, OverflowError) as error:  # not such a number or place
            raise CorruptedDataError(oid, str(error), pos) from error
        if header.plen > storage._pos:
            raise CorruptedDataError(oid, f'a length of {header.plen}', pos)
        return header

    storage._read_data_header = _read_data_header


def _forget_ids_of_lost_servers(storage):
    """Let a client of ZEO take new ids of objects when it is connected anew.

    It has up to a hundred in advance.  A server that has died gives those that were
    not used to others, and two clients that make objects of the same id do not only
    get an error: what the one has loaded of the other is cut off from its connection,
    and later changes to it are lost.
    """
    if not (hasattr(storage, '_oids') and hasattr(storage, 'notify_connected')):
        return
    notify = storage.notify_connected

    def notify_connected(*arguments):
        storage._oids.clear()
        return notify(*arguments)

    storage.notify_connected = notify_connected


def close_files(error):
    """Close the files that are open where an error came from.

    repozo leaves them, and so does a FileStorage that could not be opened.
    """
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for found in frame.f_locals.values():
            # a FileStorage may not be complete enough to be closed as a whole
            file = getattr(found, '_file', None) if (
                isinstance(found, FileStorage)) else found
            if isinstance(file, io.IOBase):
                with suppress(OSError):  # what it still has finds no room
                    file.close()
