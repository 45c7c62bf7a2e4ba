"""Logging what may happen many times a second."""

import time

from trackstore.events.latelog import late

#: So many seconds are between two messages of one kind, at the least.
PAUSE = 10


class SlowLog:
    """Logs the first message of a kind, and then one in ``PAUSE`` seconds.

    A message says how many of its kind were left out before.
    """

    def __init__(self, log):
        self._log = log
        self._next = {}     # by message: when to log it again, how many were not

    def warning(self, message, *args):
        self._say(self._log.warning, message, args)

    def error(self, message, *args, **options):
        self._say(self._log.error, message, args, **options)

    def _say(self, say, message, args, **options):
        now = time.monotonic()
        after, quiet = self._next.get(message, (now, 0))
        if now < after:
            self._next[message] = after, quiet + 1
            return
        self._next[message] = now + PAUSE, 0
        if quiet:
            message, args = message + ' (and %s times before)', (*args, quiet)
        late(say, message, *args, **options)
