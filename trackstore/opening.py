"""Opening a store by path or URI."""

from __future__ import annotations

import builtins
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from zc.lockfile import LockError, LockFile
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage
from ZODB.POSException import ReadOnlyError

from trackstore import engines, finding
from trackstore.exceptions import OpenError
from trackstore.storage import TrackingStorage
from trackstore.track import Track
from trackstore.transactions import OwnManager

FILE_URI = 'file://'

_READ_ONLY = re.compile(r'[?&]read_only=(?!0(?:&|\Z))')
_URI = re.compile(r'[a-z][a-z0-9+.-]+:', re.IGNORECASE)
_PASSWORDS = [re.compile(each, re.DOTALL | re.IGNORECASE) for each in (
    r'(//[^/:]*:).*(@)',
    r'([?&](?:password|passwd|pwd)=)[^&]*()',
    # slips: a slash is missing or in the name, or the host is left out
    r'(\bpostgres(?:ql)?:/*[^:@]*:).*(@)',
    r'(\bpostgres(?:ql)?:/*[^:/?@]*:)(?!\d+(?:[/?]|\Z))[^/?@]*((?:[/?][^@]*)?)\Z',
)]
_USER_AND_PASSWORD = re.compile(r'([^:@]*:)(?!/).*(@)', re.DOTALL)
# As a line of a configuration has it, which its error shows.
_SET_PASSWORD = re.compile(
    r'''\b((?:password|passwd|pwd)\s*=\s*)('[^'"]*'|\S+)''', re.IGNORECASE)
_POSTGRES = re.compile(r'postgres(ql)?:', re.IGNORECASE)
# What RelStorage reads as it stands: it does not decode %40, and it puts the
# parts between the quotes of a connection string.
_WHOLE_POSTGRES = re.compile(
    r"[a-z]+://[^/?#:'\\\s]+:[^/?#'\\\[\]\s]+@[^/?#@'\\\s]+:\d+/[^/?#'\\\s]+"
    r'(\?[^#]*)?', re.IGNORECASE)

# How RelStorage, or else PostgreSQL, says that a database is of the other kind.
_OTHER_HISTORY = [
    ('a history-free adapter can not connect', 'with', 'true'),
    ('a history-preserving adapter can not connect', 'without', 'false'),
    ('no unique constraint matching given keys for referenced table "object_state"',
     'without', 'false')]


@contextmanager
def open(where: str | os.PathLike, name: str = 'tracks', create: bool = True,
         readOnly: bool = False,
         trackFactory: type[Track] | None = None) -> Iterator[TrackingStorage]:
    """Open a database and yield the tracking storage in it.

    ``where``
        the path of a file, or a ZODB URI such as ``zeo://localhost:8100``
        (which needs the extra ``uri``)
    ``name``
        the key of the storage in the root of the database, or the path to it: keys
        of mappings and attributes of objects, joined by ``/``
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
        manager = OwnManager()
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
    shown = without_password(os.fspath(where))
    root = connection.root()
    storage = finding.find(root, name)
    if storage is None and create:
        storage = finding.make(root, name, trackFactory)
    if not isinstance(storage, TrackingStorage):
        raise OpenError(
            f'name: the root of {shown} has {finding.told(storage)} under {name!r}; '
            f'wanted is a TrackingStorage{finding.instead(root, name)}')
    storage._understood()  # a FormatError where it is of a newer format
    if trackFactory not in (None, storage.trackFactory):
        raise OpenError(
            f'trackFactory: {shown} has tracks of {storage.trackFactory!r}; '
            f'allowed are that class and None')
    return storage


def database(where: str | os.PathLike, create: bool = True,
             readOnly: bool = False) -> DB:
    """Open a database, whatever is in it; the arguments are those of ``open``."""
    storage, arguments = open_storage(where, create, readOnly)
    try:
        return DB(storage, **arguments)
    except ReadOnlyError as error:
        storage.close()
        if not is_uri(os.fspath(where)):
            raise
        raise OpenError(
            f'where: there is no database at {_told(where)} yet, and it '
            f'is opened for reading only') from error
    except BaseException:
        storage.close()
        raise


def open_storage(where: str | os.PathLike, create: bool = True,
                 readOnly: bool = False) -> tuple:
    """Open the ZODB storage of a place; return it and the arguments of its ``DB``.

    Nothing is written to it: a new one does not even have a root.
    """
    if not isinstance(where, (str, os.PathLike)):
        raise OpenError(
            f'where: {where!r} is no place; allowed are the path of a database '
            f'file and a ZODB URI')
    where = os.fspath(where)
    storage, arguments = (
        _storage_from_uri(where, create, readOnly) if is_uri(where)
        else (_file_storage(where, create, readOnly), {}))
    engines.mend(storage)
    return storage, arguments


def _file_storage(where, create, readOnly):
    path = followed(where)
    _take_back_pack(path, readOnly)
    check_file(where, create)
    with _one_at_a_time(where):
        return _at_its_place(
            where, path, readOnly, lambda: FileStorage(path, read_only=readOnly))


def check_file(where: str, create: bool = True) -> None:
    """Raise the OpenError of opening a file, as far as can be told without opening."""
    if not where or os.path.isdir(where):
        raise OpenError(
            f'where: {_told(where)} is no file; allowed are the path of a database '
            f'file and a ZODB URI')
    path = followed(where)
    if not os.path.exists(path):
        if not create:
            raise OpenError(f'where: there is no database at {_told(where)}')
        folder = os.path.dirname(os.path.abspath(path))
        if not os.path.isdir(folder):
            raise OpenError(f'where: there is no folder {_told(folder)}')
    _must_not_be_special(where, path)
    if os.path.exists(path) and not _looks_right(path):
        raise OpenError(
            f'where: {_told(where)} is no ZODB database; its first bytes are not '
            f'those of a FileStorage')


def _must_not_be_special(where, path):
    """Reading a pipe would wait for ever."""
    if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise OpenError(
            f'where: {where!r} is a device or a pipe; allowed are the path of a '
            f'database file and a ZODB URI')


def followed(path: str) -> str:
    """Return the path of a file itself where the last part of a path is a link.

    A FileStorage has its lock beside the path that it is given, so by another
    spelling the file could be opened twice, and a pack would put a file where
    the link was.
    """
    return os.path.realpath(path) if os.path.islink(path) else path


def _at_its_place(link, path, readOnly, opened):
    """Open a file by its own path; where there is a link, with the lock of that, too.

    Others, such as runzeo, may have it open by the link.
    """
    if path == link or readOnly:
        return opened()
    lock = LockFile(f'{link}.lock')
    try:
        storage = opened()
    except BaseException:
        lock.close()
        raise
    close = storage.close

    def close_and_release():
        close()
        lock.close()

    storage.close = close_and_release
    return storage


@contextmanager
def _one_at_a_time(where):
    try:
        yield
    except LockError as error:
        raise OpenError(
            f'where: {_told(where)} is open already, here or in another process; '
            f'allowed is one at a time, or readOnly=True, or a server such as '
            f'ZEO') from error


def is_uri(where: str) -> bool:
    """Tell whether a place is a URI; a file of that name comes first."""
    return bool(_URI.match(where)) and not os.path.exists(where)


def path_of(where: str) -> str | None:
    """Return the path of a place that is a file, or None."""
    if where.startswith(FILE_URI):
        return where[len(FILE_URI):].partition('?')[0]
    return None if is_uri(where) else where


def without_password(where: str) -> str:
    """Return a place as it may be shown."""
    shown = _hidden(where)
    return shown if shown != where else _USER_AND_PASSWORD.sub(r'\1***\2', where, 1)


def _told(where):
    return repr(without_password(os.fspath(where)))


def _hidden(text):
    for each in _PASSWORDS:
        text = each.sub(r'\1***\2', text)
    return text


def _pack_was_cut_short(where):
    """Tell whether a pack ended between moving the file away and its successor in."""
    return not os.path.exists(where) and (
        os.path.exists(where + '.old') and os.path.exists(where + '.pack'))


def _take_back_pack(where, readOnly):
    """Move a file back that a pack has moved away, unless it is still at work."""
    if not _pack_was_cut_short(where):
        return
    if readOnly:
        raise OpenError(
            f'where: {where!r} was being packed when its process ended, and is '
            f'{where + ".old"!r} now; open it for writing once, to move it back')
    with _one_at_a_time(where):
        lock = LockFile(where + '.lock')
    try:
        if _pack_was_cut_short(where):
            os.rename(where + '.old', where)
    finally:
        lock.close()


def _looks_right(where):
    """Tell whether a file is empty or begins as a FileStorage does."""
    with builtins.open(where, 'rb') as file:
        return file.read(4) in (b'', b'FS21', b'FS30')


def _storage_from_uri(uri, create, readOnly):
    shown = without_password(uri)  # as it is given
    link = path = path_of(uri) or ''
    if path:
        path = followed(link)
        readOnly = readOnly or bool(_READ_ONLY.search(uri))
        _take_back_pack(path, readOnly)
        if not (create or os.path.exists(path)):
            raise OpenError(f'where: there is no database at {_told(link)}')
        _must_not_be_special(link, path)
        uri = _of_file(uri, path, readOnly)
    factory, arguments = resolved(uri, shown)
    try:
        return _at_its_place(link, path, readOnly, factory), arguments
    except Exception as error:  # every engine has its own
        raise _cannot_be_opened(error, uri, shown) from error


def resolved(uri: str, shown: str | None = None) -> tuple:
    """Return what opens the storage of a URI, and the arguments of its database.

    Nothing is opened; ``shown`` is what errors call the URI.
    """
    shown = without_password(uri) if shown is None else shown
    try:
        import zodburi
    except ImportError as error:
        raise OpenError(
            f'where: {shown!r} is a URI, which needs zodburi: '
            f"pip install 'trackstore[uri]'") from error
    if _POSTGRES.match(uri) and not _WHOLE_POSTGRES.fullmatch(uri):
        raise OpenError(
            f'where: {shown!r} is no URI of a PostgreSQL database; wanted is '
            f'postgres://USER:PASSWORD@HOST:PORT/DATABASE with all of these and '
            f"without spaces and / ? # [ ] ' \\ in them; what this cannot say, "
            f'zconfig:///FILE can')
    try:
        return zodburi.resolve_uri(
            _POSTGRES.sub('postgres:', uri, count=1))  # as RelStorage calls it
    except Exception as error:
        raise _cannot_be_opened(error, uri, shown) from error


def _cannot_be_opened(error, uri, shown):
    why = _SET_PASSWORD.sub(r'\1***', _hidden(_why(error, uri)))
    return OpenError(f'where: {shown!r} cannot be opened: {why}')


def _of_file(uri, path, readOnly):
    """Return the URI of a file with its own path, and for reading only if asked."""
    options = uri.partition('?')[2]
    if readOnly and not _READ_ONLY.search(uri):
        # Without it a file that ends in half a transaction would be cut.
        options = '&'.join(filter(None, [options, 'read_only=1']))
    return f'{FILE_URI}{path}?{options}' if options else FILE_URI + path


def _why(error, uri):
    """Return what is wrong with a URI as one line."""
    why = str(error.args[0] if isinstance(error, KeyError) and error.args else error)
    if (_POSTGRES.match(uri) and why.startswith('No resolver found')
            or "No module named 'relstorage" in why):
        return "it needs RelStorage: pip install 'trackstore[postgres]'"
    driver = getattr(error, 'driver_name', None)  # RelStorage's way of saying this
    if driver is not None:
        driver = 'psycopg2' if driver == 'auto' else driver
        return (f'the driver {driver!r} is not there; '
                f"pip install 'trackstore[postgres]' brings psycopg2")
    for sign, made, allowed in _OTHER_HISTORY:
        if sign in why:
            return (f'Schema mismatch: the database was made {made} history; allowed '
                    f'is keep_history={allowed}')
    if why.startswith('no replacement for ') and hasattr(error, 'lineno'):
        return (f'in line {error.lineno} of the configuration a $ is before what is '
                f'no name that it defines; write $$ for a $')
    why = why.partition('\nLINE ')[0]  # there PostgreSQL shows its own statement
    return ' '.join(why.split()) or repr(error)
