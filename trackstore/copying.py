"""Copying a database, with all that is in it, to another place.

The storages of the ZODB can tell what they hold, transaction by transaction, and
most can take transactions in as they were.  So a copy has the same objects under
the same ids and, where both ends keep one, the same history.

A copy that was interrupted ends with a whole transaction.  Copying again goes on
after that, once what is there has been found to be the beginning of the source.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass

from BTrees.LLBTree import LLBTree
from ZODB.blob import is_blob_record
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage
from ZODB.POSException import POSKeyError
from ZODB.utils import cp, load_current, p64, u64, z64

from trackstore import blobs, ends, reach
from trackstore.exceptions import TrackstoreError
from trackstore.opening import open_storage, path_of, without_password
from trackstore.storage import TrackingStorage

#: After so many bytes a server's answer is awaited, so that nothing piles up.
UNANSWERED = 16 << 20

#: Of so many things that are wrong each is named.
MOST_PROBLEMS = 20


class CopyError(TrackstoreError, ValueError):
    """Two places of which one cannot be copied to the other."""


@dataclass(frozen=True)
class Copied:
    """What was copied, and what is wrong with it.

    ``transactions``, ``records`` and ``bytes`` were copied now; ``before`` is
    the number of transactions that an earlier call had copied.  ``objects`` were
    compared, and of each store in the target's root ``stores`` has the name and
    the number of tracks.  ``problems`` are sentences: none when all is well.
    """

    transactions: int
    before: int
    records: int
    bytes: int
    objects: int
    stores: dict[str, int]
    problems: list[str]


def copy(source: str | os.PathLike, target: str | os.PathLike,
         progress: Callable | None = None) -> Copied:
    """Copy all that a database has to another place, and compare the two.

    Both are paths or URIs, as for ``trackstore.open``.  The source may be
    written to in the meantime: what it had at the start is copied.  The target
    is empty or the beginning of the same copy, which is then completed; nobody
    else may write to it meanwhile, and where somebody does, the copy ends.

    ``progress(done, total, remark)`` is called with numbers of bytes, of
    objects and of tracks, as ``remark`` says.

    What cannot be opened is an ``OpenError``, what cannot be copied a
    ``CopyError``.
    """
    _must_differ(source, target)
    _must_exist(source)
    with _opened(source, create=False, readOnly=True) as (origin, _):
        copying = _Copying(origin, _shown(source), _shown(target), progress)
        goal = copying.prepared(target)
        try:
            copying.copy(goal)
        finally:
            goal.close()
        # Opened anew, the target shows what it has kept.
        with _opened(target, create=False, readOnly=True) as (goal, arguments):
            copying.compare(goal)
            stores = copying.verify(goal, arguments)
    return Copied(
        copying.transactions, copying.before, copying.records, copying.bytes,
        len(copying.current), stores, copying.problems)


def _shown(where):
    return without_password(os.fspath(where))


def _must_differ(source, target):
    first, second = (path_of(os.fspath(where)) for where in (source, target))
    if source == target or first and second and (
            os.path.realpath(first) == os.path.realpath(second)):
        raise CopyError(
            f'target: {_shown(target)!r} is the source itself; allowed is any '
            f'other place')


def _must_exist(source):
    """Opening a URI would make the file."""
    path = path_of(os.fspath(source))
    if path and not os.path.exists(path):
        raise CopyError(f'source: there is no database at {_shown(path)!r}')


@contextmanager
def _opened(where, **options):
    storage, arguments = open_storage(where, **options)
    try:
        yield storage, arguments
    finally:
        storage.close()


class _Copying:

    def __init__(self, origin, source, target, progress):
        self.origin, self.source, self.target = origin, source, target
        self.progress = progress or (lambda done, total, remark: None)
        self.transactions = self.before = self.records = self.bytes = 0
        self.unanswered = 0
        #: the objects as of the start, by number: the transaction of each
        self.current = LLBTree()
        #: the last transaction of the target, as far as is known here
        self.written = z64
        self.problems = []
        self.last = origin.lastTransaction() or z64
        if self.last == z64:
            raise CopyError(f'source: there is nothing in {source!r} yet')
        if not hasattr(origin, 'iterator'):
            raise CopyError(
                f'source: {source!r} is a {type(origin).__name__}, which does not '
                f'tell its transactions')
        try:
            # Also, a file that is read once stays open, even through a pack.
            load_current(origin, z64)
        except POSKeyError:
            raise CopyError(
                f'source: {source!r} has no root, so there is no store in it'
            ) from None

    def prepared(self, where):
        """Open the target and return it; a fresh root in it is removed."""
        goal, _ = open_storage(where, create=True)
        try:
            self._must_restore(goal)
            self._must_have_blobs_of_its_own(goal)
            if not ends.has_fresh_root(goal, self.origin):
                return goal
            if hasattr(goal, 'zap_all'):
                goal.zap_all(reset_oid=True)
                return goal
            if not isinstance(goal, FileStorage):
                raise CopyError(
                    f'target: {self.target!r} has been opened before and has a '
                    f'root; allowed is a place that is empty. Remove its file and '
                    f'start again')
        except BaseException:
            goal.close()
            raise
        goal.close()
        for path in (goal.getName(), f'{goal.getName()}.index'):
            if os.path.exists(path):
                os.remove(path)
        return open_storage(where, create=True)[0]

    def _must_restore(self, goal):
        if isinstance(goal, MappingStorage) or not hasattr(goal, 'restore'):
            raise CopyError(
                f'target: {self.target!r} is a {type(goal).__name__}, which does '
                f'not take transactions as they were; allowed are files, ZEO and '
                f'RelStorage')
        if goal.isReadOnly():
            raise CopyError(f'target: {self.target!r} is open for reading only')

    def _must_have_blobs_of_its_own(self, goal):
        """A pack of the one would remove the blobs of the other."""
        ours, theirs = map(blobs.folder_of, (self.origin, goal))
        if ours and theirs and os.path.realpath(ours) == os.path.realpath(theirs):
            raise CopyError(
                f'target: {self.target!r} has the folder of blobs of the source; '
                f'allowed is a folder of its own')

    # copying

    def copy(self, goal):
        """Copy what is not there yet."""
        self.written = ends.last_transaction(goal)
        with (ends.transactions(goal, self.written) as there,
              ends.transactions(self.origin, self.last) as transactions):
            self._copy(goal, there, transactions)

    def _copy(self, goal, there, transactions):
        # A FileStorage that has just cut off half a transaction still gives it as
        # its last one: what is there is known from the transactions alone.
        waiting = next(there, None)
        total, passed, tid = self.origin.getSize(), 0, z64
        for transaction in transactions:
            tid = transaction.tid
            if waiting is None:
                self._restore(transaction, goal)
            elif tid > waiting.tid:
                self._refuse()
            else:
                passed += self._pass(transaction, waiting)
                if waiting.tid == tid:
                    waiting = next(there, None)
            done = passed + self.bytes
            self.progress(done, max(done, total), 'bytes')
        if waiting is not None:
            self._refuse()
        if tid != self.last:
            self.problems.append(
                f'{self.source} cannot be read to its end: after transaction '
                f'{tid.hex()} it is damaged')
        self.progress(max(total, 1), max(total, 1), 'bytes')

    def _pass(self, transaction, waiting):
        """Note a transaction that is there; return how many bytes it has."""
        size, oids = 0, set()
        for record in transaction:
            self._note(record)
            oids.add(record.oid)
            size += len(record.data or b'')
        self.before += 1
        # A target without history, or one that was packed, has less of it.
        if waiting.tid == transaction.tid and not (
                oids.issuperset(record.oid for record in waiting)):
            self._refuse()
        return size

    def _refuse(self):
        raise CopyError(
            f'target: {self.target!r} has something in it that is not in '
            f'{self.source!r}; allowed are a place that is empty and the beginning '
            f'of the same copy (which it is not any more once the source has been '
            f'packed or, where it keeps no history, changed)')

    def _note(self, record):
        number = u64(record.oid)
        if record.data is not None:
            self.current[number] = u64(record.tid)
        elif number in self.current:  # its creation was undone
            del self.current[number]

    def _restore(self, transaction, goal):
        try:
            goal.tpc_begin(transaction, transaction.tid, transaction.status)
        except Exception:  # PostgreSQL may have it from another copy
            self._must_be_alone(goal)
            raise
        try:
            for record in transaction:
                self._restore_record(record, transaction, goal)
            goal.tpc_vote(transaction)
            self._must_be_alone(goal)
            goal.tpc_finish(transaction)
        except BaseException:
            goal.tpc_abort(transaction)
            raise
        self.written = transaction.tid
        self.transactions += 1

    def _must_be_alone(self, goal):
        """What is older than the last transaction would hide what others wrote.

        After the vote nobody else can write before the transaction has ended.
        """
        if ends.last_transaction(goal) != self.written:
            raise CopyError(
                f'target: {self.target!r} is being written to by somebody else; '
                f'allowed is one copy at a time, and no other writer until it has '
                f'ended')

    def _restore_record(self, record, transaction, goal):
        self._note(record)
        if record.data is not None and is_blob_record(record.data):
            self._restore_blob(record, transaction, goal)
        else:
            goal.restore(record.oid, record.tid, record.data, '', record.data_txn,
                         transaction)
        size = len(record.data or b'')
        self.records += 1
        self.bytes += size
        self.unanswered += size
        if self.unanswered > UNANSWERED and hasattr(goal, 'server_status'):
            goal.server_status()
            self.unanswered = 0

    def _restore_blob(self, record, transaction, goal):
        self._must_have_blobs(record.oid, goal, 'restoreBlob')
        handle, name = tempfile.mkstemp('.tmp', 'copy', blobs.folder_of(goal))
        with (os.fdopen(handle, 'wb') as file,
              open(self.origin.loadBlob(record.oid, record.tid), 'rb') as blob):
            cp(blob, file)
        goal.restoreBlob(record.oid, record.tid, record.data, name,
                         record.data_txn, transaction)

    def _must_have_blobs(self, oid, goal, needed):
        for where, storage, method in ((self.source, self.origin, 'loadBlob'),
                                       (self.target, goal, needed)):
            if not hasattr(storage, method) or blobs.folder_of(storage) is None:
                raise CopyError(
                    f'object {u64(oid):#x} is a blob, and {where!r} has no folder of '
                    f'blobs; allowed is a URI that names one, such as '
                    f'file://PATH?blobstorage_dir=FOLDER')

    # comparing

    def compare(self, goal):
        """Compare each object, as of the start, at both ends."""
        after = p64(u64(self.last) + 1)
        total, missing = len(self.current), []
        for done, (number, tid) in enumerate(self.current.items(), 1):
            oid = p64(number)
            ours, theirs = (ends.loaded(end, oid, after) for end in (self.origin, goal))
            if ours is None or ours[1] != p64(tid):
                self._say(f'object {number:#x} has been changed in {self.source} '
                          f'since the copy began, and its earlier state is gone')
            elif theirs is None:
                missing.append(number)
            elif ours != theirs:
                self._say(f'object {number:#x} in {self.target} is not that of '
                          f'{self.source}')
            elif is_blob_record(ours[0]):
                self._compare_blobs(oid, tid, goal)
            self.progress(done, total, 'objects')
        # What nothing leads to, a pack of the target has taken away.
        for number in reach.in_use(goal, missing, after) if missing else ():
            self._say(f'object {number:#x} is missing in {self.target}')
        if (goal.lastTransaction() or z64) > self.last:
            self._say(f'{self.target} has been written to by somebody else')

    def _compare_blobs(self, oid, tid, goal):
        self._must_have_blobs(oid, goal, 'loadBlob')
        wrong = blobs.difference(self.origin, goal, oid, p64(tid))
        if wrong:
            self._say(f'the blob of object {u64(oid):#x} {wrong} in the folder of '
                      f'{self.target}')

    def _say(self, problem):
        if len(self.problems) < MOST_PROBLEMS:
            self.problems.append(problem)
        elif len(self.problems) == MOST_PROBLEMS:
            self.problems.append('and more')

    def verify(self, goal, arguments):
        """Verify the stores in the root; return the number of tracks of each."""
        if 0 not in self.current or self.problems:
            return {}
        found = {}
        db = DB(goal, **arguments)
        with db.transaction() as connection:
            for name, store in connection.root().items():
                if isinstance(store, TrackingStorage):
                    found[name] = len(store)
                    self.problems += store.verify(
                        lambda done, total: self.progress(done, total, 'tracks'))
        return found
