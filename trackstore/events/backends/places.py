"""Where a tracking storage is that events are saved to."""

import atexit
import contextlib
import os
import random
import threading
import time
import weakref

from ZODB.POSException import ConflictError

from trackstore import finding, opening
from trackstore.events import checks
from trackstore.events.configuration import imported
from trackstore.events.exceptions import ConfigurationError, DeliveryError
from trackstore.exceptions import OpenError
from trackstore.storage import TrackingStorage
from trackstore.transactions import OwnManager

#: So often a transaction is tried that conflicts with others.
TRIES = 10

#: The places that there are, for the child of a fork.
_places = weakref.WeakSet()


def place_of(where, storage, database, name):
    """Return the place that one of the first three arguments says."""
    given = {key: value for key, value in (
        ('where', where), ('storage', storage), ('database', database))
        if value is not None}
    if len(given) != 1:
        raise ConfigurationError(
            f'where, storage, database: {", ".join(given) or "none"} given; exactly '
            f'one is wanted')
    if not (isinstance(name, str) and name):
        raise ConfigurationError(
            f'name: {name!r} is no name of a storage; allowed is text')
    if storage is not None:
        return Joined(_callable(storage, 'storage'))
    if database is not None:
        return Given(_callable(database, 'database'), name)
    if not isinstance(where, (str, os.PathLike)):
        raise ConfigurationError(
            f'where: {where!r} is no place; allowed are the path of a database file '
            f'and a ZODB URI')
    return Opened(where, name)


def _callable(value, name):
    value = imported(value, name) if isinstance(value, str) else value
    if not callable(value):
        raise ConfigurationError(f'{name}: {value!r} cannot be called')
    return value


class Joined:
    """The storage of the caller's connection, in the caller's transaction."""

    joins = True

    def __init__(self, storage):
        self._storage = storage

    def change(self, work):
        """Return what ``work(storage)`` returns; nothing is committed."""
        return work(_checked(self._storage(), 'storage'))

    def close(self):
        pass


class Given:
    """A storage in a database that somebody has opened; a transaction each time."""

    joins = False

    def __init__(self, database, name):
        self._open = database
        self._name = name
        self._db = self._connection = self._process = None
        self._renew()
        _places.add(self)

    def _renew(self):
        """Have a lock of its own, right after a fork that found it locked."""
        self._lock = threading.RLock()
        self._busy = False

    def change(self, work):
        """Commit ``work(storage)`` and return what it returned.

        It is tried again after a conflict; after any other error nothing of it is
        left.
        """
        with self._lock:
            self._check_free()
            self._busy = True
            try:
                return self._changed(work)
            finally:
                self._busy = False

    def _check_free(self):
        """Refuse what this thread wants while it is at a transaction here.

        An object that is saved may emit, or a handler of the log or of a signal.
        """
        if self._busy:
            raise DeliveryError(
                'an event that is emitted while another one is saved cannot be saved '
                'there; an AsyncRoutingBackend above would take it')

    def _changed(self, work):
        connection = self._connected()
        manager = connection.transaction_manager
        for tried in range(1, TRIES + 1):
            manager.begin()
            try:
                result = work(self._storage(connection))
                manager.commit()
                return result
            except ConflictError:
                manager.abort()
                if tried == TRIES:
                    raise
                time.sleep(random.uniform(0, 0.005 * 2 ** tried))
            except BaseException:
                manager.abort()
                raise

    def close(self):
        with self._lock:
            self._check_free()
            connection, self._connection = self._connection, None
            if connection is not None and self._process == os.getpid():
                connection.close()
                self._release()

    def rest(self):
        """Close until the next change, but wait for no thread that is saving."""
        if self._lock.acquire(blocking=False):
            try:
                if not self._busy:
                    self.close()
            finally:
                self._lock.release()

    def _release(self):
        """Let go of the database."""

    def _connected(self):
        if self._connection is None or self._process != os.getpid():
            # What a process had open before a fork belongs to that process.
            self._db = self._open()
            self._connection = self._db.open(OwnManager())
            self._process = os.getpid()
        return self._connection

    def _storage(self, connection):
        root = connection.root()
        storage = finding.find(root, self._name)
        if storage is None:
            storage = finding.make(root, self._name)
        return _checked(storage, f'name: {self._name!r}')


def _renew_all():
    _shared.renew()
    for place in list(_places):
        place._renew()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_renew_all)


def _check_uri(where):
    """Raise an error for a URI of nothing; whether a server is there shows later."""
    if (path := opening.path_of(where)) is not None:
        checks.file_path(path, 'where')
    try:
        opening.resolved(where)
    except OpenError as error:
        raise ConfigurationError(str(error)) from None  # which may show a password


class Opened(Given):
    """A storage in a database that is opened when it is needed first."""

    def __init__(self, where, name):
        where = os.fspath(where)
        if opening.is_uri(where):
            _check_uri(where)
        else:  # absolute, as the process may go to another folder
            where = checks.file_path(where, 'where')
        super().__init__(lambda: _shared.open(where), name)

    def _release(self):
        _shared.release(self._db)


@atexit.register
def end_all(**options):
    """Let the next process find the index of a file, and not read all of it."""
    for place in list(_places):
        if isinstance(place, Opened):
            with contextlib.suppress(Exception):  # as where the file is gone
                place.rest()


class _Shared:
    """The databases that are open: one for all places in the same file."""

    def __init__(self):
        self.renew()

    def renew(self):
        """Begin anew, right after a fork: what is open is the parent's."""
        self._lock = threading.Lock()
        self._open = {}

    def open(self, where):
        with self._lock:
            key = where if opening.is_uri(os.fspath(where)) else os.path.realpath(where)
            if key not in self._open:
                self._open[key] = [opening.database(where), 0]
            self._open[key][1] += 1
            return self._open[key][0]

    def release(self, db):
        with self._lock:
            key, = (key for key, entry in self._open.items() if entry[0] is db)
            self._open[key][1] -= 1
            if not self._open[key][1]:
                del self._open[key]
                db.close()


_shared = _Shared()


def _checked(storage, place):
    if not isinstance(storage, TrackingStorage):
        raise ConfigurationError(
            f'{place}: {storage!r} is there; wanted is a TrackingStorage')
    return storage
