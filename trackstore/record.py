"""Records: a track of the tail as bytes."""

import pickle
from typing import NamedTuple

from trackstore import codec
from trackstore.index import MemoryIndex


class Row(NamedTuple):
    """A track: its values in the order of the columns, its data, and more.

    ``data`` is a pickled dictionary, ``extras`` a pickled dictionary of further
    attributes or None.
    """

    values: tuple
    data: bytes
    extras: bytes = None


def encode_record(layout, row):
    """Return a row as bytes."""
    names = None if layout.plain else layout.columns
    return pickle.dumps((names, *row), 5)


def decode_record(layout, record):
    """Return the row, its values in the order of the layout's columns."""
    names, values, data, extras = pickle.loads(record)
    if names is not None or not layout.plain:
        names = names or layout.columns[:len(values)]
        if names != layout.columns:
            values = layout.rearranged(names, values)
    return Row(values, data, extras)


def _rows(page, layout, numbers):
    """Return the rows of the numbers; each record is decoded once."""
    kept = page.__dict__.get('_v_rows')
    if kept is None or kept[0] is not layout:
        kept = page._v_rows = layout, {}
    rows = kept[1]
    result = []
    for number in numbers:
        record = page.records[number]
        row = rows.get(number)
        if row is None or row[0] is not record:
            row = rows[number] = record, decode_record(layout, record)
        result.append(row[1])
    return result


class Single:
    """One track of the tail, to be read as one of a block is."""

    __slots__ = ('layout', 'row')

    _p_changed = False  # as of a block that is loaded

    def __init__(self, layout, record):
        self.layout = layout
        self.row = decode_record(layout, record)

    def value(self, name, position):
        place = self.layout.place.get(name)
        return codec.ABSENT if place is None else self.row.values[place]

    def data_at(self, position):
        return pickle.loads(self.row.data)

    def extras(self, position):
        return self.row.extras


class TailPart:
    """The tracks of a page of the tail, to be asked as a segment or block is.

    ``numbers`` are those of the tracks, ``all_numbers`` also those of removed
    ones; both rise.
    """

    def __init__(self, page, layout):
        self.stamp = page._v_stamp
        self.layout = layout
        self.all_numbers = sorted(page.records)
        self.numbers = [number for number in self.all_numbers
                        if page.records[number] is not None]
        self.rows = _rows(page, layout, self.numbers)
        self._indexes = {}

    def __len__(self):
        return len(self.numbers)

    def numbers_at(self, positions):
        return [self.numbers[position] for position in positions]

    def index(self, name):
        index = self._indexes.get(name)
        if index is None:
            index = self._indexes[name] = MemoryIndex(
                self.column(name, range(len(self.rows))))
        return index

    def column(self, name, positions):
        place = self.layout.place[name]
        rows = self.rows
        return [rows[position].values[place] for position in positions]

    def values_at(self, name, positions):
        return self.column(name, positions)

    def data_values(self, key, positions):
        return [codec.load_mapping(self.rows[position].data).get(key, codec.ABSENT)
                for position in positions]

    def reach(self, low, high):
        return range(len(self.rows))

    def within(self, low, high, positions=None):
        if positions is None:
            positions = range(len(self.rows))
        times = self.column('timeStamp', positions)
        return [position for position, time in zip(positions, times, strict=True)
                if (low is None or low <= time) and (high is None or time <= high)]

    def last(self, positions):
        times = self.column('timeStamp', positions)
        return max(zip(times, positions, strict=True))

    def data_at(self, position):
        return pickle.loads(self.rows[position].data)

    def extras(self, position):
        return self.rows[position].extras
