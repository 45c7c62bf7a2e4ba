"""Steps of time: seconds, and the calendar of a time zone."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trackstore.exceptions import CriteriaError

INTERVALS = ('minute', 'hour', 'day', 'week', 'month', 'year')

#: More steps than this are an error rather than a full memory.
MOST = 1_000_000

_SECONDS = {'minute': 60, 'hour': 3600}


def steps(interval, timeZone):
    """Return the ``Steps`` of an interval in a time zone, given by name."""
    if timeZone == 'UTC':
        zone = timezone.utc
    else:
        try:
            zone = ZoneInfo(timeZone)
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError) as error:
            raise CriteriaError(
                f'timeZone: {timeZone!r} is no known time zone; allowed are '
                f"names such as 'UTC' and 'Europe/Berlin'") from error
    if interval in INTERVALS:
        return Steps(interval, zone)
    if (isinstance(interval, (int, float)) and not isinstance(interval, bool)
            and 0 < interval < float('inf')):
        return Steps(interval, zone)
    raise CriteriaError(
        f'interval: {interval!r} is no interval; allowed are '
        f'{", ".join(INTERVALS)} and a number of seconds')


class Steps:
    """Consecutive steps of time in a zone."""

    def __init__(self, interval, zone):
        self.interval = interval
        self.zone = zone

    def moment(self, timeStamp):
        """Return a time stamp as an aware datetime."""
        return datetime.fromtimestamp(timeStamp, self.zone)

    def bounds(self, first, last):
        """Return where steps begin, from that of ``first`` to after ``last``."""
        try:
            bounds = [self._floor(first)]
            while bounds[-1] <= last:
                bounds.append(self._next(bounds[-1]))
                if len(bounds) > MOST:
                    raise CriteriaError(
                        f'interval: {self.interval!r} makes more than {MOST} '
                        f'steps; allowed are fewer: take a longer one, or '
                        f'timeFrom and timeTo')
            for bound in (bounds[0], bounds[-1]):
                self.moment(bound)
        except (OverflowError, OSError, ValueError) as error:
            raise CriteriaError(
                f'interval: steps of {self.interval!r} for the time stamps {first!r} '
                f'to {last!r} are outside of the calendar; allowed are shorter ones, '
                f'and timeFrom and timeTo') from error
        return bounds

    def _floor(self, timeStamp):
        interval = self.interval
        if interval not in INTERVALS:
            return timeStamp // interval * interval
        local = self.moment(timeStamp)
        if interval in _SECONDS:
            return self._floor_clock(local)
        date = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        if interval == 'week':
            date -= timedelta(days=date.weekday())
        elif interval == 'month':
            date = date.replace(day=1)
        elif interval == 'year':
            date = date.replace(month=1, day=1)
        return date.timestamp()

    def _floor_clock(self, local):
        """Return where the local minute or hour began."""
        over = local.second + local.microsecond / 1e6
        if self.interval == 'hour':
            over += 60 * local.minute
        return local.timestamp() - over

    def _next(self, bound):
        interval = self.interval
        if interval not in INTERVALS:
            return bound + interval
        if interval in _SECONDS:
            after = bound + _SECONDS[interval]
            floored = self._floor_clock(self.moment(after))
            return floored if floored > bound else after
        # The middle of the next step is in it, whatever its clock changes do.
        reach = {'day': 1.5, 'week': 10, 'month': 45, 'year': 550}[interval]
        return self._floor(bound + reach * 86400)
