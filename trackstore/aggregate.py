"""Answers that need no tracks: counts, values, groups, histograms."""

from bisect import bisect_left
from collections import Counter
from decimal import Decimal
from functools import partial
from itertools import chain, islice, repeat
from math import inf
from operator import le
from typing import NamedTuple

from trackstore import codec, keys, timesteps
from trackstore.exceptions import CriteriaError
from trackstore.query import OPTIONS, Plan, hits, in_entry, in_part

#: What an aggregate takes beside the indexes.
TIMES = OPTIONS[:3]


#: So many tracks are grouped at a time.
MOST_AT_ONCE = 2 ** 20


class Group(NamedTuple):
    """What ``groupBy`` tells of the tracks with one value.

    ``first`` and ``last`` are time stamps.  ``sum``, ``mean``, ``minimum`` and
    ``maximum`` are None unless some of the tracks have a number.  They are Decimals
    where these are; of Decimals and floats the sum and the mean are floats.
    """

    count: int
    first: float
    last: float
    sum: float = None
    mean: float = None
    minimum: float = None
    maximum: float = None


class Bucket(NamedTuple):
    """A step of a histogram: aware datetimes, and the number of tracks."""

    start: object
    end: object
    count: int


def _hits(storage, criteria):
    """Yield the sources and positions, and the index entry of the segment."""
    plan = Plan(storage._indexes, criteria, TIMES)
    return hits(storage._view(), plan)


def _check_attribute(storage, attribute):
    if attribute not in storage._indexes:
        raise CriteriaError(
            f'attribute: there is no index {attribute!r}; known are '
            f'{", ".join(storage._indexes)}')


def count(storage, criteria):
    plan = Plan(storage._indexes, criteria, TIMES)
    view = storage._view()
    if plan.everything:
        return len(view)
    return sum(len(positions) for _, positions, _ in hits(view, plan))


def distinct(storage, attribute, criteria):
    _check_attribute(storage, attribute)
    found = set()
    for source, positions, _ in _hits(storage, criteria):
        if len(positions) == len(source) and attribute != 'timeStamp':
            found.update(value for value, _ in source.index(attribute).values())
        else:
            found.update(source.values_at(attribute, positions))
    found.discard(codec.ABSENT)
    return keys.sorted_keys(found)


def group_by(storage, attribute, of, criteria):
    _check_attribute(storage, attribute)
    groups = _Groups()
    values, times, numbers = [], [], []
    for source, positions, _ in _hits(storage, criteria):
        values += source.values_at(attribute, positions)
        times += source.values_at('timeStamp', positions)
        if of is not None:
            numbers += source.data_values(of, positions)
        if len(values) > MOST_AT_ONCE:
            groups.add(values, times, numbers)
            values, times, numbers = [], [], []
    groups.add(values, times, numbers)
    return groups.result()


class _Groups:
    """Counts, first and last times and numbers by value.

    Whole lists are taken at a time, by functions that are written in C.
    """

    def __init__(self):
        self.counts = Counter()
        self.firsts = {}
        self.lasts = {}
        self.numbers = {}  # value -> [how many, sum, minimum, maximum]

    def add(self, values, times, numbers):
        if not all(map(le, times, islice(times, 1, None))):
            order = sorted(range(len(times)), key=times.__getitem__)
            times = [times[n] for n in order]
            numbers = numbers and [numbers[n] for n in order]
            values = [values[n] for n in order]
        self.counts.update(values)
        lasts = dict(zip(values, times, strict=True))
        firsts = dict(zip(reversed(values), reversed(times), strict=True))
        if self.lasts:
            for value, time in self.lasts.items():
                lasts[value] = max(time, lasts.get(value, time))
            for value, time in self.firsts.items():
                firsts[value] = min(time, firsts.get(value, time))
        self.lasts, self.firsts = lasts, firsts
        if numbers:
            self._add_numbers(values, numbers)

    def _add_numbers(self, values, numbers):
        found = self.numbers
        for value, number in zip(values, numbers, strict=True):
            if type(number) not in (int, float):
                if type(number) is not Decimal or number.is_nan():
                    continue
            elif number != number:
                continue
            group = found.get(value)
            if group is None:
                found[value] = [1, number, number, number]
            else:
                group[0] += 1
                try:
                    group[1] += number
                except (TypeError, ArithmeticError):
                    group[1] = _as_float(group[1]) + _as_float(number)
                if number < group[2]:
                    group[2] = number
                elif number > group[3]:
                    group[3] = number

    def result(self):
        """Return a dictionary from value to ``Group``, its keys sorted."""
        counts = dict(self.counts)
        counts.pop(codec.ABSENT, None)
        ordered = keys.sorted_keys(counts)
        nothing = repeat(None)
        rows = zip(*(map(found.__getitem__, ordered) for found in (
            counts, self.firsts, self.lasts)),
            nothing, nothing, nothing, nothing, strict=False)
        groups = dict(zip(ordered, map(partial(tuple.__new__, Group), rows),
                          strict=True))
        for value, (many, total, low, high) in self.numbers.items():
            if value in groups:
                groups[value] = groups[value]._replace(
                    sum=total, mean=_mean(total, many), minimum=low, maximum=high)
        return groups


def _as_float(number):
    """Return a number as a float: what is too large is infinite, as in its sums."""
    try:
        return float(number)
    except OverflowError:
        return inf if number > 0 else -inf


def _mean(total, many):
    try:
        return total / many
    except ArithmeticError:
        return _as_float(total) / many


def histogram(storage, interval, timeZone, criteria):
    steps = timesteps.steps(interval, timeZone)
    times = sorted(chain.from_iterable(
        source.column('timeStamp', positions)
        for source, positions, _ in _hits(storage, criteria)))
    if not times:
        return []
    bounds = steps.bounds(times[0], times[-1])
    places = [bisect_left(times, bound) for bound in bounds]
    moments = [steps.moment(bound) for bound in bounds]
    return [Bucket(moments[n], moments[n + 1], places[n + 1] - places[n])
            for n in range(len(bounds) - 1)]


def last_time(storage, **criteria):
    """Return the highest time stamp of the tracks, or None."""
    found = _last(storage, criteria)
    return found and found[0]


def last_number(storage, **criteria):
    """Return the number of the last track, or None.

    That with the highest time stamp, of several the highest number.
    """
    found = _last(storage, criteria)
    return found and found[1]


def _last(storage, criteria):
    """Return the highest pair of time stamp and number, or None.

    What is older than the best so far is left out before it is loaded.
    """
    plan = Plan(storage._indexes, criteria, TIMES)
    view = storage._view()
    best = None
    for part in view.parts:
        best = _later(best, part, in_part(part, plan))
    by_time = sorted(view.entries, key=lambda item: item[1].high, reverse=True)
    for key, entry in by_time:
        if best is not None and entry.high < best[0]:
            break
        best = _later(best, entry.segment, in_entry(view, key, entry, plan))
    return best


def _later(best, source, positions):
    """Return the higher of a pair and the highest one in the source."""
    if not positions:
        return best
    time, position = source.last(positions)
    pair = time, source.numbers_at([position])[0]
    return pair if best is None else max(best, pair)
