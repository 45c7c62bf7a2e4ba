"""Restoring a database file from a folder of backups, to a moment.

A backup has whole transactions with their times, so a moment between two backups is
met by taking the later one and cutting off what came after.  Only a pack stands in
the way: what it has removed may have been in use at the moment.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from types import SimpleNamespace

from persistent.TimeStamp import TimeStamp
from ZODB.FileStorage import FileStorage
from ZODB.FileStorage.FileStorage import FileIterator
from ZODB.POSException import POSError
from ZODB.scripts import repozo
from ZODB.utils import p64, u64

from trackstore import timestamps
from trackstore.backup import (
    MOMENT,
    UNREADABLE,
    BackupError,
    listing,
    locked,
    parts,
    problems_of,
    series_of,
    shown,
    why,
)
from trackstore.engines import close_files
from trackstore.opening import followed, path_of, without_password

MICROSECOND = 1e-6


@dataclass(frozen=True)
class Restored:
    """What has been restored.

    ``last`` is the time stamp of the last transaction in it.  ``asOf`` is the
    moment that it shows: the one that was asked for, or that of the backup if
    the folder does not reach as far.  ``bytes`` is the length of the file.
    ``leftOut`` is the number of newer parts that might have reached farther, but
    have not been completed.
    """

    path: str
    asOf: float
    last: float
    bytes: int
    leftOut: int


def restore(folder: str | os.PathLike, store: str | os.PathLike,
            at: float | None = None, overwrite: bool = False) -> Restored:
    """Make a database file from a folder of backups, as it was at a moment.

    ``store``
        the path of the file to make, with its index beside it
    ``at``
        a time stamp: transactions after it are left out.  Without one all are
        there that the newest backup has.  A moment that lies between two backups
        is met exactly, but not one that a pack has made unreachable: then it is
        the newest backup before it.
    ``overwrite``
        whether a file that exists is replaced, once all has been read

    What cannot be restored is a ``BackupError``; an existing file is then as it
    was.
    """
    store = _target_of(store, overwrite)
    limit = None if at is None else _tid(at)
    candidates = _candidates(folder, at)
    place = os.path.dirname(os.path.abspath(followed(store)))
    with _temporary(place) as temporary:
        path = os.path.join(temporary, 'restored.fs')
        part = _first_that_reaches(folder, candidates, path, limit)
        if part is None:
            raise BackupError(
                f'at: no backup in {os.fspath(folder)!r} reaches back to '
                f'{shown(at)}')
        last, length = _look_at(path)
        _put(path, store, overwrite)
    reached = max(part.moment, last)
    asOf = reached if at is None else min(at, reached)
    return Restored(store, asOf, last, length, _left_out(folder, at))


def _left_out(folder, at):
    """Return the number of parts after the last usable one, unless that is enough."""
    found = parts(folder)
    newest = max(part.moment for part in found if part.store is not None)
    if at is not None and at <= newest:
        return 0
    return sum(part.moment > newest for part in found)


def _target_of(store, overwrite):
    store = os.fspath(store)
    where = path_of(store)
    if where is None:
        raise BackupError(
            f'store: {without_password(store)!r} is no file; restore to a file, and '
            f'then: trackstore copy FILE URI')
    folder = os.path.dirname(os.path.abspath(followed(where)))
    if not os.path.isdir(folder):
        raise BackupError(f'store: there is no folder {without_password(folder)!r}')
    if os.path.isdir(where):
        raise BackupError(f'store: {where!r} is a folder; allowed is a file')
    if os.path.exists(where) and not os.path.isfile(where):
        raise BackupError(f'store: {where!r} is a device or a pipe; allowed is a file')
    if os.path.exists(where) and not overwrite:
        raise BackupError(
            f'store: {where!r} exists already; allowed are another file, and '
            f'overwrite=True (--overwrite)')
    return where


def _candidates(folder, at):
    """Return the parts that may lead to a moment: those after it, and one before."""
    usable = [part for part in parts(folder) if part.store is not None]
    if not usable:
        raise BackupError(f'folder: {os.fspath(folder)!r} has no backup')
    if at is None:
        return usable[-1:], []
    return ([part for part in usable if part.moment >= at],
            [part for part in usable if part.moment < at][-1:])


def _first_that_reaches(folder, candidates, path, limit):
    """Make the file of the best part; return that, or None if there is none.

    Of those after the moment the first one leads to it, or any other if that is
    hurt; where a pack stands in the way, it does so for all that follow.
    """
    after, before = candidates
    hurt = None
    for part in after:
        try:
            _recover(folder, part, path)
        except BackupError as error:
            hurt = hurt or error
            continue
        if limit is None or _cut(path, limit):
            return part
        break
    if hurt is not None:
        raise hurt
    for part in before:
        _recover(folder, part, path)
        if _cut(path, limit):
            return part
    return None


@contextmanager
def _temporary(place):
    try:
        folder = tempfile.mkdtemp('', '.restore-', place)
    except OSError as error:
        raise BackupError(
            f'store: nothing can be written to {place!r}: {error.strerror}') from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _recover(folder, part, path):
    _must_be_right(folder, part)
    with suppress(FileNotFoundError):
        os.remove(f'{path}.index')  # of another part that was tried
    options = SimpleNamespace(
        repository=os.fspath(folder), output=path, withverify=False,
        date=time.strftime(MOMENT, time.gmtime(part.moment)))
    try:
        repozo.do_recover(options)
    except (repozo.RepozoError, *UNREADABLE) as error:
        raise BackupError(
            f'folder: the backup of {shown(part.moment)} in {os.fspath(folder)!r} '
            f'cannot be restored: {why(error)}') from error


def _must_be_right(folder, wanted):
    """Read all that a part builds on, before anything is made of it."""
    series = next(each for each in series_of(folder) if wanted in each)
    there = {os.path.basename(part.path): part for part in series}
    for name, start, end, digest in listing(series[0].path):
        problems = problems_of(there.get(name), name, end - start, digest)
        if problems:
            raise BackupError(
                f'folder: the backup of {shown(wanted.moment)} in '
                f'{os.fspath(folder)!r} cannot be restored: {problems[0]}')
        if there[name] == wanted:
            return


def _tid(at):
    """Return the number of a transaction just after a time."""
    at = timestamps.checked(at, 'at') + MICROSECOND
    try:
        stamp = TimeStamp(*time.gmtime(at)[:5], at % 60)
    except (ValueError, OverflowError, OSError):
        raise BackupError(f'at: {at!r} is outside of the calendar') from None
    return p64(u64(stamp.raw()) + 1)


def _cut(path, limit):
    """Cut off the transactions after a limit; tell whether that can be done.

    It cannot where a pack came later: what it removed may have been in use then.
    """
    iterator = FileIterator(path)
    later = next(((n, each.status) for n, each in enumerate(iterator)
                  if each.tid >= limit), None)
    iterator.close()
    if later is None:
        return True
    if later[0] == 0 or later[1] == 'p':
        return False
    os.remove(f'{path}.index')
    storage = FileStorage(path, read_only=True, stop=limit)
    end = storage.getSize()
    storage.close()
    os.truncate(path, end)
    return True


def _look_at(path):
    """Return the time of the last transaction, and the length; see to the index."""
    try:
        storage = FileStorage(path, read_only=os.path.exists(f'{path}.index'))
        try:
            return (TimeStamp(storage.lastTransaction()).timeTime(),
                    storage.getSize())
        finally:
            storage.close()  # which writes the index where there is none
    except (POSError, *UNREADABLE) as error:
        close_files(error)
        raise BackupError(
            f'folder: what was restored is no database: {why(error)}') from error


def _put(path, store, overwrite):
    """Move the file and its index to where they belong."""
    target = followed(store)  # a link stays one
    with ExitStack() as locks:
        for each in sorted({store, target}):
            locks.enter_context(locked(f'{each}.lock', store))
        if os.path.exists(target) and not overwrite:
            raise BackupError(f'store: {store!r} exists already')
        with suppress(FileNotFoundError):
            os.remove(f'{target}.index')  # that of the file that goes
        os.replace(path, target)
        os.replace(f'{path}.index', f'{target}.index')
