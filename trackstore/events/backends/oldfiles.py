"""The old files of a log: named by time, packed, and removed when too many."""

import datetime
import gzip
import os
import re
import shutil
import threading

from trackstore.events.latelog import LateLog

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

FORMAT = '%Y%m%dT%H%M%S.%fZ'
PACKED = '.gz'
HALF = '.gz.part'

log = LateLog(__name__)

_utc = datetime.timezone.utc
_epoch = datetime.datetime(1970, 1, 1, tzinfo=_utc)
_tick = datetime.timedelta(microseconds=1)


class OldFiles:
    """The old files beside ``path``; ``keep`` of them stay, None for all."""

    def __init__(self, path, keep, compress):
        self._path = path
        self._folder, self._name = os.path.split(path)
        self._pattern = re.compile(
            re.escape(self._name) + r'\.(\d{8}T\d{6}\.\d{6}Z)(\.gz)?')
        self._keep = keep
        self._compress = compress
        self._thread = None

    def take(self, moment):
        """Make the file at the path an old one; ``moment`` is its time in ns.

        The caller has the lock of the file.  So two processes that do this do it one
        after the other: there is nothing at the path until the next file is made.
        """
        stamp = _epoch + moment // 1000 * _tick
        if stamps := self._stamps():  # names are in the order of the files
            last = datetime.datetime.strptime(max(stamps), FORMAT)
            stamp = max(stamp, last.replace(tzinfo=_utc) + _tick)
        os.rename(self._path, f'{self._path}.{stamp.strftime(FORMAT)}')
        if self._compress:
            self._start()
        self._remove()

    def wait(self):
        """Wait until the files are packed."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            thread.join()

    def after_fork(self):
        self._thread = None

    def _stamps(self):
        return sorted({match.group(1) for match in map(
            self._pattern.fullmatch, os.listdir(self._folder)) if match})

    def _remove(self):
        if self._keep is None:
            return
        stamps = self._stamps()
        for stamp in stamps[:max(0, len(stamps) - self._keep)]:
            for ending in ('', PACKED):
                _unlink(f'{self._path}.{stamp}{ending}')

    def _start(self):
        thread = threading.Thread(
            target=self._pack, args=(self._thread,), name=f'pack {self._name}')
        try:
            thread.start()
        except RuntimeError as error:  # the process ends: another packs it some time
            log.info('%s: nothing is packed now: %s', self._path, error)
        else:
            self._thread = thread

    def _pack(self, before):
        """Pack all that are not, also those of a process that ended before it did."""
        if before is not None:
            before.join()
        for stamp in self._stamps():
            path = f'{self._path}.{stamp}'
            try:
                if os.path.exists(path):
                    _packed(path)
            except OSError as error:
                log.warning('%s cannot be packed: %s', path, error)
        self._remove()


def _packed(path):
    """Pack a file, unless another process is at it.

    The lock is on what is being made: writers that still have the old file open
    need not wait for it.
    """
    flags = os.O_RDWR | os.O_CREAT | getattr(os, 'O_BINARY', 0)
    with open(os.open(path + HALF, flags, 0o666), 'r+b') as half:
        if not _is_mine(half, path + HALF):
            return
        try:
            half.truncate()
            with open(path, 'rb') as old, gzip.GzipFile(
                    os.path.basename(path), 'wb', 6, half) as packed:
                shutil.copyfileobj(old, packed, 2 ** 18)
            half.flush()
            os.replace(path + HALF, path + PACKED)
        except FileNotFoundError:  # another has packed it, or removed it
            _unlink(path + HALF)
            return
        except OSError:
            _unlink(path + HALF)
            raise
        _unlink(path)


def _is_mine(half, path):
    """Take the lock of the half file; False where another has it, or had it."""
    if fcntl is None:
        return True
    try:
        fcntl.flock(half, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(half.fileno()), os.stat(path))
    except (BlockingIOError, FileNotFoundError):
        return False


def _unlink(path):
    try:
        os.unlink(path)
    except FileNotFoundError:  # another process was first
        pass
    except OSError as error:
        log.warning('%s cannot be removed: %s', path, error)
