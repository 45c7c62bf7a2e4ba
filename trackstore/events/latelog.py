"""Logging after a lock is released.

A handler of the log may emit events, and so want a lock that whoever logs has.  And
while another thread is in the handler, it waits for the lock, and who has that waits
for the handler.
"""

import contextlib
import logging
import threading


class _Kept(threading.local):
    messages = None     # a list in a block ``logged_after()``


_kept = _Kept()


class logged_after:
    """Log what a ``LateLog`` or ``SlowLog`` is told in the block when that is over.

    It stands before the lock: ``with logged_after(), lock:``.
    """

    def __enter__(self):
        self._is_outer = _kept.messages is None
        if self._is_outer:
            _kept.messages = []

    def __exit__(self, *error):
        if self._is_outer:
            messages, _kept.messages = _kept.messages, None
            for say, args, options in messages:
                # what the block has done is done, whatever a handler raises
                with contextlib.suppress(Exception):
                    say(*args, **options)


def late(say, *args, **options):
    """Call a method of a logger, in a block ``logged_after()`` at its end."""
    if _kept.messages is None:
        say(*args, **options)
    else:
        _kept.messages.append((say, args, options))


class LateLog:
    """The logger of a name, for what may be logged in a block ``logged_after()``."""

    def __init__(self, name):
        self._log = logging.getLogger(name)

    def info(self, *args):
        late(self._log.info, *args)

    def warning(self, *args):
        late(self._log.warning, *args)

    def error(self, *args):
        late(self._log.error, *args)
