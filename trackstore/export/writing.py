"""Writing an export to a file, piece by piece."""

import gzip
import os
import shutil
from contextlib import contextmanager

from trackstore.export import jsonlines, table
from trackstore.export.exceptions import ExportError
from trackstore.export.places import is_of_storage
from trackstore.export.reading import Reading, WholeReading
from trackstore.opening import without_password

FORMATS = {'jsonl': jsonlines.lines, 'csv': table.lines}


def export_tracks(storage, target, format=None, progress=None, leftOut=None,
                  **criteria):
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
    ``leftOut``
        a dictionary: what is damaged is left out and noted there, by its name and
        with the number of its tracks (None if that is not known); without it,
        and with criteria, it is a ``DamagedError``
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
    if leftOut is None or criteria:
        tracks = Reading(storage, storage.query(**criteria), progress)
    else:
        tracks = WholeReading(storage, progress, leftOut)
    with _opened(target) as file:
        for line in FORMATS[format](storage, tracks, criteria):
            file.write(line.encode() + b'\n')
    return tracks.count


def _format_of(target):
    if isinstance(target, (str, os.PathLike)):
        ending = os.fspath(target).removesuffix('.gz').rpartition('.')[2]
        if ending in FORMATS:
            return ending
        if os.path.splitext(os.fspath(target).removesuffix('.gz'))[1]:
            shown = without_password(os.fspath(target))
            raise ExportError(
                f'target: the ending of {shown} says no format; known are '
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
        raise ExportError(
            f'{without_password(str(path))} cannot be written: {e.strerror}') from None
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

