"""Events on disk: what a queue has not delivered yet.

A process has a *set* of files in the folder, a folder of its own::

    orders.4711.5f3a9c.lock         locked (flock) by the process that owns the set
    orders.4711.5f3a9c/
        0000000000000001.events     events, the name tells the number of the first
        position                    up to which number each backend has them

When the owner has died its lock is free: then another process takes the set over.
"""

import errno
import fcntl
import json
import os
import secrets
import shutil
import zlib
from contextlib import suppress
from urllib.parse import quote

from trackstore.events.carriers.reading import READ
from trackstore.events.latelog import LateLog
from trackstore.events.slowlog import SlowLog

#: A file of more bytes is followed by another one.
SEGMENT = 16 * 2 ** 20

ENDING = '.events'
LOCK = '.lock'
POSITION = 'position'

log = LateLog(__name__)
_slow = SlowLog(log)


class SpillFull(OSError):
    """The files have as many bytes as they may have."""

    def __init__(self, path, limit):
        super().__init__(errno.EDQUOT, f'more than {limit:,} bytes', path)


class SpillFolder:
    """Where the sets of a backend are, by its name; others may be there, too.

    ``limit`` is how many bytes a set may have, ``sync`` whether each event is
    brought to the disk before the caller goes on.
    """

    def __init__(self, path, name, limit, sync=False):
        self.path = os.path.abspath(path)
        self.name = quote(name, safe='')
        self.limit = limit
        self.sync = sync

    def check(self):
        """Make the folder; an OSError where nothing can be written in it."""
        os.makedirs(self.path, 0o700, exist_ok=True)
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, 'it cannot be written to', self.path)

    def new(self):
        """Return a new set, owned by this process."""
        os.makedirs(self.path, 0o700, exist_ok=True)
        while True:
            path = os.path.join(
                self.path, f'{self.name}.{os.getpid()}.{secrets.token_hex(4)}')
            lock = _locked(path + LOCK)
            if lock is None:
                continue
            try:  # only now, so that what can be seen is locked
                os.mkdir(path, 0o700)
            except BaseException:
                _unlocked(lock, path)
                raise
            if self.sync:
                _sync_folder(self.path)
            return Spill(path, lock, self.limit, self.sync)

    def orphans(self):
        """Take over the sets of processes that have ended, and yield them."""
        try:
            names = sorted(os.listdir(self.path))
        except FileNotFoundError:
            return
        for name in names:
            path = os.path.join(self.path, name)
            if name.removesuffix(LOCK).rsplit('.', 2)[0] != self.name or (
                    name.count('.') < 2):
                continue
            try:
                if name.endswith(LOCK):
                    self._clear(path)
                    continue
                spill = self._taken_over(path)
            except OSError as error:    # the others are to be had all the same
                _slow.error('%s: spilled events cannot be taken over: %s',
                            path, error)
                continue
            if spill is not None:
                yield spill

    def _taken_over(self, path):
        """Return the set at a path, None where it is another process's or is gone."""
        if not os.path.isdir(path) or (lock := _locked(path + LOCK)) is None:
            return None
        if not os.path.isdir(path):  # it may have been delivered meanwhile
            _unlocked(lock, path)
            return None
        try:
            return Spill(path, lock, self.limit, self.sync)
        except BaseException:
            os.close(lock)
            raise

    def _clear(self, lock):
        """Remove the lock of a set that is gone."""
        path = lock.removesuffix(LOCK)
        if not os.path.exists(path) and (file := _locked(lock)) is not None:
            if os.path.exists(path):
                os.close(file)
            else:
                _unlocked(file, path)


def _locked(path):
    """Return the descriptor of a locked file, None where another one has locked it."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(path).st_ino == os.fstat(file).st_ino:
            return file
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(file)
    return None


def _unlocked(file, path):
    """Remove and release the lock of a set."""
    with suppress(FileNotFoundError):
        os.unlink(path + LOCK)
    os.close(file)


class Spill:
    """A set of files, owned by this process."""

    def __init__(self, path, lock, limit, sync):
        self.path = path
        self.limit = limit
        self._lock = lock
        self._sync = sync
        self._file = self._position = None
        self.segments = {}      # the name of each file and its length in whole lines
        for name in sorted(os.listdir(path)):
            if name.endswith(ENDING):
                self.segments[name] = _whole_lines(os.path.join(path, name))

    def __len__(self):
        """Return the number of bytes."""
        return sum(self.segments.values())

    # writing

    def append(self, first, lines):
        """Write lines, of which the first has this number: all of them, or none."""
        data = b''.join(lines)
        if len(self) + len(data) > self.limit:
            raise SpillFull(self.path, self.limit)
        name = next(reversed(self.segments), None)
        if self._file is None or self.segments[name] >= SEGMENT:
            name = self._new_segment(first)
        try:
            _written(self._file, data)
            if self._sync:
                getattr(os, 'fdatasync', os.fsync)(self._file)  # not on macOS
        except OSError:
            with suppress(OSError):
                os.ftruncate(self._file, self.segments[name])
            raise
        self.segments[name] += len(data)

    def _new_segment(self, first):
        name = f'{first:016x}{ENDING}'
        file = os.open(os.path.join(self.path, name),
                       os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._close_file()
        self._file = file
        self.segments[name] = 0
        if self._sync:
            _sync_folder(self.path)
        return name

    def note(self, positions):
        """Note up to which number each backend, by path, has the events."""
        text = json.dumps([[list(path), number] for path, number in positions.items()])
        data = text.encode()
        try:
            if self._position is None:
                self._position = os.open(os.path.join(self.path, POSITION),
                                         os.O_RDWR | os.O_CREAT, 0o600)
            os.pwrite(self._position, b'%08x %b\n' % (zlib.crc32(data), data), 0)
        except OSError as error:
            _slow.warning('%s: how far events are delivered cannot be noted: %s',
                          self.path, error)

    def drop(self, until):
        """Remove the files of which all events have numbers up to this one."""
        names = list(self.segments)
        for name, following in zip(names, names[1:], strict=False):
            if int(following.removesuffix(ENDING), 16) > until + 1:
                break
            self._unlink(name)

    def clear(self):
        """Remove all events: they are delivered."""
        self._close_file()
        for name in list(self.segments):
            self._unlink(name)

    def forget(self, name):
        """Go on without a file that somebody has removed."""
        if name == next(reversed(self.segments), None):
            self._close_file()
        self.segments.pop(name, None)

    def is_there(self):
        """Tell whether nobody has removed the folder of the set."""
        return os.path.isdir(self.path)

    def _unlink(self, name):
        with suppress(OSError):
            os.unlink(os.path.join(self.path, name))
        del self.segments[name]

    # reading

    def positions(self):
        """Return up to which number each backend, by path, has the events."""
        try:
            with open(os.path.join(self.path, POSITION), 'rb') as file:
                line = file.readline()
            if line[-1:] == b'\n' and int(line[:8], 16) == zlib.crc32(line[9:-1]):
                return {tuple(path): number for path, number in json.loads(line[9:])}
        except (OSError, ValueError):
            pass
        return {}

    # the end

    def remove(self):
        """Remove the files and the lock."""
        self.clear()    # first, since the position tells that all are delivered
        self.release()
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            _unlocked(self._lock, self.path)
            self._lock = None

    def close(self):
        """Leave the files to another process, or to this one later."""
        self.release()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def release(self):
        """Close the files but the lock."""
        self._close_file()
        if self._position is not None:
            os.close(self._position)
            self._position = None

    def _close_file(self):
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _written(file, data):
    view = memoryview(data)
    while view:
        view = view[os.write(file, view):]


def _sync_folder(path):
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _whole_lines(path):
    """Return the length of a file without a last line that was not written whole."""
    with open(path, 'rb') as file:
        size = file.seek(0, os.SEEK_END)
        end = size
        while end:
            start = max(0, end - READ)
            file.seek(start)
            newline = file.read(end - start).rfind(b'\n')
            if newline >= 0:
                end = start + newline + 1
                break
            end = start
    if end < size:
        log.warning('%s ends within an event, which is left out (%d bytes)',
                    path, size - end)
    return end
