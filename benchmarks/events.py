"""What an event costs: in the tracker, in the caller, and on its way to a store.

``python -m benchmarks.events`` measures, each in a process of its own:

``tracker``
    events through a tracker with two contexts, three processors and a backend that
    does nothing; and the same through the package event-tracking, turn by turn
``direct``
    events that are committed to a store one by one, in the caller
``queue``, ``journal``
    events that the local queue takes to a store, without and with a journal on disk
``celery``
    events that are sent to a broker (the caller only)

``--write`` writes ``events.csv``, which the documentation shows.
"""

import argparse
import csv
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.tracking import TrackingBackend
from trackstore.events.carriers.local import LocalCarrier

NAMES = ('tracker', 'direct', 'queue', 'journal')
HEAD = ('events', 'number', 'a second', 'microseconds in the caller: median', '99 %',
        'bytes an event', 'memory grown by, MB')
TITLES = {
    'tracker': 'tracker and a backend that does nothing',
    'event-tracking': 'the same with the package event-tracking',
    'direct': 'each committed to a store in the caller',
    'queue': 'by the local queue to a store',
    'journal': 'by the local queue to a store, each on disk first'}
COUNTS = {'tracker': 200_000, 'direct': 3_000, 'queue': 500_000, 'journal': 200_000}

#: So many events at a time have their clock read; reading it costs, too.
SAMPLE = 7


class Nothing:
    """A backend that does nothing."""

    def send(self, event):
        pass


def emit_all(tracker, count):
    """Emit events; return the nanoseconds that some of them took in the caller."""
    tracker.enter_context('application', {'host': 'shop1', 'release': '1.2'})
    taken, clock = [], time.perf_counter_ns
    for number in range(count):
        if not number % 20:
            tracker.enter_context('request', {
                'session_id': f's{number // 20 % 5000}',
                'user_id': f'u{number // 20 % 1000}', 'path': f'/p/{number % 97}'})
        data = {'order': number, 'amount': number % 1000, 'express': not number % 3}
        if number % SAMPLE:
            tracker.emit('order.placed', data)
        else:
            start = clock()
            tracker.emit('order.placed', data)
            taken.append(clock() - start)
    return taken


def processors():
    """Return three processors like those that applications have."""
    def no_pings(event):
        return event if event['name'] != 'ping' else None

    def sign(event):
        event['data']['by'] = 'shop'

    def at(event):
        event['context']['at'] = 'front'
        return event
    return [no_pings, sign, at]


# what is measured

def measure_tracker():
    """Return rows of both packages, that took turns."""
    from eventtracking.tracker import Tracker as TheirTracker

    makers = {'tracker': Tracker, 'event-tracking': TheirTracker}
    rates = {name: [] for name in makers}
    taken = {name: [] for name in makers}
    for _ in range(5):
        for name, maker in makers.items():
            tracker = maker({'nothing': Nothing()}, processors=processors())
            gc.collect()
            start = time.perf_counter()
            taken[name] += emit_all(tracker, COUNTS['tracker'] // 5)
            rates[name].append(COUNTS['tracker'] / 5 / (time.perf_counter() - start))
    return [row(name, COUNTS['tracker'], statistics.median(rates[name]), taken[name])
            for name in makers]


def measure_store(name):
    """Return the row of events that go to a store."""
    count = COUNTS[name]
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder) / 'events.fs'
        backend = TrackingBackend(str(where))
        top = backend if name == 'direct' else AsyncRoutingBackend(
            'queue', backends={'store': backend}, carrier=LocalCarrier(
                max_events=100_000, folder=str(Path(folder) / 'spill'),
                journal=name == 'journal'))
        tracker = Tracker({'store': top})
        tracker.emit('warm')
        before = memory()
        start = time.perf_counter()
        taken = emit_all(tracker, count)
        if top is not backend:
            assert top.flush()
        rate = count / (time.perf_counter() - start)
        grown = memory() - before
        top.close()
        found = holds(where)
        if found != count + 1:
            raise AssertionError(f'{found:,} events are there, {count + 1:,} were sent')
        return [row(name, count, rate, taken, where.stat().st_size / count, grown)]


def holds(where):
    """Return the number of tracks of a store."""
    import trackstore
    with trackstore.open(where, readOnly=True) as tracks:
        return len(tracks)


def memory():
    """Return the most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def row(name, count, rate, taken, size=None, grown=None):
    median = statistics.median(taken) / 1000
    high = statistics.quantiles(taken, n=100)[98] / 1000
    return (TITLES[name], f'{count:,}', f'{rate:,.0f}', f'{median:.1f}', f'{high:.1f}',
            '' if size is None else f'{size:.0f}',
            '' if grown is None else f'{grown:.0f}')


def main():
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.events', description=__doc__.partition('\n')[0])
    parser.add_argument('--only', default=','.join(NAMES),
                        help=f'of {", ".join(NAMES)} (default: all)')
    parser.add_argument('--one', choices=NAMES, help=argparse.SUPPRESS)
    parser.add_argument('--write', action='store_true', help='write events.csv')
    options = parser.parse_args()
    if options.one:
        rows = measure_tracker() if options.one == 'tracker' else measure_store(
            options.one)
        print(json.dumps(rows))
        return
    print(*HEAD, sep=' | ')
    found = []
    for name in options.only.split(','):
        done = subprocess.run(
            [sys.executable, '-m', 'benchmarks.events', '--one', name],
            stdout=subprocess.PIPE, check=True, text=True, env={**os.environ})
        for cells in json.loads(done.stdout):
            print(*cells, sep=' | ', flush=True)
            found.append(cells)
    if options.write:
        with Path(__file__).with_name('events.csv').open('w', newline='') as file:
            csv.writer(file).writerows([HEAD, *found])


if __name__ == '__main__':
    main()
