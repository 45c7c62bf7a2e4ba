"""Finding out what a source is, and choosing what reads it."""

import math
import os
from functools import partial

from trackstore.importers.accesslog import AccessLog
from trackstore.importers.columns import Columns
from trackstore.importers.csvfile import CSVFile
from trackstore.importers.exceptions import BadLine, SourceError
from trackstore.importers.exported import (
    EXPORT,
    TRACK,
    ExportedLines,
    ExportedTable,
)
from trackstore.importers.fileimport import FileImport
from trackstore.importers.githistory import SAVED, Checkout, is_checkout
from trackstore.importers.gitimport import CheckoutImport, SavedImport
from trackstore.importers.jsonlines import JSONLines, record_of
from trackstore.importers.report import Report
from trackstore.importers.runs import DescribedRuns, NamedRuns
from trackstore.importers.sittings import IDLE, Sittings
from trackstore.importers.source import BLOCK, Block, Source, Stream, text_of

FORMATS = ('access', 'csv', 'git', 'jsonl')
SAMPLE = 20     # lines
LINE = 100      # bytes that a line may have, so that a batch has enough of them


def import_source(storage, source, format=None, columns=None, idle=IDLE,
                  size=10_000, again=False, rejects=None, progress=None):
    """Import what is new in a source; return a ``Report``.

    ``storage``
        a tracking storage that is in a database
    ``source``
        the path of a file, which may be compressed with gzip, or of a checkout
        of git; or a ``Stream``, of which nothing is remembered
    ``format``
        ``'access'`` (logs of web servers), ``'csv'``, ``'git'`` (a checkout, or
        a file of ``save_history``) or ``'jsonl'``; None recognises it
    ``columns``
        ``Columns`` that say what is what, for CSV and JSON lines
    ``idle``
        seconds without a track after which a user's sitting is over
    ``size``
        about how many lines are saved in a transaction
    ``again``
        whether all is imported although it has been imported before
    ``rejects``
        the path of a file that gets the bad lines
    ``progress``
        is called after each transaction with what has been read, all there is
        to read (both in bytes, or commits; None where it is unknown) and the
        report

    The import has transactions of its own in the connection of the storage:
    what was changed there before is committed.  An import that is interrupted
    goes on where it was when it is started again.

    A source that cannot be imported is a ``SourceError``; bad lines never are,
    nor is an empty file.  Of a source of which nothing could be saved nothing
    is remembered.
    """
    if format not in (None, *FORMATS):
        raise SourceError(
            f'format: {format!r} is no format; allowed are {", ".join(FORMATS)}')
    for name, value in (('idle', idle), ('size', size)):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or (
                not 0 < value < math.inf):
            raise SourceError(f'{name}: {value!r} is no number above 0')
    size = math.ceil(size)
    options = {'size': size, 'again': again, 'rejects': rejects,
               'progress': progress}
    if _is_history(source, format):
        return CheckoutImport(storage, source, **options).run()
    with Source(source, block=min(BLOCK, size * LINE)) as opened:
        if not opened.beginning:
            return Report(opened.path, format)
        found = recognise(opened, format)
        if found == 'git':
            return SavedImport(storage, opened, **options).run()
        reader = _reader(found, opened, columns)
        runs = {'access': partial(Sittings, idle), 'export': DescribedRuns}.get(
            found, NamedRuns)
        return FileImport(storage, opened, reader, runs, **options).run()


def check_source(source, format=None, columns=None):
    """Raise the ``SourceError`` that an import would begin with, if any."""
    if _is_history(source, format):
        Checkout(source)
        return
    with Source(source) as opened:
        found = recognise(opened, format) if opened.beginning else 'git'
        if found != 'git':
            _reader(found, opened, columns)


def _reader(found, source, columns):
    """Return what reads a format, if the columns fit it."""
    columns = columns or Columns()
    if found not in ('csv', 'jsonl') and columns.given():
        raise SourceError(
            f'{", ".join(columns.given())}: {source.path} has no columns to choose '
            f'from ({found}); these are for csv and jsonl')
    return READERS[found](source, columns)


def _is_history(source, format):
    return not isinstance(source, Stream) and (is_checkout(source) and format is None
            or format == 'git' and os.path.isdir(source))


READERS = {
    'access': lambda source, columns: AccessLog(),
    'csv': CSVFile,
    'jsonl': JSONLines,
    'export': lambda source, columns: ExportedLines(source),
    'export-csv': lambda source, columns: ExportedTable(source),
}


def recognise(source, format=None):
    """Return the name of the format of a ``Source``, of those of ``READERS``.

    A given format still tells a plain file from one of our own exports.
    """
    lines = source.beginning.split(b'\n')
    mark = _mark(lines[0])
    if mark == SAVED and format in (None, 'git'):
        return 'git'
    if mark == EXPORT and format in (None, 'jsonl'):
        return 'export'
    if format == 'git':
        raise SourceError(
            f'{source.path} is no checkout of git and no saved history of one')
    own = text_of(lines[0]).strip().startswith(','.join(TRACK))
    if own and format in (None, 'csv'):
        return 'export-csv'
    if format is not None:
        return format
    sample = [line for line in lines[:SAMPLE] if line.strip()]
    if AccessLog().rows(Block(1, 0, 0, sample))[0]:
        return 'access'
    if any(map(_is_object, sample)):
        return 'jsonl'
    if sample and any(mark in sample[0] for mark in (b',', b';', b'\t', b'|')):
        return 'csv'
    shown = text_of(sample[0][:60]) if sample else ''
    raise SourceError(
        f'the format of {source.path} is not recognised (it begins with '
        f'{shown!r}); name one of {", ".join(FORMATS)} with --format')


def _mark(line):
    """Return what the first line of our own files of JSON lines says of them."""
    try:
        return record_of(line).get('trackstore')
    except BadLine:
        return None


def _is_object(line):
    try:
        record_of(line)
    except BadLine:
        return False
    return True
