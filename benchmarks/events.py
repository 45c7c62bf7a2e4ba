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
    events that go to a broker, and from there to a store by one worker
``request``
    requests of Django without an event and with one, turn by turn

``--write`` writes ``events.csv``, which the documentation shows.
"""

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

from .eventcosts import celery, request, store, tracker
from .eventcosts.load import HEAD

PARTS = {
    'tracker': tracker.measure, 'direct': store.measure_direct,
    'queue': store.measure_queue, 'journal': store.measure_journal,
    'celery': celery.measure, 'request': request.measure}


def main():
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.events', description=__doc__.partition('\n')[0])
    parser.add_argument('--only', default=','.join(PARTS), metavar='PART,PART',
                        help=f'of {", ".join(PARTS)} (default: all)')
    parser.add_argument('--one', choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument('--write', action='store_true', help='write events.csv')
    options = parser.parse_args()
    if options.one:
        print(json.dumps(PARTS[options.one]()))
        return
    print(*HEAD, sep=' | ')
    found = []
    for name in options.only.split(','):
        done = subprocess.run(
            [sys.executable, '-m', 'benchmarks.events', '--one', name],
            stdout=subprocess.PIPE, check=True, text=True)
        for cells in json.loads(done.stdout):
            print(*cells, sep=' | ', flush=True)
            found.append(cells)
    if options.write:
        with Path(__file__).with_name('events.csv').open('w', newline='') as file:
            csv.writer(file).writerows([HEAD, *found])


if __name__ == '__main__':
    main()
