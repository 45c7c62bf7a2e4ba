"""What a query answers: lazy sequences."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate
from operator import index as operator_index

from zope.interface import implementer

from trackstore import handles
from trackstore.interfaces import ITracks


class Chunk:
    """Rising numbers, and the segment and the positions where they are.

    Without a segment they are looked up one by one.
    """

    __slots__ = ('segment', 'positions', 'numbers')

    def __init__(self, segment, positions, numbers=None):
        self.segment = segment
        self.positions = positions
        self.numbers = (
            segment.numbers_at(positions) if numbers is None else numbers)

    def places(self):
        """Yield blocks with some tracks' numbers and positions in the block."""
        begin = 0
        for _, block, local in self.segment.parts(self.positions):
            end = begin + len(local)
            yield self.numbers[begin:end], block, local
            begin = end

    def __len__(self):
        return len(self.numbers)

    def sliced(self, start, stop):
        return Chunk(
            self.segment, self.positions and self.positions[start:stop],
            self.numbers[start:stop])


class Falling:
    """A chunk to be read backwards."""

    def __init__(self, chunk):
        self.segment = chunk.segment
        self.numbers = chunk.numbers[::-1]
        self._chunk = chunk

    def places(self):
        for numbers, block, local in reversed(list(self._chunk.places())):
            yield numbers[::-1], block, local[::-1]


def chunks_of(found):
    """Return chunks in order of numbers from what ``query.hits`` yields."""
    result, tail = [], []
    for source, positions, entry in found:
        if entry is None:
            tail += source.numbers_at(positions)
        else:
            result.append((entry, Chunk(source, positions)))
    chunks = []
    last = 0
    overlap = False
    for entry, chunk in result:
        overlap = overlap or entry.first <= last
        last = max(last, entry.last)
        chunks.append(chunk)
    if tail:
        tail.sort()
        overlap = overlap or tail[0] <= last
        chunks.append(Chunk(None, None, tail))
    return _untangled(chunks) if overlap else chunks


def _untangled(chunks):
    """Return chunks that do not overlap, from some that may."""
    chunks = sorted(chunks, key=lambda chunk: chunk.numbers[0])
    result = []
    group = [chunks[0]]
    last = chunks[0].numbers[-1]
    for chunk in chunks[1:]:
        if chunk.numbers[0] > last:
            result += _merged(group)
            group = []
        group.append(chunk)
        last = max(last, chunk.numbers[-1])
    return result + _merged(group)


def _merged(group):
    if len(group) == 1:
        return group
    group.sort(key=len)
    longest = group.pop()
    others = sorted(number for chunk in group for number in chunk.numbers)
    if len(others) * 8 > len(longest):
        return [Chunk(None, None, sorted([*others, *longest.numbers]))]
    return list(_woven(longest, others))


def _woven(chunk, others):
    """Yield the chunk cut where other numbers come between its own."""
    numbers, begin, place = chunk.numbers, 0, 0
    while place < len(others):
        cut = bisect_left(numbers, others[place], begin)
        if cut > begin:
            yield chunk.sliced(begin, cut)
            begin = cut
        end = len(others)
        if begin < len(numbers):
            end = bisect_left(others, numbers[begin], place)
        yield Chunk(None, None, others[place:end])
        place = end
    if begin < len(numbers):
        yield chunk.sliced(begin, len(numbers))


class Listlike(Sequence):
    """A lazy sequence that prints and compares as a list does."""

    def __eq__(self, other):
        if not isinstance(other, (list, Listlike)):
            return NotImplemented
        return len(self) == len(other) and all(
            mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None

    def __repr__(self):
        return repr(list(self))

    def __add__(self, other):
        return list(self) + list(other)

    def __radd__(self, other):
        return list(other) + list(self)


class Numbers(Listlike):
    """Numbers in order, forwards or backwards, from rising chunks."""

    def __init__(self, chunks, reverse=False):
        self._chunks = [chunk for chunk in chunks if len(chunk)]
        self._ends = list(accumulate(map(len, self._chunks)))
        self.reverse = reverse

    def __len__(self):
        return self._ends[-1] if self._ends else 0

    def place(self, index):
        """Return the chunk and the place in it, of an index from 0."""
        if self.reverse:
            index = len(self) - 1 - index
        number = bisect_right(self._ends, index)
        return self._chunks[number], index - (
            self._ends[number - 1] if number else 0)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return self.sliced(index)
        length, index = len(self), operator_index(index)
        if not -length <= index < length:
            raise IndexError(f'index {index} of {length} is out of range')
        chunk, place = self.place(index % length)
        return chunk.numbers[place]

    def __iter__(self):
        for chunk in self.chunks():
            yield from chunk.numbers

    def chunks(self):
        """Return the chunks in the order in which the numbers are to be read."""
        if not self.reverse:
            return iter(self._chunks)
        return map(Falling, reversed(self._chunks))

    def sliced(self, index):
        """Return the numbers of a slice."""
        start, stop, step = index.indices(len(self))
        if step < 0:
            chosen = range(start, stop, step)
            if not chosen:
                return Numbers([])
            flipped = Numbers(self._chunks, not self.reverse)
            length = len(self)
            return flipped.sliced(slice(
                length - 1 - chosen[0], length - chosen[-1], -step))
        if step > 1:
            picked = sorted(self[n] for n in range(start, stop, step))
            return Numbers([Chunk(None, None, picked)] if picked else [],
                           self.reverse)
        if self.reverse:
            start, stop = len(self) - stop, len(self) - start
        return Numbers(list(self.window(start, stop)), self.reverse)

    def window(self, start, stop):
        """Yield the chunks from ``start`` to ``stop``, counted as they rise."""
        begin = 0
        for chunk, end in zip(self._chunks, self._ends, strict=True):
            if end > start and begin < stop:
                yield chunk.sliced(max(start - begin, 0), min(stop, end) - begin)
            begin = end


class Ids(Listlike):
    """The ids of numbers; none of them is held."""

    def __init__(self, storage, numbers):
        self._storage = storage
        self._numbers = numbers

    def __len__(self):
        return len(self._numbers)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Ids(self._storage, self._numbers[index])
        return self._storage.idFromNum(self._numbers[index])

    def __iter__(self):
        return map(self._storage.idFromNum, self._numbers)

    def __contains__(self, trackId):
        number = self._storage._number_of(trackId)
        return number is not None and number in self._numbers


@implementer(ITracks)
class Tracks(Listlike):
    """The tracks that a query has found."""

    def __init__(self, storage, numbers, view):
        self._storage = storage
        self._view = view
        self.numbers = numbers

    @property
    def ids(self):
        return Ids(self._storage, self.numbers)

    def __len__(self):
        return len(self.numbers)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Tracks(self._storage, self.numbers[index], self._view)
        return handles.handle(
            self._storage, self.numbers[index], missing_ok=True)

    def __iter__(self):
        for chunk in self.numbers.chunks():
            yield from handles.handles(self._storage, chunk, self._view)
