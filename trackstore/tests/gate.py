"""A backend that delivers when it is told to."""

import threading

from trackstore.events.backends.memory import MemoryBackend

#: More seconds than anything here takes.
LONG = 60


class Gate(MemoryBackend):
    """Delivers when it is opened."""

    def __init__(self):
        super().__init__(None)
        self.open = threading.Event()
        self.entered = threading.Event()
        self.sizes = []

    def send_many(self, events):
        self.entered.set()
        assert self.open.wait(LONG)
        self.sizes.append(len(events))
        super().send_many(events)

    def send(self, event):
        self.send_many([event])

    def numbers(self):
        return [event['data']['n'] for event in self.events]


def emit(tracker, start, stop):
    for number in range(start, stop):
        tracker.emit('n', {'n': number})
