"""Answers that need no tracks: counts, values, groups, histograms."""

from bisect import bisect_left
from collections import Counter
from itertools import chain
from operator import le
from typing import NamedTuple

from trackstore import codec, keys, timesteps
from trackstore.exceptions import CriteriaError
from trackstore.query import OPTIONS, Plan, hits, in_entry, in_part

#: What an aggregate takes beside the indexes.
TIMES = OPTIONS[:3]


class Group(NamedTuple):
    """What ``groupBy`` tells of the tracks with one value.

    ``first`` and ``last`` are time stamps.  ``sum``, ``mean``, ``minimum`` and
    ``maximum`` are None unless some of the tracks have a number.
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
    plan = Plan(storage.indexAttributes, criteria, TIMES)
    return hits(storage._view(), plan)


def _check_attribute(storage, attribute):
    if attribute not in storage.indexAttributes:
        raise CriteriaError(
            f'attribute: there is no index {attribute!r}; known are '
            f'{", ".join(storage.indexAttributes)}')


def count(storage, criteria):
    plan = Plan(storage.indexAttributes, criteria, TIMES)
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
            found.update(source.column(attribute, positions))
    found.discard(codec.ABSENT)
    return keys.sorted_keys(found)


def group_by(storage, attribute, of, criteria):
    _check_attribute(storage, attribute)
    groups = {}
    for source, positions, _ in _hits(storage, criteria):
        values = source.column(attribute, positions)
        times = source.column('timeStamp', positions)
        _add_counts(groups, values, times)
        if of is not None:
            _add_numbers(groups, values, source.data_values(of, positions))
    groups.pop(codec.ABSENT, None)
    return {value: _group(*groups[value]) for value in keys.sorted_keys(groups)}


def _add_counts(groups, values, times):
    """Add the tracks to the groups: lists [count, first, last, numbers]."""
    if not all(map(le, times, times[1:])):
        ordered = sorted(zip(times, range(len(times)), strict=True))
        values = [values[n] for _, n in ordered]
        times = [time for time, _ in ordered]
    lasts = dict(zip(values, times, strict=True))
    firsts = dict(zip(reversed(values), reversed(times), strict=True))
    for value, number in Counter(values).items():
        group = groups.get(value)
        if group is None:
            groups[value] = [number, firsts[value], lasts[value], None]
        else:
            group[0] += number
            group[1] = min(group[1], firsts[value])
            group[2] = max(group[2], lasts[value])


def _add_numbers(groups, values, numbers):
    """Add [how many, sum, minimum, maximum] of what are numbers."""
    for value, number in zip(values, numbers, strict=True):
        if (isinstance(number, (int, float)) and not isinstance(number, bool)
                and number == number):
            group = groups[value]
            if group[3] is None:
                group[3] = [1, number, number, number]
            else:
                found = group[3]
                found[0] += 1
                found[1] += number
                found[2] = min(found[2], number)
                found[3] = max(found[3], number)


def _group(number, first, last, numbers):
    if numbers is None:
        return Group(number, first, last)
    many, total, minimum, maximum = numbers
    return Group(number, first, last, total, total / many, minimum, maximum)


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
    plan = Plan(storage.indexAttributes, criteria, TIMES)
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
