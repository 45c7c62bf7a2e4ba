"""A file with an event a line, to which many threads and processes may write.

Each write takes the lock of the file it writes to (``flock``), sees that the path
still leads to that file, and writes whole lines with one call.  Whoever finds that
the file is full, or that it is of an earlier hour or day, renames it while he has the
lock; the others find another file, or none, at the path and open that.
"""

import os
import threading

from zope.interface import implementer

from trackstore import timestamps
from trackstore.events import checks
from trackstore.events.backends.oldfiles import OldFiles
from trackstore.events.exceptions import ConfigurationError, DeliveryError
from trackstore.events.forks import renewed_after_fork
from trackstore.events.interfaces import IBatchBackend
from trackstore.events.latelog import LateLog, logged_after
from trackstore.events.slowlog import SlowLog
from trackstore.events.wire import wire_text

try:
    import fcntl
except ImportError:  # Windows: the lock is that of the threads alone
    fcntl = None

log = LateLog(__name__)

PERIODS = {'hour': 3600, 'day': 86400}


@implementer(IBatchBackend)
class JSONLinesBackend:
    """Appends each event to a file, as a line of JSON in UTF-8.

    ``path``
        the file; its folder must exist
    ``max_bytes``
        a file is put away before it would be larger, None for no limit
    ``every``
        a file is put away when its ``'hour'`` or ``'day'`` (in UTC) is over, or
        after so many seconds, counted from the epoch; None for never
    ``keep``
        so many old files are kept, None for all
    ``compress``
        whether old files are packed with gzip, in a thread of their own
    ``sync``
        whether each write waits until it is on the disk

    An old file has the time of its last line in its name:
    ``events.jsonl.20261121T235959.000000Z``.
    """

    #: Queues need make no copies: an event is only read.
    leaves_events_alone = True

    def __init__(self, path, max_bytes=None, every=None, keep=10, compress=False,
                 sync=False):
        self.path = _path(path)
        self._max_bytes = checks.whole(max_bytes, 'max_bytes', none=True)
        self._period = _period(every)
        self._old = OldFiles(self.path, checks.whole(keep, 'keep', 0, none=True),
                             checks.flag(compress, 'compress'))
        self._sync = checks.flag(sync, 'sync')
        self._lock = threading.Lock()
        self._slow = SlowLog(log)
        self._file = None
        self._size = 0  # of the file after our last write
        renewed_after_fork(self)

    def send(self, event):
        self._append((wire_text(event) + '\n').encode())

    def send_many(self, events):
        """Write the lines of all events with one call."""
        if events:
            self._append(''.join(wire_text(event) + '\n' for event in events).encode())

    def flush(self):
        """Wait until what was written is on the disk."""
        with self._lock:
            if self._file is not None:
                os.fsync(self._file)

    def close(self):
        """Close the file and wait until old ones are packed; ``send`` reopens it."""
        with self._lock:
            self._close()
        self._old.wait()

    def after_fork(self):
        """Let go of the file: its lock is shared with the parent process."""
        self._lock = threading.Lock()
        self._close()
        self._old.after_fork()

    def _append(self, lines):
        with logged_after(), self._lock:
            try:
                self._write(lines, self._locked(len(lines)))
                _unlock(self._file)
            except OSError as error:
                self._close()
                raise DeliveryError(
                    f'path: {self.path!r} cannot be written to: '
                    f'{error.strerror or error}') from error
            except BaseException:  # the lock goes with the file
                self._close()
                raise

    def _locked(self, coming):
        """Open and lock the file that the path leads to, and return its size.

        A file that has no room for as many bytes, or is of an earlier period, is put
        away first.
        """
        while True:
            if self._file is None:
                self._open()
            _lock(self._file)
            state = os.fstat(self._file)
            if not self._is_there(state):  # somebody else has put it away
                self._close()
            elif not self._is_due(state, coming) or not self._put_away(state):
                return state.st_size

    def _is_there(self, state):
        try:
            return os.path.samestat(state, os.stat(self.path))
        except FileNotFoundError:
            return False

    def _is_due(self, state, coming):
        if not state.st_size:
            return False
        if self._max_bytes is not None and state.st_size + coming > self._max_bytes:
            return True
        # The time of the last line is that of the file: every writer sees the same.
        return self._period is not None and (
            state.st_mtime // self._period < timestamps.clock() // self._period)

    def _put_away(self, state):
        """Let go of the file as an old one; False where that is not possible."""
        if fcntl is None:
            self._close()  # an open file cannot be renamed there
        try:
            self._old.take(state.st_mtime_ns)
        except FileNotFoundError:  # somebody without our lock was faster
            pass
        except OSError as error:  # events are worth more than the size of a file
            self._slow.warning('%s cannot be put away, and grows: %s', self.path, error)
            if self._file is None:
                self._open()
            return False
        self._close()
        return True

    def _write(self, lines, size):
        if size and size != self._size and self._last_byte(size) != b'\n':
            lines = b'\n' + lines  # somebody was killed while he wrote a line
        written = 0
        try:
            while written < len(lines):
                written += os.write(self._file, lines[written:] if written else lines)
            if self._sync:
                os.fsync(self._file)
        except OSError:
            # No half line: what a full disk had room for is taken back.
            if written and os.fstat(self._file).st_size == size + written:
                os.ftruncate(self._file, size)
            raise
        self._size = size + written

    def _last_byte(self, size):
        os.lseek(self._file, size - 1, os.SEEK_SET)
        return os.read(self._file, 1)

    def _open(self):
        self._file = os.open(
            self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT
            | getattr(os, 'O_CLOEXEC', 0) | getattr(os, 'O_BINARY', 0), 0o666)
        self._size = 0
        if self._sync and fcntl is not None:
            _sync_folder(os.path.dirname(self.path))

    def _close(self):
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def _path(path):
    if not isinstance(path, (str, os.PathLike)) or not (given := os.fspath(path)):
        raise ConfigurationError(
            f'path: {path!r} is no path; allowed is the path of a file')
    path = checks.file_path(given, 'path')
    if os.path.islink(path) and (os.path.isfile(path) or not os.path.exists(path)):
        # put away where it is, not in the link's folder; /dev/stdout may be no file
        return checks.file_path(os.path.realpath(path), 'path')
    return path


def _period(every):
    if every is None:
        return None
    if isinstance(every, str) and every in PERIODS:
        return PERIODS[every]
    if type(every) is not int or every < 1:
        raise ConfigurationError(
            f"every: {every!r} is no period; allowed are 'hour', 'day', whole numbers "
            f'of seconds from 1, and None')
    return every


def _lock(file):
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX)


def _unlock(file):
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_UN)


def _sync_folder(path):
    """Have the disk know that there is a new file."""
    folder = os.open(path, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
