"""A backend that keeps events in memory, for tests and for a look."""

from collections import deque

from zope.interface import implementer

from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IBatchBackend


@implementer(IBatchBackend)
class MemoryBackend:
    """Keeps the last events in ``events``, a deque; ``limit=None`` keeps all."""

    def __init__(self, limit=10_000):
        if limit is not None and (type(limit) is not int or limit < 1):
            raise ConfigurationError(
                f'limit: {limit!r} is no number of events; allowed are whole numbers '
                f'from 1, and None for all')
        self.events = deque(maxlen=limit)

    def send(self, event):
        self.events.append(event)

    def send_many(self, events):
        self.events.extend(events)

    def clear(self):
        """Forget all events."""
        self.events.clear()


@implementer(IBatchBackend)
class NullBackend:
    """Keeps nothing: for measurements, and to switch a backend off."""

    def send(self, event):
        pass

    def send_many(self, events):
        pass
