"""Segments: many tracks in order of their numbers, with their indexes.

A segment never changes.  What is removed from it or overridden is known to the
directory and the tail, and left out when the segment is merged.
"""

import pickle
from bisect import bisect_left, bisect_right
from itertools import accumulate, chain
from operator import itemgetter

from persistent import Persistent

from trackstore import codec, damage
from trackstore.block import Block
from trackstore.index import Coded, MemoryIndex, ScanIndex, SegmentIndex
from trackstore.intervals import Intervals, IntervalsBuilder

#: A segment with fewer tracks is indexed in memory when it is asked.
INDEXED = 16384

#: A block is cut when its data have more bytes.
LARGEST_BLOCK = 2 ** 20

#: After so many blocks the cache is brought back to its size.
COLLECT = 32

#: What errors call a segment and a block.
NAME = 'segment {}-{}'
BLOCK_NAME = NAME + ', block {}'

#: A block of fewer tracks and of so few bytes that is the only one of its segment
#: is *inline*: one object less to write and to load.
INLINE_TRACKS, INLINE_BYTES = 512, 8192

#: So few bytes are not compressed.
SHORT = 256

#: With more than this share (1 / MANY) of the tracks, the index gives values.
MANY = 16


def blocks_in(segment, state):
    """Return the blocks that are in the state of a segment, inline or as references."""
    if not (state and type(state[0]) is tuple):
        return state
    return tuple(Block.inline(*damage.shaped(segment, pair, bytes, bytes))
                 for pair in state)


def picked(values, positions):
    """Return the values at these rising positions."""
    if len(positions) == len(values):
        return values
    if isinstance(positions, range):
        return values[positions.start:positions.stop]
    if len(positions) == 1:
        return values[positions[0]],
    return itemgetter(*positions)(values)


class Segment(Persistent):
    """Tracks in order of their numbers.

    A position counts the tracks of the segment from 0.  ``span`` are the first and
    the last number.  The state is the blocks, the pages of the indexes, and all
    else as bytes with a checksum.  A block that is ``inline`` is no object of the
    database: its bytes are in the state of the segment.
    """

    def __init__(self, span, numbers, blocks, marks, starts, times, indexes,
                 inline=False):
        self.blocks = tuple(blocks)
        self.inline = inline
        self.indexes = indexes
        self._set(span, numbers, starts, times, marks)
        raw = pickle.dumps(
            (span, numbers, starts, times, marks, indexes and {
                name: index.state() for name, index in indexes.items()}), 5)
        self._pack((codec.compress if len(raw) > SHORT else codec.stored)(raw))

    def _set(self, span, numbers, starts, times, marks):
        self.span = span
        self.numbers = numbers
        self.starts = starts
        self.times = times
        self.marks = marks

    def _pack(self, packed):
        self.packed = packed
        self.mark = codec.mark_of(packed)  # what tells the segment from others

    def __getstate__(self):
        pages = chain.from_iterable(
            index.pages() for index in (self.indexes or {}).values())
        blocks = self.blocks
        if self.inline:
            blocks = tuple((block.columns, block.data) for block in blocks)
        return blocks, tuple(pages), self.packed

    def __setstate__(self, state):
        state, pages, packed = damage.shaped(self, state, tuple, tuple, bytes)
        blocks = blocks_in(self, state)
        damage.distinct(self, blocks + pages)
        self.inline = blocks is not state
        *parts, indexes = pickle.loads(damage.opened(self, packed))
        self._set(*parts)
        if indexes is not None:
            pages = iter(pages)
            indexes = {
                name: SegmentIndex.from_state(part, pages, f'{self}, index {name}')
                for name, part in indexes.items()}
        self.blocks, self.indexes = blocks, indexes
        self._pack(packed)

    def __str__(self):
        return NAME.format(*self.span)

    def block(self, number):
        """Return a block as it is: it may have to be loaded."""
        block = self.blocks[number]
        known = self._cached('_v_known', set)
        if number not in known:
            damage.expect(block, Block, BLOCK_NAME, *self.span, number,
                          mark=self.marks[number], numbers=self.numbers_of(number))
            known.add(number)
        return block

    def numbers_of(self, number):
        """Return the first and the last number in a block."""
        starts = self.block_starts
        return tuple(self.numbers_at([position])[0] for position in (
            starts[number], starts[number + 1] - 1))

    def _cached(self, name, make):
        cached = self.__dict__.get(name)
        if cached is None:
            cached = make()
            setattr(self, name, cached)
        return cached

    @property
    def intervals(self):
        return self._cached('_v_intervals', lambda: Intervals(
            *map(codec.decode_column, self.numbers)))

    @property
    def block_starts(self):
        """The position of each block's first track, then the length."""
        return self._cached(
            '_v_starts', lambda: codec.decode_column(self.starts))

    @property
    def block_times(self):
        """The lowest and the highest time stamp of each block."""
        return self._cached('_v_times', lambda: tuple(
            map(codec.decode_column, self.times)))

    @property
    def block_reach(self):
        """Rising bounds: the highest time stamp up to each block, the lowest from it.
        """
        lows, highs = self.block_times
        return self._cached('_v_reach', lambda: (
            list(accumulate(highs, max)), list(accumulate(reversed(lows), min))[::-1]))

    @property
    def timeline(self):
        """The time stamps of all tracks, which are kept."""
        return self._cached('_v_timeline', lambda: codec.compact(
            self.column('timeStamp', range(len(self)))))

    def __len__(self):
        return self.block_starts[-1]

    def position_of(self, number):
        return self.intervals.position_of(number)

    def numbers_at(self, positions):
        return self.intervals.numbers_at(positions)

    def index(self, name):
        """Return the index of that name."""
        if self.indexes is not None and name in self.indexes:
            return self.indexes[name]
        cached = self._cached('_v_indexes', dict)
        index = cached.get(name)
        if index is None:  # an index in memory pays from the second question on
            cached[name] = False
            return ScanIndex(self.column(name, range(len(self))))
        if index is False:
            index = cached[name] = MemoryIndex(
                self.column(name, range(len(self))))
        return index

    def parts(self, positions, wanted=None):
        """Yield each block that has some of these rising positions.

        As triples of the number of the block, the block, and the positions
        within it.  ``wanted`` tells of a number whether its block is.
        """
        starts = self.block_starts
        begin, length = 0, len(positions)
        number = loaded = 0
        while begin < length:
            number = bisect_right(starts, positions[begin], number) - 1
            start, end = starts[number], starts[number + 1]
            stop = (length if positions[-1] < end
                    else bisect_left(positions, end, begin))
            if wanted is not None and not wanted(number):
                begin = stop
                continue
            local = positions[begin:stop]
            if start:
                if isinstance(local, range):
                    local = range(local[0] - start, local[-1] - start + 1)
                else:
                    local = list(map((-start).__add__, local))
            yield number, self.block(number), local
            begin = stop
            loaded += 1
            if loaded % COLLECT == 0 and self._p_jar is not None:
                self._p_jar.cacheGC()  # a long look stays within the cache

    def column(self, name, positions):
        """Return the list of the values at these rising positions."""
        result = []
        for _, block, local in self.parts(positions):
            values = damage.loaded(block).column(name)
            if values is None:
                result += [codec.ABSENT] * len(local)
            else:
                result += picked(values, local)
        return result

    def values_at(self, name, positions):
        """Return a sequence of values that are equal to those of the ``column``."""
        if len(positions) * MANY <= len(self):
            return self.column(name, positions)
        if name == 'timeStamp':
            return picked(self.timeline, positions)
        if self.indexes is not None and name in self.indexes:
            return picked(self.indexes[name].table(len(self)), positions)
        return self.column(name, positions)

    def data_values(self, key, positions):
        """Return the values of a key of the data at these rising positions."""
        return list(chain.from_iterable(
            damage.loaded(block).mappings.values(key, local)
            for _, block, local in self.parts(positions)))

    def place(self, position):
        """Return the block and the position in it."""
        starts = self.block_starts
        number = bisect_right(starts, position) - 1
        return damage.loaded(self.block(number)), position - starts[number]

    def last(self, positions):
        """Return the highest pair of time stamp and position."""
        highs = self.block_times[1]
        starts = self.block_starts
        best = None
        found = sorted(((highs[number], number, block, local)
                        for number, block, local in self.parts(positions)),
                       key=itemgetter(0, 1), reverse=True)
        for high, number, block, local in found:
            if best is not None and high < best[0]:
                break
            times = damage.loaded(block).column('timeStamp')
            time, position = max((times[n], n) for n in local)
            pair = time, position + starts[number]
            best = pair if best is None else max(best, pair)
        return best

    def reach(self, low, high):
        """Return a range of positions; no others have a time stamp in these bounds."""
        first, last = 0, len(self.blocks)
        highest, lowest = self.block_reach
        if low is not None:
            first = bisect_left(highest, low)
        if high is not None:
            last = bisect_right(lowest, high)
        starts = self.block_starts
        return range(starts[first], starts[max(first, last)])

    def within(self, low, high, positions=None):
        """Return the positions with a time stamp in these bounds, both inclusive.

        A bound may be None.  Of ``positions``, by default of all.
        """
        lows, highs = self.block_times
        starts = self.block_starts
        pieces = []
        if positions is None:
            positions = self.reach(low, high)

        def wanted(number):
            return ((high is None or lows[number] <= high)
                    and (low is None or highs[number] >= low))

        for number, block, local in self.parts(positions, wanted):
            lowest, highest = lows[number], highs[number]
            if not ((low is None or low <= lowest)
                    and (high is None or highest <= high)):
                times = damage.loaded(block).column('timeStamp')
                local = [n for n in local if (low is None or low <= times[n])
                         and (high is None or times[n] <= high)]
            _append_piece(pieces, local, starts[number])
        if len(pieces) == 1:
            return pieces[0]
        return list(chain.from_iterable(pieces))


def _append_piece(pieces, local, start):
    if not local:
        return
    if isinstance(local, range):
        piece = range(local[0] + start, local[-1] + start + 1)
        if pieces and isinstance(pieces[-1], range) and pieces[-1].stop == piece.start:
            pieces[-1] = range(pieces[-1].start, piece.stop)
            return
    else:
        piece = list(map(start.__add__, local))
    pieces.append(piece)


class SegmentBuilder:
    """Makes a segment out of blocks that are added in order of their numbers."""

    def __init__(self, indexed):
        """``indexed`` are the names of the columns that have an index."""
        self.columns = {name: Coded() for name in indexed if name != 'timeStamp'}
        self.numbers = IntervalsBuilder()
        self.blocks = []
        self.marks = []
        self.starts = [0]
        self.lows = []
        self.highs = []

    def __len__(self):
        return self.starts[-1]

    def add(self, numbers, columns, mappings, extras=None):
        """Encode tracks as a block, or as several if they are large; add these."""
        block = Block(columns, mappings, extras)
        if len(block.data) <= LARGEST_BLOCK or len(numbers) == 1:
            self.add_block(block, numbers, columns)
            return
        size = max(len(numbers) * LARGEST_BLOCK // (2 * len(block.data)), 1)
        for start in range(0, len(numbers), size):
            part = slice(start, start + size)
            self.add(numbers[part],
                     {name: values[part] for name, values in columns.items()},
                     mappings[part], extras and extras[part])

    def add_block(self, block, numbers, columns):
        """Add a block whose columns are these."""
        self.numbers.add(numbers)
        self.blocks.append(block)
        self.marks.append(block.mark)
        self.starts.append(self.starts[-1] + len(numbers))
        times = columns['timeStamp']
        self.lows.append(min(times))
        self.highs.append(max(times))
        for name, column in self.columns.items():
            column.add(columns[name], len(self) >= INDEXED)

    def build(self):
        """Return the segment, its lowest and its highest time stamp."""
        span = self.numbers.starts[0], self.numbers.last()
        indexes = None
        if len(self) >= INDEXED:
            where = NAME.format(*span)
            indexes = {
                name: SegmentIndex.of(self.columns.pop(name), f'{where}, index {name}')
                for name in list(self.columns)}
        segment = Segment(
            span, self.numbers.state(), self.blocks, self.marks,
            codec.encode_column(self.starts, rising=True),
            tuple(map(codec.encode_column, (self.lows, self.highs))), indexes,
            self._may_be_inline())
        return segment, min(self.lows), max(self.highs)

    def _may_be_inline(self):
        [block, *others] = self.blocks
        return (not others and len(self) < INLINE_TRACKS and block._p_jar is None
                and len(block.columns) + len(block.data) <= INLINE_BYTES)
