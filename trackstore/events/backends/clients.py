"""Clients of HTTP for many threads, each of which has one to itself.

The pool of ``httpx`` may close a connection that a thread has just been given, because
it takes the coming answer for the end of an idle one.  With many threads that is seen
every few hundred requests, each of which then is sent twice.
"""

import threading
from contextlib import contextmanager


class Clients:
    """Up to ``most`` clients that ``make()`` makes; what is done with is used again."""

    def __init__(self, make, most):
        self._make, self._most = make, most
        self.renew()

    def renew(self):
        """Forget all clients, which belong to the parent process."""
        self._turn = threading.BoundedSemaphore(self._most)
        self._idle = []

    @contextmanager
    def one(self):
        """Give a client to the block alone; wait for one if all are in use."""
        with self._turn:
            idle = self._idle
            try:
                client = idle.pop()  # the last one used: its connection may be open
            except IndexError:
                client = self._make()
            try:
                yield client
            finally:
                if idle is self._idle:
                    idle.append(client)
                else:
                    client.close()

    def close(self):
        """Close all clients, those that are in use when they are done with."""
        idle, self._idle = self._idle, []
        while idle:  # which another thread may just be taking one from
            idle.pop().close()
