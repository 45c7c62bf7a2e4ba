"""Indexes: from a value to the positions of the tracks that have it.

An index of a segment never changes.  Its values stand sorted in pages of some
kilobytes, a persistent object each, under a list of each page's first value:
a look-up loads one page, a range or a prefix the pages that it covers.  What
is in memory anyway is indexed by a plain dictionary.

Both answer ``postings(criterion)`` with a list of sorted sequences of
positions, and ``values()`` with pairs of value and number of tracks.
"""

import pickle
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict, deque
from contextlib import suppress
from itertools import accumulate, chain, count, islice, repeat

from trackstore import codec, damage, keys
from trackstore.checked import Checked

#: The bytes of positions and the values after which a page is full.
PAGE_BYTES = 8192
PAGE_VALUES = 512


def grouped(values):
    """Return a dictionary from value to the list of its positions."""
    groups = {}
    get = groups.get
    for position, value in enumerate(values):
        positions = get(value)
        if positions is None:
            groups[value] = [position]
        else:
            positions.append(position)
    groups.pop(codec.ABSENT, None)
    return groups


class Coded:
    """A long column that is gathered: each value as the number of its first.

    While the column is short its values wait, since it may never be indexed.
    """

    def __init__(self):
        self._waiting = []
        self._numbers = defaultdict(count().__next__)
        self._codes = []

    def add(self, values, long):
        """Add values; ``long`` tells whether the column is to be indexed."""
        self._waiting.append(values)
        if long:
            self._encode()

    def _encode(self):
        for values in self._waiting:
            self._codes += map(self._numbers.__getitem__, values)
        self._waiting = []

    def grouped(self):
        """Return a dictionary from value to the list of its positions."""
        self._encode()
        lists = [[] for _ in self._numbers]
        codes = self._codes
        deque(map(list.append, map(lists.__getitem__, codes), range(len(codes))), 0)
        groups = dict(zip(self._numbers, lists, strict=True))
        groups.pop(codec.ABSENT, None)
        return groups

    def __len__(self):
        return len(self._codes) + sum(map(len, self._waiting))


class MemoryIndex:
    """The index of what is in memory: a dictionary."""

    def __init__(self, values):
        self.groups = grouped(values)
        self._kinds = None

    def postings(self, criterion):
        groups = self.groups
        if criterion.exact is not None:
            positions = groups.get(criterion.exact[0])
            return [positions] if positions else []
        if self._kinds is None:
            self._kinds = dict(_by_kind(groups))
        values = self._kinds.get(criterion.kind, ())
        if criterion.span is not None:
            found = values[_within(values, *criterion.span)]
        else:
            found = values[_beginning(values, criterion.prefix)]
        return list(map(groups.__getitem__, found))

    def values(self):
        return [(value, len(positions)) for value, positions in self.groups.items()]

    def items(self):
        return self.groups.items()


class ScanIndex:
    """The index of what is in memory and asked once: a look through it."""

    def __init__(self, values):
        self._values = values

    def postings(self, criterion):
        if criterion.exact is not None:
            positions = list(self._found(criterion.exact[0]))
            return [positions] if positions else []
        matches = criterion.matches
        kept = {}
        positions = []
        for position, value in enumerate(self._values):
            match = kept.get(value)
            if match is None:
                match = kept[value] = value is not codec.ABSENT and matches(value)
            if match:
                positions.append(position)
        return [positions] if positions else []

    def values(self):
        counts = Counter(self._values)
        del counts[codec.ABSENT]
        return list(counts.items())

    def _found(self, value):
        position = -1
        index = self._values.index
        with suppress(ValueError):
            while True:
                position = index(value, position + 1)
                yield position


class IndexPage(Checked):
    """Some values of one kind, in order, and their positions."""

    def __init__(self, values, counts, positions):
        raw = pickle.dumps(
            (codec.encode_column(values), codec.array_to_bytes(counts),
             positions.typecode, codec.array_to_bytes(positions)), 5)
        # Short positions hardly get smaller, and are written while saving.
        super().__init__((codec.stored if positions.typecode == 'H'
                          else codec.compress)(raw))

    def decoded(self):
        """Return the values, where each one's positions begin, the positions."""
        cached = self.__dict__.get('_v_decoded')
        if cached is None:
            values, counts, typecode, positions = pickle.loads(self.content())
            counts = codec.array_from_bytes('I', counts)
            cached = self._v_decoded = (
                codec.decode_values(values),
                array('I', accumulate(counts, initial=0)),
                codec.array_from_bytes(typecode, positions))
        return cached


class _Pages(list):
    """The pages of the values of a kind.

    ``firsts`` are each page's first value, ``marks`` what the pages must have, and
    ``where`` is the name of the index.
    """

    def __init__(self, pages, firsts, marks, where):
        super().__init__(pages)
        self.firsts = firsts
        self.marks = marks
        self.where = where
        self._known = set()

    def decoded(self, number):
        """Return what a page has; a ``DamagedError`` if it is hurt or another."""
        page = self[number]
        if number not in self._known:
            damage.expect(page, IndexPage, '{}, page {}', self.where, number,
                          mark=self.marks[number])
            self._known.add(number)
        return damage.loaded(page).decoded()

    def items(self, number):
        """Return the values of a page, each with the list of its positions."""
        values, offsets, positions = self.decoded(number)
        return [(value, list(positions[offsets[n]:offsets[n + 1]]))
                for n, value in enumerate(values)]


class SegmentIndex:
    """The index of a segment, and a part of its state.

    ``kinds`` maps the kind of the values to the pages.
    """

    def __init__(self, kinds):
        self.kinds = kinds
        self._table = None

    @classmethod
    def of(cls, coded, where):
        """Return the index of a column; ``where`` is what errors call it."""
        typecode = 'H' if len(coded) <= 65536 else 'I'
        groups = coded.grouped()
        kinds = {}
        for kind, members in _by_kind(groups):
            firsts, pages = _pages(members, groups, typecode)
            kinds[kind] = _Pages(pages, firsts, [page.mark for page in pages], where)
        return cls(kinds)

    def state(self):
        """Return all but the pages."""
        return {kind: (pages.firsts, pages.marks)
                for kind, pages in self.kinds.items()}

    @classmethod
    def from_state(cls, state, pages, where):
        """Return the index of that state, its pages taken out of an iterator."""
        return cls({kind: _Pages(islice(pages, len(marks)), firsts, marks, where)
                    for kind, (firsts, marks) in state.items()})

    def pages(self):
        """Return all pages."""
        return chain.from_iterable(self.kinds.values())

    def postings(self, criterion):
        if criterion.exact is not None:
            positions = self._exact(criterion.exact[0])
            return [positions] if positions else []
        found = self.kinds.get(criterion.kind)
        if found is None:
            return []
        if criterion.span is not None:
            return self._span(found, *criterion.span)
        return self._prefix(found, criterion.prefix)

    def _exact(self, value):
        found = self.kinds.get(keys.kind_of(value))
        if found is None:
            return None
        if value is None:
            return found.decoded(0)[2]
        number = bisect_right(found.firsts, value) - 1
        if number < 0:
            return None
        values, offsets, positions = found.decoded(number)
        place = bisect_left(values, value)
        if place == len(values) or values[place] != value:
            return None
        return positions[offsets[place]:offsets[place + 1]]

    def _span(self, found, low, high):
        firsts = found.firsts
        start = 0 if low is None else max(bisect_right(firsts, low) - 1, 0)
        end = len(firsts) if high is None else bisect_right(firsts, high)
        result = []
        for number in range(start, end):
            values, offsets, positions = found.decoded(number)
            result += [positions[offsets[n]:offsets[n + 1]]
                       for n in range(len(values))[_within(values, low, high)]]
        return result

    def _prefix(self, found, prefix):
        result = []
        for number in range(
                max(bisect_right(found.firsts, prefix) - 1, 0), len(found)):
            values, offsets, positions = found.decoded(number)
            beginning = _beginning(values, prefix)
            result += [positions[offsets[n]:offsets[n + 1]]
                       for n in range(len(values))[beginning]]
            if beginning.stop < len(values):
                break
        return result

    def values(self):
        result = []
        for pages in self.kinds.values():
            for number in range(len(pages)):
                values, offsets, _ = pages.decoded(number)
                result += [(value, offsets[n + 1] - offsets[n])
                           for n, value in enumerate(values)]
        return result

    def table(self, length):
        """Return the value at each position, of a segment of ``length`` tracks.

        It is kept, so it pays where the positions that are asked for are many.
        """
        if self._table is None:
            values = [codec.ABSENT] * length
            for value, positions in self.items():
                deque(map(values.__setitem__, positions, repeat(value)), 0)
            self._table = tuple(values)
        return self._table

    def items(self):
        for pages in self.kinds.values():
            for number in range(len(pages)):
                values, offsets, positions = pages.decoded(number)
                for n, value in enumerate(values):
                    yield value, positions[offsets[n]:offsets[n + 1]]


def _within(values, low, high):
    """Return the slice of sorted values from ``low`` to ``high``."""
    return slice(0 if low is None else bisect_left(values, low),
                 len(values) if high is None else bisect_right(values, high))


def _beginning(values, prefix):
    """Return the slice of sorted texts or bytes that begin so."""
    start = bisect_left(values, prefix)
    stop = start
    while stop < len(values) and values[stop].startswith(prefix):
        stop += 1
    return slice(start, stop)


def _by_kind(groups):
    """Return pairs of a kind and the sorted values of it."""
    if set(map(type, groups)) in ({str}, {int}):
        return [(keys.kind_of(next(iter(groups))), sorted(groups))]
    kinds = {}
    for value in groups:
        kind = keys.kind_of(value)
        if kind is not None:
            kinds.setdefault(kind, []).append(value)
    return [(kind, members if kind == keys.NONE else sorted(members))
            for kind, members in sorted(kinds.items())]


def _pages(values, groups, typecode):
    """Return the first values and the pages for these sorted values."""
    postings = list(map(groups.__getitem__, values))
    counts = list(map(len, postings))
    most = PAGE_BYTES // array(typecode).itemsize
    firsts, pages, start, size = [], [], 0, 0
    for number, length in enumerate(counts):
        if number > start and (
                size + length > most or number - start >= PAGE_VALUES):
            firsts.append(values[start])
            pages.append((start, number))
            start, size = number, 0
        size += length
    firsts.append(values[start])
    pages.append((start, len(values)))
    return firsts, [
        IndexPage(values[start:end], array('I', counts[start:end]),
                  array(typecode, list(chain.from_iterable(postings[start:end]))))
        for start, end in pages]
