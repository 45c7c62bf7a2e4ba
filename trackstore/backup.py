"""Backups of a database file in a folder; ``trackstore.restoring`` reads them.

The work is done by ``ZODB.scripts.repozo``: the first backup in a folder has the
whole file (*full*), the next ones what has been added since (*incremental*), until
a pack makes a full one necessary.  Each full backup begins a series; a text file
beside it, ``.dat``, lists its parts with their check sums.  A file may be backed up
while it is written to.
"""

from __future__ import annotations

import gzip
import os
import re
import time
import zlib
from calendar import timegm
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import SimpleNamespace

from zc.lockfile import LockError, LockFile
from ZODB.POSException import POSError
from ZODB.scripts import repozo

from trackstore.engines import close_files
from trackstore.exceptions import TrackstoreError
from trackstore.opening import path_of, without_password

NAME = re.compile(r'(\d{4}(?:-\d\d){5})\.(delta)?fsz?\Z', re.A)
MOMENT = '%Y-%m-%d-%H-%M-%S'
LOCK = 'backup.lock'

#: The file of a folder that has the path of the store whose backups are there.
STORE = 'backup.store'

#: What reading a hurt file of the folder brings about.
UNREADABLE = (OSError, EOFError, zlib.error)

#: So many times a backup is tried again that a pack has overtaken.
TRIES = 3


class BackupError(TrackstoreError, ValueError):
    """A backup that cannot be made or restored."""


@dataclass(frozen=True)
class Part:
    """A file in a folder of backups.

    ``moment`` is when it was made, a time stamp in whole seconds; ``full`` tells
    whether it begins a series.  ``bytes`` is the length of the file itself, None if
    it is missing.  ``store`` is the length of the database up to its end, or None
    if the folder does not say so: then it has not been completed and is not used.
    """

    path: str
    moment: int
    full: bool
    bytes: int | None
    store: int | None


# making

def backup(store: str | os.PathLike, folder: str | os.PathLike, full: bool = False,
           compress: bool = True, quick: bool = False) -> Part | None:
    """Back up a database file; return the new part, or None if nothing changed.

    ``store``
        the path of the file (or a URI ``file://...``)
    ``folder``
        where the backups are, of this store alone; it is made if it does not exist
    ``full``
        whether to copy the whole file also where an increment would do
    ``compress``
        whether to compress the new part
    ``quick``
        whether to read only the last part, and not all of the series and of the
        file, to see that the file goes on where the backups end

    What cannot be backed up is a ``BackupError``.
    """
    store = _file_of(store)
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        _make(folder)
    with locked(os.path.join(folder, LOCK), folder):
        _must_be_its_own(folder, store)
        for _ in range(TRIES):
            before = _identity(store)
            _wait_for_a_free_second(folder)
            with _undoing(folder) as undo:
                try:
                    part = _back_up(store, folder, full, compress, quick)
                except BackupError:
                    if _identity(store) == before:
                        raise
                else:
                    if _identity(store) == before:
                        return part
                undo()  # what was copied is of two files
    raise BackupError(f'store: {store!r} is being packed again and again')


def _must_be_its_own(folder, store):
    """Two stores would take each other's backups for their own older ones.

    One that was moved goes on where its backups end.
    """
    other = _marked(folder)
    if not other or other == os.path.realpath(store) or not parts(folder):
        return
    if _continued(store, folder, quick=True) is None:
        raise BackupError(
            f'folder: {folder!r} has the backups of {other!r}; allowed is a folder '
            f'for each store (where it is that store, moved and packed since, remove '
            f'{os.path.join(folder, STORE)!r})')


def _marked(folder):
    try:
        return os.fsdecode(_bytes(os.path.join(folder, STORE)))
    except FileNotFoundError:
        return None


def _mark(folder, store):
    path = os.path.realpath(store)
    if _marked(folder) != path:
        with open(os.path.join(folder, STORE), 'wb') as file:
            file.write(os.fsencode(path))


def _back_up(store, folder, full, compress, quick):
    known = {part.path for part in parts(folder)}
    options = SimpleNamespace(
        file=store, repository=folder, full=full, gzip=compress, killold=False)
    series = None if full else _continued(store, folder, quick)
    try:
        _mark(folder, store)
        if series is None:
            repozo.do_full_backup(options)
        elif series[-1].store < os.path.getsize(store):
            repozo.do_incremental_backup(
                options, series[-1].store, [part.path for part in series])
    except (repozo.RepozoError, POSError, AssertionError, *UNREADABLE) as error:
        close_files(error)
        raise BackupError(
            f'store: {store!r} cannot be backed up to {folder!r}: '
            f'{why(error)}') from error
    return next((part for part in parts(folder) if part.path not in known), None)


def _continued(store, folder, quick):
    """Return the parts with which the file begins; None if a full one is due.

    It is due where the file was packed, and where the newest series is not whole.
    """
    series = next(reversed(series_of(folder)), [])
    listed = listing(series[0].path) if series else []
    names = [os.path.basename(part.path) for part in series if part.bytes is not None]
    if not listed or names != [name for name, *_ in listed] or (
            series[-1].store > os.path.getsize(store)):
        return None
    with open(store, 'rb') as file:
        for part, (name, start, end, digest) in zip(series, listed, strict=True):
            if quick and part is not series[-1]:
                continue
            file.seek(start)
            if repozo.checksum(file, end - start) != digest or not quick and (
                    problems_of(part, name, end - start, digest)):
                return None
    return series


def _file_of(store):
    store = os.fspath(store)
    where = path_of(store)
    if where is None:
        raise BackupError(f'store: {without_password(store)!r} {_instead(store)}')
    if not os.path.isfile(where):
        raise BackupError(
            f'store: there is no database file at {without_password(where)!r}')
    with open(where, 'rb') as file:
        if file.read(4) not in (b'FS21', b'FS30'):
            raise BackupError(
                f'store: {where!r} is no ZODB database; its first bytes are not '
                f'those of a FileStorage')
    return where


def _instead(uri):
    """Say what to do for a store that is no file."""
    if uri.startswith('zeo:'):
        return ('is on a server; back up the file of the server, on its machine: '
                'trackstore backup FILE FOLDER')
    if uri.startswith('postgres'):
        return ('is in PostgreSQL, which has its own means: pg_dump, or '
                'pg_basebackup with its log')
    return 'is no file; a backup is made of the path of a database file'


def _make(folder):
    try:
        os.mkdir(folder)
    except OSError as error:
        raise BackupError(
            f'folder: {without_password(folder)!r} cannot be made: '
            f'{error.strerror}') from error


@contextmanager
def locked(path, what):
    try:
        lock = LockFile(path)
    except LockError as error:
        raise BackupError(f'{what!r} is in use by another process') from error
    try:
        yield
    finally:
        lock.close()


def _identity(store):
    """Return what a pack changes."""
    try:
        found = os.stat(store)
    except FileNotFoundError:  # for a moment, there is none
        return None
    return found.st_dev, found.st_ino


def _wait_for_a_free_second(folder):
    """Wait until no part has the name that the next one gets."""
    newest = max((part.moment for part in parts(folder)), default=0)
    if newest > timegm(time.gmtime()) + 1:
        raise BackupError(
            f'folder: {folder!r} has a backup of {shown(newest)}, which is still to '
            f'come; set the clock, or use another folder')
    # repozo asks gmtime(), which may lag behind time() by some milliseconds
    while timegm(time.gmtime()) <= newest:
        time.sleep(0.005)


@contextmanager
def _undoing(folder):
    """Yield a function that takes the folder back to how it was; call it on errors."""
    names = set(os.listdir(folder))
    lists = {name: _bytes(os.path.join(folder, name))
             for name in names if name.endswith('.dat')}

    def undo():
        for name in set(os.listdir(folder)) - names:
            os.remove(os.path.join(folder, name))
        for name, content in lists.items():
            path = os.path.join(folder, name)
            if _bytes(path) != content:
                with open(path, 'wb') as file:
                    file.write(content)

    try:
        yield undo
    except BaseException:
        undo()
        raise


def _bytes(path):
    with open(path, 'rb') as file:
        return file.read()


# listing and verifying

def parts(folder: str | os.PathLike) -> list[Part]:
    """Return the parts that a folder has, the oldest first."""
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        raise BackupError(f'folder: there is no folder {without_password(folder)!r}')
    there = set(os.listdir(folder))
    ends = {name: end for each in there if each.endswith('.dat')
            for name, _, end, _ in listing(os.path.join(folder, each))}
    found = []
    for name in sorted(filter(NAME.match, there | ends.keys())):
        stem, delta = NAME.match(name).groups()
        path = os.path.join(folder, name)
        found.append(Part(
            path, timegm(time.strptime(stem, MOMENT)), not delta,
            os.path.getsize(path) if name in there else None, ends.get(name)))
    return found


def listing(full):
    """Return name, start, end and check sum of each part of a series."""
    try:
        lines = os.fsdecode(_bytes(f'{os.path.splitext(full)[0]}.dat')).splitlines()
    except FileNotFoundError:
        return []
    found = []
    with suppress(ValueError):  # what follows a hurt line is not known
        for line in lines:
            # the path may have blanks in it, and may have been another one once
            path, start, end, digest = line.rsplit(None, 3)
            found.append((os.path.basename(path), int(start), int(end), digest))
    return found


def series_of(folder):
    """Return lists of the parts that belong together, the oldest first."""
    series = []
    for part in parts(folder):
        if part.full:
            series.append([])
        if series:
            series[-1].append(part)
    return series


def verify(folder: str | os.PathLike, progress=None) -> list[str]:
    """Compare every part with its check sum; return a sentence for each problem.

    ``progress(done, total)`` is called with numbers of bytes.
    """
    problems, done = [], 0
    series = series_of(folder)
    total = sum(part.bytes or 0 for each in series for part in each)
    if not series:
        problems.append(f'{os.fspath(folder)} has no backup')
    for each in series:
        listed = listing(each[0].path)
        there = {os.path.basename(part.path): part for part in each}
        position = 0
        for name, start, end, digest in listed:
            if start != position:
                problems.append(f'{name} begins at {start}, should be {position}')
            position = end
            problems += problems_of(there.pop(name, None), name, end - start, digest)
        problems += [f'{name} has not been completed' for name in there]
        done += sum(part.bytes or 0 for part in each)
        if progress is not None:
            progress(done, total)
    return problems


def problems_of(part, name, length, digest):
    if part is None or part.bytes is None:
        return [f'{name} is missing']
    try:
        with (gzip.open if part.path.endswith('z') else open)(part.path, 'rb') as file:
            found, actual = repozo.checksum_and_size(file)[::-1]
    except UNREADABLE as error:
        return [f'{name} cannot be read: {why(error)}']
    if found != length:
        return [f'{name} has {found:,} bytes, should be {length:,}']
    return [] if actual == digest else [f'{name} is not as it was written']


def prune(folder: str | os.PathLike, keep: int) -> list[Part]:
    """Remove all but the newest ``keep`` series; return the parts removed.

    One whose full backup has not been completed, or is gone, does not count.
    """
    if not isinstance(keep, int) or keep < 1:
        raise BackupError(
            f'keep: {keep!r} is no number of series; allowed is 1 or more')
    with locked(os.path.join(folder, LOCK), os.fspath(folder)):
        series = series_of(folder)
        usable = [number for number, each in enumerate(series)
                  if None not in (each[0].store, each[0].bytes)]
        kept = usable[-keep] if len(usable) >= keep else 0
        removed = [part for each in series[:kept] for part in each]
        for part in removed:
            stem = os.path.splitext(part.path)[0]
            for path in (part.path, f'{stem}.index', f'{stem}.dat'):
                with suppress(FileNotFoundError):
                    os.remove(path)
    return removed


def shown(at):
    """Return a moment in UTC."""
    return time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(at)) + ' UTC'


def why(error):
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return ' '.join(str(error).split()) or type(error).__name__
