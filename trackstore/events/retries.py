"""Trying again: when that makes sense, and after how long."""

import datetime
import email.utils
import random
import time
from threading import Event

from trackstore.events import checks
from trackstore.events.exceptions import DeliveryError

#: What may pass, of the answers that say that the request was wrong: a timeout, a
#: request that came too early, and one too many.
PASSING = (408, 425, 429)

#: What is about the place and who asks, not about what is sent.
OF_THE_PLACE = (401, 403, 404, 405, 407, 410, 415)


def is_final(status):
    """Tell whether an answer of HTTP means that this will never be taken."""
    return 300 <= status < 500 and status not in PASSING


def is_for_all(status):
    """Tell whether an answer of HTTP would have been the same for any request."""
    return 300 <= status < 400 or status in OF_THE_PLACE


def outcome(status, retry_after, told):
    """Return what an answer means: None, or an error.

    ``retry_after`` is the header of this name, or None; ``told()`` the text of the
    error.
    """
    if 200 <= status < 300:
        return None
    return DeliveryError(told(), again=not is_final(status),
                         for_all=is_for_all(status), after=asked_for(retry_after))


def asked_for(retry_after):
    """Return the seconds that a header ``Retry-After`` asks for; None for none.

    It has seconds or a date.
    """
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        date = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    if date.tzinfo is None:  # -0000: in UTC, from who knows where
        date = date.replace(tzinfo=datetime.timezone.utc)
    return max(0.0, date.timestamp() - time.time())


def pause(tried, first, longest):
    """Return a random part of ``first`` seconds, doubled each try up to ``longest``."""
    # 2 ** 60 is long enough, and no number that is too large
    return random.uniform(0, min(longest, first * 2 ** min(tried - 1, 60)))


class Retries:
    """Tries something up to ``tries`` times.

    The wait between two tries is a random part of a bound, so that many who failed at
    once do not come back at once.  The bound is ``backoff`` seconds at first, and
    twice as long each time, up to ``longest``.
    """

    def __init__(self, tries, backoff, longest):
        self._tries = checks.whole(tries, 'tries')
        self._backoff = checks.seconds(backoff, 'backoff', zero=True)
        self._longest = checks.seconds(longest, 'longest', zero=True)
        self._ended = Event()

    def run(self, action):
        """Do ``action()`` until it returns None, or raise its last error.

        Otherwise it returns a ``DeliveryError``.  One that is final, and one that asks
        for more than the longest wait, is raised at once.
        """
        ended = self._ended
        for tried in range(1, self._tries + 1):
            error = action()
            if error is None:
                return
            asked = error.after
            if not error.again or tried == self._tries or (
                    asked is not None and asked > self._longest):
                raise error
            if ended.wait(self.delay(tried, asked)):
                raise error

    def delay(self, tried, asked=None):
        """Return the seconds to wait after so many tries."""
        wait = pause(tried, self._backoff, self._longest)
        return wait if asked is None else min(self._longest, asked + wait)

    def end(self):
        """End the waits of all who wait now: their errors are raised."""
        ended, self._ended = self._ended, Event()
        ended.set()
