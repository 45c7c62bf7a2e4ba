"""Tracks as CSV: four columns of metadata, then one for each key of the data.

A cell is JSON where it is JSON, and text where it is not.  Runs are not
described, and further metadata are left out.
"""

import csv

from trackstore.export.exceptions import ExportError, ValueProblem
from trackstore.export.values import cell_of

METADATA = ('taskId', 'runId', 'userName', 'timeStamp')


class _Line:
    """A file that holds what was written to it last."""

    def write(self, text):
        self.text = text


def lines(storage, tracks, criteria):
    """Yield the lines of an export, without line ends.

    The tracks are read twice: first to learn the keys of their data.
    """
    keys = {}
    for track in tracks:
        keys.update(dict.fromkeys(track.data))
    line = _Line()
    writer = csv.writer(line, lineterminator='')
    writer.writerow([*METADATA, *map(cell_of, keys)])
    yield line.text
    for track in tracks:
        writer.writerow(_cells(track, keys))
        yield line.text


def _cells(track, keys):
    data = track.data
    try:
        cells = [cell_of(getattr(track, name)) for name in METADATA]
        return cells + [cell_of(data[key]) if key in data else '' for key in keys]
    except ValueProblem as e:
        raise ExportError(f'track {track.__name__!r}: {e}') from None
