"""A tracker with two contexts, three processors and a backend that does nothing."""

import gc
import statistics
import time

from trackstore.events import Tracker

from .load import Nothing, emit_all, processors, row

COUNT = 200_000
ROUNDS = 5


def measure():
    """Return a row of trackstore and one of event-tracking, that took turns."""
    from eventtracking.tracker import Tracker as TheirTracker

    makers = {'tracker and a backend that does nothing': Tracker,
              'the same with the package event-tracking': TheirTracker}
    rates = {title: [] for title in makers}
    taken = {title: [] for title in makers}
    for _ in range(ROUNDS):
        for title, maker in makers.items():
            tracker = maker({'nothing': Nothing()}, processors=processors())
            gc.collect()
            start = time.perf_counter()
            taken[title] += emit_all(tracker, COUNT // ROUNDS)
            rates[title].append(COUNT / ROUNDS / (time.perf_counter() - start))
    return [row(title, COUNT, statistics.median(rates[title]), taken[title])
            for title in makers]
