"""Rising numbers as intervals, which are few where the numbers have few gaps."""

from array import array
from bisect import bisect_left, bisect_right
from itertools import islice
from operator import lt

from trackstore import codec


class Intervals:
    """Rising numbers as intervals: from number to position and back.

    ``starts`` are the first numbers of the intervals, ``offsets`` the position
    of each of these, with the number of positions at the end.
    """

    def __init__(self, starts, offsets):
        self.starts = starts
        self.offsets = offsets

    @property
    def last(self):
        """The last number."""
        return self.starts[-1] + self.offsets[-1] - self.offsets[-2] - 1

    @property
    def rising(self):
        """Whether all numbers and positions rise."""
        starts, offsets = self.starts, self.offsets
        return all(map(lt, offsets, islice(offsets, 1, None))) and all(
            start + after - offset <= following
            for start, offset, after, following in zip(
                starts, offsets, islice(offsets, 1, None), islice(starts, 1, None),
                strict=False))

    def position_of(self, number):
        """Return the position of a number, or None."""
        place = bisect_right(self.starts, number) - 1
        if place < 0:
            return None
        position = self.offsets[place] + number - self.starts[place]
        return position if position < self.offsets[place + 1] else None

    def numbers_at(self, positions):
        """Return the numbers at these rising positions: a range or a list."""
        if not positions:
            return []
        starts, offsets = self.starts, self.offsets
        first = bisect_right(offsets, positions[0]) - 1
        shift = starts[first] - offsets[first]
        if positions[-1] < offsets[first + 1]:
            if isinstance(positions, range):
                return range(positions[0] + shift, positions[-1] + shift + 1)
            return list(map(shift.__add__, positions)) if shift else positions
        result = []
        begin = 0
        while begin < len(positions):
            place = bisect_right(offsets, positions[begin]) - 1
            end = bisect_left(positions, offsets[place + 1], begin)
            shift = starts[place] - offsets[place]
            result += map(shift.__add__, positions[begin:end])
            begin = end
        return result


class IntervalsBuilder:
    """Gathers rising numbers into intervals."""

    def __init__(self):
        self.starts = array('q')
        self.offsets = array('q')
        self.count = 0
        self.next = None

    def add(self, numbers):
        """Add a range or a rising list of numbers."""
        if numbers[-1] - numbers[0] == len(numbers) - 1:
            self._add_range(numbers[0], len(numbers))
        else:
            for number in numbers:
                self._add_range(number, 1)

    def _add_range(self, number, count):
        if number != self.next:
            self.starts.append(number)
            self.offsets.append(self.count)
        self.count += count
        self.next = number + count

    def shift(self, first):
        """Make these numbers begin with another one."""
        shift = first - self.starts[0]
        self.next += shift
        self.starts = array('q', map(shift.__add__, self.starts))

    def state(self):
        """Return the intervals as bytes."""
        self.offsets.append(self.count)
        return tuple(codec.encode_column(column, rising=True)
                     for column in (self.starts, self.offsets))

    def last(self):
        """Return the last number."""
        return self.next - 1
