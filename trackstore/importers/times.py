"""Times as people and logs write them: epoch seconds and ISO 8601."""

import math
import re
from contextlib import suppress
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

NUMBER = re.compile(r'[+-]?\d{1,20}(\.\d{1,20})?(e[+-]?\d{1,2})?\Z', re.A | re.I)
YEAR = re.compile(r'(\d{4})\Z', re.A)
DATE = re.compile(r'\d{8}\Z', re.A)
MONTH = re.compile(r'(\d{4})-(\d\d)\Z', re.A)
ISO = re.compile(
    r'(\d{4})-?(\d\d)-?(\d\d)'
    r'(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:[.,](\d{1,20}))?)?'
    r' ?(Z|[+-]\d\d(?::?\d\d)?)?)?\Z', re.A | re.I)

ALLOWED = ('seconds since the epoch, or ISO 8601 such as 2026-11-21, '
           '2026-11-21T20:10 or 2026-11-21T20:10:05+01:00')

#: What a person may ask for.
ASKED = ('a year (2026), a month (2026-11), a date (2026-11-21 or 20261121), a time '
         '(2026-11-21T20:10, also with seconds and +01:00) and seconds since the '
         'epoch (1795291800)')

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
        with suppress(OverflowError):   # an int that is too large for a float
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


def asked_time(text, zone=timezone.utc, end=False):
    """Return the time stamp of what a person asks for, as ``time_of`` does.

    Here four digits are a year and eight are a date, not seconds.

    >>> asked_time('1970'), asked_time('19700102')
    (0, 86400)
    """
    text = text.strip()
    found = None
    if YEAR.match(text) or DATE.match(text):
        found = _day(text, zone, end)
    else:
        try:
            return time_of(text, zone, end)
        except ValueError:
            pass
    if found is None:
        raise ValueError(f'{text!r} is no time; allowed are {ASKED}')
    return found[0]


def is_number(value):
    """Tell whether a time is a number, or a text with one."""
    return not isinstance(value, str) or NUMBER.match(value.strip()) is not None


def _day(text, zone, end):
    """Return the time stamp of a year, a month or a date in a tuple, or None."""
    year, month = YEAR.match(text), MONTH.match(text)
    found = year or month or ISO.match(text)
    if not found or not (year or month) and found[4]:
        return None
    try:
        first = datetime(int(found[1]), 1 if year else int(found[2]),
                         1 if year or month else int(found[3]), tzinfo=zone)
        if not end:
            return (_seconds(first),)
        after = first + timedelta(days=366 if year else 31 if month else 1)
        if year or month:
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
