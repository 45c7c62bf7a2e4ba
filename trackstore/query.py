"""Queries: from criteria to a plan, to the numbers of tracks."""

from bisect import bisect_left, bisect_right
from collections import Counter
from itertools import chain

from trackstore import keys, timestamps
from trackstore.criteria import OPTIONS, Between, criterion_of
from trackstore.exceptions import CriteriaError
from trackstore.view import prefetch

#: A list this many times longer than another is searched, not walked.
MUCH_LONGER = 16


class Plan:
    """What a query asks for.

    ``wanted`` and ``unwanted`` are lists of pairs of an index and a criterion,
    ``low`` and ``high`` bounds of the time stamp or None.
    """

    def __init__(self, indexes, criteria, options=OPTIONS):
        self.wanted, self.unwanted = [], []
        self.found = Counter()  # index -> how many positions it gave so far
        self.low = self.high = self.limit = self.after = None
        self.reverse = False
        for name, value in criteria.items():
            if name in indexes:
                self._add_criterion(name, value)
            elif name in options:
                getattr(self, '_set_' + name)(value)
            else:
                raise CriteriaError(
                    f'{name}: is no criterion; known are '
                    f'{", ".join((*indexes, *options))}')

    @property
    def everything(self):
        """Whether there is no criterion that a track could fail."""
        return not (self.wanted or self.unwanted
                    or self.low is not None or self.high is not None)

    def _add_criterion(self, name, value):
        if name == 'runId' and value is None:
            return
        criterion = criterion_of(value, name)
        if (name == 'timeStamp' and isinstance(criterion, Between)
                and criterion.kind == keys.NUMBER):
            self._narrow(*criterion.span)
        elif criterion.negated:
            self.unwanted.append((name, criterion))
        else:
            self.wanted.append((name, criterion))

    def _narrow(self, low, high):
        if low is not None and (self.low is None or low > self.low):
            self.low = low
        if high is not None and (self.high is None or high < self.high):
            self.high = high

    def _set_timeFrom(self, value):
        if value is not None:
            self._narrow(timestamps.checked(value, 'timeFrom'), None)

    def _set_timeTo(self, value):
        if value is not None:
            self._narrow(None, timestamps.checked(value, 'timeTo'))

    def _set_timeFromTo(self, value):
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            raise CriteriaError(
                f'timeFromTo: {value!r} is no pair; allowed is a tuple '
                f'(from, to) of time stamps')
        self._set_timeFrom(value[0])
        self._set_timeTo(value[1])

    def _set_limit(self, value):
        if value is not None and (type(value) is not int or value < 0):
            raise CriteriaError(
                f'limit: {value!r} is no limit; allowed are whole numbers from '
                f'0 and None')
        self.limit = value

    def _set_reverse(self, value):
        self.reverse = bool(value)

    def _set_after(self, value):
        if (isinstance(value, str) and value.isascii() and value.isdigit()
                and len(value) < 20):
            value = int(value)
        if value is not None and type(value) is not int:
            raise CriteriaError(
                f'after: {value!r} is no id; allowed are ids such as '
                f"'0000001', numbers and None")
        self.after = value


def hits(view, plan):
    """Yield each source with the positions in it of the tracks that match.

    The positions rise: a range, a list or an array.  As triples of the source,
    the positions, and the entry in the directory (None for the tail).
    """
    prefetch(entry.part for _, entry in view.entries)
    for key, entry in view.entries:
        positions = in_entry(view, key, entry, plan)
        if positions:
            yield entry.segment, positions, entry
    for part in view.parts:
        positions = in_part(part, plan)
        if positions:
            yield part, positions, None


def in_entry(view, key, entry, plan):
    """Return the rising positions in a segment of the tracks that match."""
    if (plan.high is not None and entry.low > plan.high) or (
            plan.low is not None and entry.high < plan.low):
        return ()
    if plan.after is not None and (
            entry.first >= plan.after if plan.reverse else entry.last <= plan.after):
        return ()
    low = plan.low if plan.low is not None and plan.low > entry.low else None
    high = plan.high if plan.high is not None and plan.high < entry.high else None
    positions = _matching(entry.segment, entry.count, plan, low, high)
    return without(positions, view.hidden(key, entry)) if positions else ()


def in_part(part, plan):
    """Return the rising positions in a part of the tail."""
    if not part.numbers:
        return ()
    return _matching(part, len(part), plan, plan.low, plan.high)


def _matching(source, count, plan, low, high):
    result = None
    timed = low is not None or high is not None
    reach = source.reach(low, high) if timed else range(count)
    if plan.wanted:
        found = []
        # What gave the fewest so far comes first: where it gives none, the other
        # indexes need not be loaded.
        plan.wanted.sort(key=lambda wanted: plan.found[wanted[0]])
        for name, criterion in plan.wanted:
            positions = _positions(source, name, criterion)
            if not positions:
                return ()
            plan.found[name] += len(positions)
            found.append(_clipped(positions, reach))
        found.sort(key=len)
        result = found[0]
        for other in found[1:]:
            result = intersection(result, other)
            if not result:
                return ()
    if timed:
        result = source.within(low, high, result)
    elif result is None:
        result = reach
    for name, criterion in plan.unwanted:
        result = without(result, frozenset(
            _clipped(_positions(source, name, criterion), reach)))
    return result


def _clipped(positions, reach):
    """Return those of some rising positions that are in a range."""
    start = bisect_left(positions, reach.start)
    stop = bisect_left(positions, reach.stop, start)
    return positions if stop - start == len(positions) else positions[start:stop]


def _positions(source, name, criterion):
    """Return the rising positions that match, the criterion's Not left out."""
    if name == 'timeStamp':
        return _positions_by_time(source, criterion)
    index = source.index(name)
    parts = set(criterion.parts())
    postings = []
    for part in parts:
        postings += index.postings(part)
    if len(postings) == 1:
        return postings[0]
    found = chain.from_iterable(postings)
    if len(parts) > 1 and any(part.exact is None for part in parts):
        found = set(found)  # a value may match more than one part
    return sorted(found)


def _positions_by_time(source, criterion):
    result = set()
    for part in criterion.parts():
        bounds = part.span or (part.exact and part.exact * 2)
        if bounds and {keys.kind_of(bound) for bound in bounds
                       if bound is not None} == {keys.NUMBER}:
            result.update(source.within(*bounds))
    return sorted(result)


def intersection(shorter, longer):
    """Return what is in both of two rising sequences."""
    if len(shorter) * MUCH_LONGER < len(longer):
        result = []
        place, end = 0, len(longer)
        for position in shorter:
            place = bisect_left(longer, position, place)
            if place == end:
                break
            if longer[place] == position:
                result.append(position)
        return result
    return sorted(set(shorter).intersection(longer))


def without(positions, hidden):
    """Return the rising positions that are not hidden."""
    if not hidden:
        return positions
    if isinstance(positions, range) and len(hidden) * 64 < len(positions):
        return _cut(positions, sorted(hidden))
    return [position for position in positions if position not in hidden]


def _cut(positions, hidden):
    """Return a range without some positions: quick where these are few."""
    result, begin = [], positions.start
    for position in hidden:
        if positions.start <= position < positions.stop:
            result += range(begin, position)
            begin = position + 1
    if begin == positions.start:
        return positions
    result += range(begin, positions.stop)
    return result


def number_range(numbers, plan):
    """Return where ``plan.after`` and ``plan.limit`` cut rising numbers."""
    start, stop = 0, len(numbers)
    if plan.after is not None:
        if plan.reverse:
            stop = bisect_left(numbers, plan.after)
        else:
            start = bisect_right(numbers, plan.after)
    if plan.limit is not None:
        if plan.reverse:
            start = max(start, stop - plan.limit)
        else:
            stop = min(stop, start + plan.limit)
    return start, max(start, stop)
