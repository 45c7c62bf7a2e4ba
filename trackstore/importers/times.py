"""Times as people and logs write them: epoch seconds and ISO 8601."""

import math
import re
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

NUMBER = re.compile(r'[+-]?\d{1,20}(\.\d{1,20})?(e[+-]?\d{1,2})?\Z', re.A | re.I)
MONTH = re.compile(r'(\d{4})-(\d\d)\Z', re.A)
ISO = re.compile(
    r'(\d{4})-?(\d\d)-?(\d\d)'
    r'(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,20}))?)?'
    r' ?(Z|[+-]\d\d(?::?\d\d)?)?)?\Z', re.A | re.I)

ALLOWED = ('seconds since the epoch, or ISO 8601 such as 2026-11-21, '
           '2026-11-21T20:10 or 2026-11-21T20:10:05+01:00')

#: The time stamps of the years 1 to 9999.
CALENDAR = range(-62135596800, 253402300800)

MICROSECOND = 1e-6


def zone_of(name):
    """Return the time zone of that name, such as ``'Europe/Berlin'``."""
    if name == 'UTC':
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise ValueError(
            f'there is no time zone {name!r}; allowed are names such as UTC or '
            f'Europe/Berlin') from None


def time_of(value, zone=timezone.utc, end=False):
    """Return a time stamp from a number or a text; whole ones as ``int``.

    Texts without a zone are in ``zone``.  With ``end`` a date (or a month) is
    its last moment, otherwise its first.  A ``ValueError`` says what is wrong.

    >>> time_of('1970-01-02'), time_of('1970-01-02', end=True)
    (86400, 172799.999999)
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if math.isfinite(value):
            return value
    elif isinstance(value, str):
        text = value.strip()
        if NUMBER.match(text):
            return int(text) if text.lstrip('+-').isdigit() else float(text)
        found = _day(text, zone, end) or _moment(text, zone)
        if found:
            return found[0]
    raise ValueError(f'{value!r} is no time; allowed are {ALLOWED}')


def is_number(value):
    """Tell whether a time is a number, or a text with one."""
    return not isinstance(value, str) or NUMBER.match(value.strip()) is not None


def _day(text, zone, end):
    """Return the time stamp of a month or a date in a tuple, or None."""
    month = MONTH.match(text)
    found = month or ISO.match(text)
    if not found or not month and found[4]:
        return None
    try:
        first = datetime(int(found[1]), int(found[2]), 1 if month else int(found[3]),
                         tzinfo=zone)
        if not end:
            return (_seconds(first),)
        after = first + timedelta(days=31 if month else 1)
        if month:
            after = after.replace(day=1)
        return (_seconds(after) - MICROSECOND,)
    except (ValueError, OverflowError):
        return None


def _moment(text, zone):
    """Return the time stamp of a date with a time in a tuple, or None."""
    found = ISO.match(text)
    if not found or not found[4]:
        return None
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    try:
        when = datetime(int(year), int(month), int(day), int(hour), int(minute),
                        tzinfo=_offset(offset) if offset else zone)
        seconds = _seconds(when)
    except (ValueError, OverflowError):
        return None
    second = int(second or 0)
    if second > 60:
        return None
    return (seconds + second + float(f'0.{fraction}') if fraction and int(fraction)
            else seconds + second,)


def _offset(text):
    if text in 'Zz':
        return timezone.utc
    digits = text[1:].replace(':', '')
    east = timedelta(hours=int(digits[:2]), minutes=int(digits[2:] or 0))
    return timezone(-east if text[0] == '-' else east)


def _seconds(when):
    return int(when.timestamp())
