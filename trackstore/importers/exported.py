"""What ``trackstore.export`` has written: JSON lines and CSV."""

from inspect import getattr_static

from trackstore import keys, timestamps
from trackstore.exceptions import TrackstoreError
from trackstore.export.values import cell_value, original
from trackstore.importers.columns import Columns
from trackstore.importers.csvfile import CSVFile
from trackstore.importers.exceptions import BadLine, SourceError
from trackstore.importers.jsonlines import record_of
from trackstore.importers.runs import RunRow
from trackstore.importers.source import MAX_LINE
from trackstore.track import Handle

EXPORT = 'export'
VERSION = 1
TRACK = ('taskId', 'runId', 'userName', 'timeStamp')
NOT_MORE = frozenset((*TRACK, 'data', *Handle.__slots__))


class ExportedLines:
    """Takes the lines of an export apart: runs and tracks.

    ``more`` has the further metadata of tracks by line number.
    """

    name = 'export'
    max_line = MAX_LINE
    skip = 1

    def __init__(self, source):
        header = record_of(source.beginning.partition(b'\n')[0])
        if header.get('version') != VERSION:
            raise SourceError(
                f'{source.path} is an export of version {header.get("version")!r}; '
                f'this release reads version {VERSION}')
        self.more = {}

    def rows(self, block, last=False):
        """Return the rows of a block, its bad lines, and how many it took."""
        rows, bad = [], []
        for number, line in enumerate(block.lines, block.number):
            if number == 1 or not line.strip():
                continue
            try:
                rows.append(self._row(record_of(line), number))
            except TrackstoreError as e:
                bad.append((number, str(e)))
        return rows, bad, len(block.lines)

    def _row(self, record, number):
        if 'run' in record:
            return None, _run(record), None, None, None, number
        missing = [name for name in (*TRACK, 'data') if name not in record]
        if missing:
            raise BadLine(f'it has no {missing[0]!r}; a track has taskId, runId, '
                          f'userName, timeStamp and data')
        data = original(record['data'])
        if not isinstance(data, dict):
            raise BadLine('its data are no object in {}')
        more = original(record.get('more', {}))
        if not isinstance(more, dict):
            raise BadLine("its 'more' is no object in {}")
        row = _row(*(original(record[name]) for name in TRACK), data, number)
        if more:
            self.more[number] = more
        return row


class ExportedTable(CSVFile):
    """Takes an export as CSV apart: four columns of metadata, then the data."""

    name = 'export-csv'
    delimiters = ','

    def __init__(self, source):
        super().__init__(source, Columns(*(
            TRACK[place] for place in (0, 2, 1, 3))))
        self.keys = [cell_value(name) for name in self.header[4:]]

    def _row(self, cells, number):
        if len(cells) != len(self.header):
            raise BadLine(f'it has {len(cells)} cells, the header has '
                          f'{len(self.header)}')
        data = {key: cell_value(cell)
                for key, cell in zip(self.keys, cells[4:], strict=True) if cell}
        return _row(*map(cell_value, cells[:4]), data, number)


def _row(task, run, user, time, data, number):
    try:
        keys.checked(task, 'taskId')
        keys.checked(user, 'userName')
        timestamps.checked(time)
    except TrackstoreError as e:
        raise BadLine(str(e)) from None
    if type(run) is not int:
        raise BadLine(f'its runId is {run!r}; a number is expected')
    return task, run, user, data, time, number


def _run(record):
    """Return the ``RunRow`` of a line that describes a run."""
    row = RunRow(record['run'], original(record.get('task')), record.get('start'),
                 record.get('end'), record.get('finished') is True,
                 record.get('current') is True)
    if type(row.name) is not int:
        raise BadLine(f'its run is {row.name!r}; a number is expected')
    keys.checked(row.task, 'task')
    timestamps.checked(row.start, 'start')
    if row.end is not None:
        timestamps.checked(row.end, 'end')
    return row


def set_more(track, more):
    """Set the further metadata of a track; ``BadLine`` for what is none."""
    for name, value in more.items():
        attribute = getattr_static(type(track), name, None)
        if (name in track.metadata_attributes and isinstance(attribute, property)
                and attribute.fset is None):
            continue    # the class tells it from what else the track has
        if name in NOT_MORE or str(name).startswith(('__', '_v_', '_p_')):
            raise BadLine(f"its 'more' has {name!r}; further metadata are expected")
        setattr(track, name, value)
