"""Waiting for what other threads and processes do."""

import time

#: More seconds than anything takes here, on a slow and busy machine, too.  It only
#: ends what hangs.
LONG = 240


def wait_until(holds, seconds=LONG, pause=0.01):
    """Wait until a function returns what is true, and return that.

    It is a RuntimeError if it never does.
    """
    end = time.monotonic() + seconds
    while not (found := holds()):
        if time.monotonic() > end:
            raise RuntimeError(f'what was waited for did not come in {seconds} s')
        time.sleep(pause)
    return found
