"""Opening a store by path or URI."""

from __future__ import annotations

import builtins
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import transaction
from zc.lockfile import LockError
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

from trackstore.exceptions import OpenError
from trackstore.storage import TrackingStorage
from trackstore.track import Track

_URI = re.compile(r'[a-z][a-z0-9+.-]+:', re.IGNORECASE)
_PASSWORD = re.compile(r'(//[^/@:]*:)[^/@]*(@)')


@contextmanager
def open(where: str | os.PathLike, name: str = 'tracks', create: bool = True,
         readOnly: bool = False,
         trackFactory: type[Track] | None = None) -> Iterator[TrackingStorage]:
    """Open a database and yield the tracking storage in it.

    ``where``
        the path of a file, or a ZODB URI such as ``zeo://localhost:8100``
        (which needs the extra ``uri``)
    ``name``
        the key of the storage in the root of the database
    ``create``
        whether a database or storage that does not exist is made
    ``readOnly``
        whether a file is opened for reading only
    ``trackFactory``
        the class of the tracks of a storage that is made

    The transaction is committed at the end, or aborted if there was an
    exception, and the database is closed.  What cannot be opened is an
    ``OpenError``.
    """
    db = database(where, create and not readOnly, readOnly)
    try:
        manager = transaction.TransactionManager()
        connection = db.open(manager)
        try:
            storage = _storage(
                connection, where, name, create and not readOnly, trackFactory)
            if storage._p_jar is None:
                manager.commit()  # so that it is in the database from the start
            yield storage
            manager.commit()
        except BaseException:
            manager.abort()
            raise
        finally:
            connection.close()
    finally:
        db.close()


def _storage(connection, where, name, create, trackFactory):
    root = connection.root()
    storage = root.get(name)
    if storage is None and create:
        storage = root[name] = TrackingStorage(trackFactory=trackFactory)
    if not isinstance(storage, TrackingStorage):
        found = 'nothing' if storage is None else repr(type(storage).__qualname__)
        raise OpenError(
            f'name: the root of {where!s} has {found} under {name!r}; wanted is a '
            f'TrackingStorage')
    storage._understood()  # a FormatError where it is of a newer format
    if trackFactory not in (None, storage.trackFactory):
        raise OpenError(
            f'trackFactory: {where!s} has tracks of {storage.trackFactory!r}; '
            f'allowed are that class and None')
    return storage


def database(where: str | os.PathLike, create: bool = True,
             readOnly: bool = False) -> DB:
    """Open a database, whatever is in it; the arguments are those of ``open``."""
    if not isinstance(where, (str, os.PathLike)):
        raise OpenError(
            f'where: {where!r} is no place; allowed are the path of a database '
            f'file and a ZODB URI')
    where = os.fspath(where)
    if _URI.match(where) and not os.path.exists(where):
        return _database_from_uri(where)
    if not where or os.path.isdir(where):
        raise OpenError(
            f'where: {where!r} is no file; allowed are the path of a database '
            f'file and a ZODB URI')
    if not os.path.exists(where):
        if not create:
            raise OpenError(f'where: there is no database at {where!r}')
        folder = os.path.dirname(os.path.abspath(where))
        if not os.path.isdir(folder):
            raise OpenError(f'where: there is no folder {folder!r}')
    elif not _looks_right(where):
        raise OpenError(
            f'where: {where!r} is no ZODB database; its first bytes are not '
            f'those of a FileStorage')
    try:
        return DB(FileStorage(where, read_only=readOnly))
    except LockError as error:
        raise OpenError(
            f'where: {where!r} is open already, here or in another process; '
            f'allowed is one at a time, or readOnly=True, or a server such as '
            f'ZEO') from error


def _looks_right(where):
    """Tell whether a file is empty or begins as a FileStorage does."""
    with builtins.open(where, 'rb') as file:
        return file.read(4) in (b'', b'FS21', b'FS30')


def _database_from_uri(uri):
    shown = _PASSWORD.sub(r'\1***\2', uri)
    try:
        import zodburi
    except ImportError as error:
        raise OpenError(
            f'where: {shown!r} is a URI, which needs zodburi: '
            f"pip install 'trackstore[uri]'") from error
    try:
        factory, arguments = zodburi.resolve_uri(
            re.sub('^postgresql:', 'postgres:', uri))  # as RelStorage calls it
        storage = factory()
    except Exception as error:  # every engine has its own
        why = str(error.args[0] if error.args else error).strip() or repr(error)
        if isinstance(error, KeyError) and uri.startswith('postgres'):
            why = "it needs RelStorage: pip install 'trackstore[postgres]'"
        raise OpenError(
            f'where: {shown!r} cannot be opened: {why}') from error
    try:
        return DB(storage, **arguments)
    except BaseException:
        storage.close()
        raise
