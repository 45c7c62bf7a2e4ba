"""Merging: new segments from the live tracks of others.

Full blocks are taken over as they are; only what overlaps, is small or has
dead tracks is encoded again.
"""

from bisect import bisect_left, bisect_right

from trackstore import codec, damage, handles
from trackstore.block import SIZE, Block
from trackstore.directory import Entry
from trackstore.exceptions import TrackstoreError
from trackstore.segment import SegmentBuilder

#: A block with fewer tracks is joined with its neighbours.
SMALL = SIZE // 2

#: A block with so many bytes is taken as it is.
LARGE = 2 ** 18

#: A block whose numbers are spread wider than this is taken row by row.
SPREAD = 4


class _Piece:
    """The live tracks of a block: where they are, and their numbers."""

    __slots__ = ('block', 'local', 'numbers', 'whole')

    def __init__(self, block, local, numbers, whole):
        self.block = block
        self.local = local
        self.numbers = numbers
        self.whole = whole


class Rewriter:
    """Merges segments into new ones of bounded size."""

    def __init__(self, storage, largest, progress=None, derive=False):
        self.storage = storage
        self.layout = storage._layout
        self.largest = largest
        self.progress = progress
        self.derive = derive
        self.entries = []
        self.builder = SegmentBuilder(self.layout.columns)
        self.done = 0
        self.numbers = []  # of the single tracks that were gathered
        self.columns = {name: [] for name in self.layout.columns}
        self.mappings = []
        self.extras = []

    def merged(self, entries):
        """Return the entries of new segments for the live tracks of these."""
        pieces = sorted(
            (piece for entry in entries for piece in _pieces(entry)),
            key=lambda piece: piece.numbers[0])
        dense, loose = _sorted_out(pieces)
        place = 0
        for piece in dense:
            begin = place
            place = bisect_left(loose, piece.numbers[0], begin, key=_number_of)
            self._take_rows(loose[begin:place])
            begin = place
            place = bisect_right(loose, piece.numbers[-1], begin, key=_number_of)
            self._take_piece(piece, loose[begin:place])
        self._take_rows(loose[place:])
        self._finish()
        return self.entries

    def _take_piece(self, piece, between):
        """Add the tracks of a block, and those whose numbers are in between."""
        damage.loaded(piece.block)
        reusable = (piece.whole and not between and not self.derive and (
            len(piece.block.data) >= LARGE or (
                len(piece.numbers) >= SMALL
                and not 0 < len(self.numbers) < SMALL)))
        if not reusable:
            if piece.whole and not between and not self.derive:
                self._take_columns(piece)
            else:
                rows = [(number, n, piece) for n, number in enumerate(piece.numbers)]
                self._take_rows(sorted([*rows, *between], key=_number_of)
                                if between else rows)
            self._release(piece.block)
            return
        self._flush()
        columns = {name: self._column(piece.block, name, len(piece.numbers))
                   for name in self.layout.columns}
        block = piece.block
        if block._p_jar is None:  # it stays where it is, for as long as that is
            block = Block.inline(block.columns, block.data)
        self.builder.add_block(block, piece.numbers, columns)
        self._release(piece.block)
        self._advance(len(piece.numbers))

    def _column(self, block, name, length):
        values = block.column(name)
        return [codec.ABSENT] * length if values is None else values

    def _take_columns(self, piece):
        """Add all tracks of a small block."""
        block, count = piece.block, len(piece.numbers)
        self.numbers += piece.numbers
        self.mappings += map(block.data_at, range(count))
        self.extras += map(block.extras, range(count))
        for name, column in self.columns.items():
            column += self._column(block, name, count)
        while len(self.numbers) >= SIZE:
            self._flush(SIZE)

    def _take_rows(self, rows):
        """Add single tracks: triples of number, place in a piece, piece."""
        for number, n, piece in rows:
            block, position = damage.loaded(piece.block), piece.local[n]
            data = block.mappings[position]
            self.numbers.append(number)
            self.mappings.append(data)
            self.extras.append(block.extras(position))
            for name in self.layout.stored:
                value = block.value(name, position)
                if self.derive and value is codec.ABSENT:
                    value = self.layout.default(name)
                self.columns[name].append(value)
            self._derive(number, data, block, position)
            if len(self.numbers) >= SIZE:
                self._flush()

    def _derive(self, number, data, block, position):
        layout = self.layout
        if not layout.derived:
            return
        if self.derive:
            track = handles.handle(self.storage, number) if layout.properties else None
            try:
                found = layout.derived_values(data, track)
            except TrackstoreError as error:
                name = self.storage.idFromNum(number)
                raise type(error)(f'track {name!r}: {error}') from error
            for name, value in zip(layout.derived, found, strict=True):
                self.columns[name].append(value)
            return
        for name in layout.derived:
            self.columns[name].append(block.value(name, position))

    def _flush(self, most=None):
        """Encode the single tracks that were gathered, so many at the most."""
        if not self.numbers:
            return
        gathered = self.numbers, self.mappings, self.extras
        numbers, mappings, extras = (part[:most] for part in gathered)
        columns = {name: column[:most] for name, column in self.columns.items()}
        for part in (*gathered, *self.columns.values()):
            del part[:most]
        self.builder.add(numbers, columns, mappings, extras)
        self._advance(len(numbers))

    def _advance(self, count):
        self.done += count
        if self.progress is not None:
            self.progress(self.done)
        if len(self.builder) >= self.largest:
            self._finish()
            if self.storage._p_jar is not None:
                self.storage._p_jar.transaction_manager.savepoint(True)

    def _finish(self):
        """Make a segment of the blocks so far."""
        if self.numbers:
            self._flush()
        builder = self.builder
        if len(builder):
            segment, low, high = builder.build()
            intervals = segment.intervals
            last = intervals.numbers_at([len(builder) - 1])[0]
            self.entries.append(Entry(
                segment, intervals.starts[0], last, len(builder), low, high))
            self.builder = SegmentBuilder(self.layout.columns)

    def _release(self, block):
        """Let go of what was loaded of a block that is in the database."""
        if block._p_jar is not None:
            block._p_deactivate()


def _number_of(row):
    return row[0]


def _pieces(entry):
    """Yield the pieces of a segment that have live tracks."""
    segment = entry.segment
    dead = entry.dead or ()
    starts = segment.block_starts
    for n in range(len(segment.blocks)):
        positions = range(starts[n], starts[n + 1])
        if dead:
            live = [position for position in positions if position not in dead]
        else:
            live = positions
        if live:
            start = positions.start
            yield _Piece(segment.block(n), [position - start for position in live],
                         segment.numbers_at(live), len(live) == len(positions))


def _sorted_out(pieces):
    """Return pieces that do not overlap, and the tracks of the others."""
    dense, loose = [], []
    last = 0
    for piece in pieces:
        first, end = piece.numbers[0], piece.numbers[-1]
        if first > last and end - first < SPREAD * len(piece.numbers):
            dense.append(piece)
            last = end
        else:
            loose += [(number, n, piece) for n, number in enumerate(piece.numbers)]
    loose.sort(key=_number_of)
    return dense, loose
