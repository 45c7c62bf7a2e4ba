"""Writing an export to a file, piece by piece."""

import gzip
import os
import shutil
from contextlib import contextmanager

from trackstore.export import jsonlines, table
from trackstore.export.exceptions import ExportError
from trackstore.export.places import is_of_storage

FORMATS = {'jsonl': jsonlines.lines, 'csv': table.lines}
AT_ONCE = 1_000     # tracks after which the cache is looked after


def export_tracks(storage, target, format=None, progress=None, **criteria):
    """Write tracks to a file, in numeric order; return how many.

    ``storage``
        a tracking storage
    ``target``
        the path of the file (compressed if it ends in ``.gz``), or a binary
        file that is open for writing
    ``format``
        ``'jsonl'`` (tracks and runs) or ``'csv'`` (tracks only); None takes it
        from the end of the path; JSON lines where that has no ending
    ``progress``
        is called with the number of tracks done and their total
    ``criteria``
        which tracks: those of ``storage.query``; all without any

    What is written is the state of the storage in the current transaction.  A
    value that cannot be exported is an ``ExportError`` that names its track.

    A file appears when all of it is there: what goes wrong leaves none, or the
    one that was there before.  The files of the storage itself are refused.
    """
    if isinstance(target, (str, os.PathLike)) and is_of_storage(target, storage):
        raise ExportError(
            f'target: {os.fspath(target)} is a file of the store itself; allowed '
            f'is any other file')
    if format is None:
        format = _format_of(target)
    if format not in FORMATS:
        raise ExportError(f'format: {format!r} is no format; allowed are '
                          f'{", ".join(FORMATS)}')
    tracks = _Reading(storage, storage.query(**criteria), progress)
    with _opened(target) as file:
        for line in FORMATS[format](storage, tracks, criteria):
            file.write(line.encode() + b'\n')
    return len(tracks.found)


def _format_of(target):
    if isinstance(target, (str, os.PathLike)):
        ending = os.fspath(target).removesuffix('.gz').rpartition('.')[2]
        if ending in FORMATS:
            return ending
        if os.path.splitext(os.fspath(target).removesuffix('.gz'))[1]:
            raise ExportError(
                f'target: the ending of {os.fspath(target)} says no format; known are '
                f'{", ".join(f".{name}" for name in FORMATS)}, others need a format '
                f'(--format)')
    return 'jsonl'


@contextmanager
def _opened(target):
    """Yield a binary file; one that was made here is closed in the end."""
    if not isinstance(target, (str, os.PathLike)):
        yield target
        return
    path = os.fspath(target)
    with _replaced(path) as file:
        if not path.endswith('.gz'):
            yield file
            return
        with gzip.GzipFile('', 'wb', 6, file, mtime=0) as packed:
            yield packed


@contextmanager
def _replaced(path):
    """Yield a new file that takes the place of a path when all went well."""
    real = os.path.realpath(path)
    special = os.path.exists(real) and not os.path.isfile(real)
    place = real if special else f'{real}.{os.getpid()}.part'
    try:
        file = open(place, 'wb' if special else 'xb')  # noqa: SIM115
    except OSError as e:
        raise ExportError(f'{path} cannot be written: {e.strerror}') from None
    try:
        with file:
            yield file
        if not special:
            if os.path.exists(real):
                shutil.copymode(real, place)
            os.replace(place, real)
    except BaseException:
        if not special:
            os.unlink(place)
        raise


class _Reading:
    """Tracks that are read one after the other, within the cache's limit."""

    def __init__(self, storage, found, progress):
        self.storage, self.found, self.progress = storage, found, progress

    def __iter__(self):
        total = len(self.found)
        for number, track in enumerate(self.found, 1):
            yield track
            if not number % AT_ONCE or number == total:
                if self.storage._p_jar is not None:
                    self.storage._p_jar.cacheGC()
                if self.progress is not None:
                    self.progress(number, total)
