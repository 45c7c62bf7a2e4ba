"""A backend that delivers when it is told to."""

import threading

from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.forks import renewed_after_fork
from trackstore.tests.waiting import LONG


class Gate(MemoryBackend):
    """Delivers when it is opened."""

    def __init__(self):
        super().__init__(None)
        self.open = threading.Event()
        self.entered = threading.Event()
        self.sizes = []
        renewed_after_fork(self)

    def after_fork(self):
        """Have locks that no thread of the parent holds."""
        self.open, self.entered = map(_like, (self.open, self.entered))

    def send_many(self, events):
        self.entered.set()
        assert self.open.wait(LONG)
        self.sizes.append(len(events))
        super().send_many(events)

    def send(self, event):
        self.send_many([event])

    def numbers(self):
        return [event['data']['n'] for event in self.events]


def _like(event):
    another = threading.Event()
    if event.is_set():
        another.set()
    return another


def emit(tracker, start, stop):
    for number in range(start, stop):
        tracker.emit('n', {'n': number})
