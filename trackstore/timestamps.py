"""Time stamps: seconds since the epoch."""

import time

from trackstore.exceptions import TimeStampError

#: The source of the time; ``trackstore.testing.frozen_clock`` replaces it.
clock = time.time

#: Whole time stamps fit into 53 bits, so that they compare exactly with floats.
LARGEST = 2 ** 53


def getTimeStamp():
    """Return the current time in whole seconds since the epoch."""
    return int(clock())


def timeStamp2ISO(timeStamp):
    """Return a time stamp as ``'2026-11-21 20:10'``, in UTC.

    One that is outside of the calendar is returned as its ``repr()``.
    """
    try:
        return time.strftime('%Y-%m-%d %H:%M', time.gmtime(timeStamp))
    except (ValueError, OverflowError, OSError):
        return repr(timeStamp)


def checked(timeStamp, name='timeStamp'):
    """Return the time stamp, or raise ``TimeStampError`` naming the argument."""
    if type(timeStamp) in (int, float) and -LARGEST <= timeStamp <= LARGEST:
        return timeStamp
    raise TimeStampError(
        f'{name}: {timeStamp!r} is no time stamp; allowed are finite numbers '
        f'(int or float, seconds since the epoch) up to 2**53')


def given(timeStamp):
    """Return the time stamp checked, or the current time for None."""
    return getTimeStamp() if timeStamp is None else checked(timeStamp)
