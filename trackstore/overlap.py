"""Numbers that more than one segment has, found in windows of numbers.

Segments of which the spans do not overlap are not looked at.  In a window each
segment is a byte for each number, so that memory does not grow with the tracks.
"""

from array import array
from bisect import bisect_left, bisect_right
from typing import NamedTuple

#: The numbers of a window.
WINDOW = 2 ** 16


class Member(NamedTuple):
    """The tracks of a segment: intervals of numbers, and those that are not there."""

    name: str
    intervals: object
    hidden: array  # rising numbers

    @property
    def first(self):
        return self.intervals.starts[0]

    @property
    def last(self):
        return self.intervals.last

    def windows(self):
        """Return the numbers of the windows in which there may be tracks."""
        found = set()
        for n, start in enumerate(self.intervals.starts):
            found.update(range(start // WINDOW, self._end(n) // WINDOW + 1))
        return found

    def _end(self, n):
        intervals = self.intervals
        return (intervals.starts[n] + intervals.offsets[n + 1]
                - intervals.offsets[n] - 1)

    def marks(self, window):
        """Return bytes that are 1 where the window's number is that of a track."""
        begin = window * WINDOW
        found = bytearray(WINDOW)
        starts = self.intervals.starts
        place = max(bisect_right(starts, begin) - 1, 0)
        while place < len(starts) and starts[place] < begin + WINDOW:
            low = max(starts[place] - begin, 0)
            high = min(self._end(place) - begin + 1, WINDOW)
            if low < high:
                found[low:high] = b'\1' * (high - low)
            place += 1
        hidden = self.hidden
        for number in hidden[bisect_left(hidden, begin):
                             bisect_left(hidden, begin + WINDOW)]:
            found[number - begin] = 0
        return found


def twice(members):
    """Yield each number that two members have, with these."""
    for group in _overlapping(members):
        touched = {}
        for member in group:
            for window in member.windows():
                touched.setdefault(window, []).append(member)
        for window in sorted(touched):
            if len(touched[window]) > 1:
                yield from _in_window(window, touched[window])


def _overlapping(members):
    """Yield lists of members whose spans overlap, of two or more."""
    group, last = [], 0
    for member in sorted(members, key=lambda member: (member.first, member.last)):
        if group and member.first > last:
            if len(group) > 1:
                yield group
            group = []
        group.append(member)
        last = max(last, member.last)
    if len(group) > 1:
        yield group


def _in_window(window, members):
    all_marks = [member.marks(window) for member in members]
    seen = 0
    common = 0
    for marks in all_marks:
        marks = int.from_bytes(marks, 'little')
        common |= seen & marks
        seen |= marks
    found = common.to_bytes(WINDOW, 'little')
    place = found.find(1)
    while place >= 0:
        holders = [member for member, marks in zip(members, all_marks, strict=True)
                   if marks[place]]
        for other in holders[1:]:
            yield window * WINDOW + place, holders[0], other
        place = found.find(1, place + 1)
