"""How many processes can write to one store, over which engine.

``python -m benchmarks.growing`` starts 1, 2, 4 and 8 processes that save tracks
over a file, a ZEO server and PostgreSQL, one track a transaction and a hundred a
transaction, and with ``--write`` writes ``growing.csv``, which the documentation
shows.  All servers run on this machine, and sync each commit to the disk.

The *floor* is what the engine itself can do: commits a second where each process
changes one small object of its own.  *Conflicts* are those that the application saw.
"""

import argparse
import csv
import os
import tempfile
from pathlib import Path

from persistent.mapping import PersistentMapping

import trackstore
from trackstore.tests.servers import PostgreSQL, ZEOServer
from trackstore.tests.writer import BATCH, TASKS, Writers

TITLES = {
    'file': 'FileStorage', 'zeo': 'ZEO', 'postgres': 'PostgreSQL',
    'postgres-free': 'PostgreSQL, history-free'}

HEAD = ('engine', 'processes', 'floor: commits/s', 'one a transaction: saves/s',
        'conflicts', 'bytes a track', 'a hundred a transaction: tracks/s', 'conflicts',
        'bytes a track')


def measure(uri, step, count, seconds):
    """Let processes write; return steps a second, conflicts and bytes a track."""
    with trackstore.open(uri) as tracks:
        for task in TASKS:
            tracks.startRun(task)
        for number in range(count):
            tracks._p_jar.root()[f'floor of w{number}'] = PersistentMapping()
        tracks._p_jar.transaction_manager.commit()
        before = tracks._p_jar.db().getSize()
    writers = Writers(uri, step, count, seconds)
    writers.start()
    results = writers.results()
    saved = sum(len(result['committed']) for result in results)
    with trackstore.open(uri, create=False) as tracks:
        if len(tracks) != saved:
            raise AssertionError(f'{len(tracks)} tracks are there, saved were {saved}')
        grown = tracks._p_jar.db().getSize() - before
    return (sum(result['steps'] / result['seconds'] for result in results),
            sum(len(result['conflicts']) for result in results),
            grown / saved if saved else 0)


def places(engine, folder, postgresql):
    """Yield the URIs of ever new stores of an engine."""
    number = 0
    while True:
        number += 1
        path = Path(folder) / f'{engine}{number}.fs'
        if engine == 'file':
            yield f'file://{path}'
        elif engine == 'zeo':
            with ZEOServer(path) as server:
                yield server.uri
        else:
            yield postgresql.uri(postgresql.new_database(), engine == 'postgres')


def rows(engines, counts, seconds, folder, postgresql):
    for engine in engines:
        stores = places(engine, folder, postgresql)
        for count in counts if engine != 'file' else [1]:
            cells = [TITLES[engine], str(count)]
            rate, _, _ = measure(next(stores), 'floor', count, seconds)
            cells.append(f'{rate:,.0f}')
            for step, size in (('single', 1), ('batch', BATCH)):
                rate, conflicts, grown = measure(next(stores), step, count, seconds)
                cells += [f'{rate * size:,.0f}', f'{conflicts:,}', f'{grown:,.0f}']
            print(*cells, sep=' | ', flush=True)
            yield cells
        stores.close()


def main():
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.growing', description=__doc__.partition('\n')[0])
    print(*HEAD, sep=' | ')
    parser.add_argument('--engines', default=','.join(TITLES),
                        help=f'of {", ".join(TITLES)} (default: all)')
    parser.add_argument('--processes', default='1,2,4,8')
    parser.add_argument('--seconds', type=float, default=5)
    parser.add_argument('--write', action='store_true', help='write growing.csv')
    options = parser.parse_args()
    os.environ['CI'] = 'true'  # a server that is missing is an error
    with tempfile.TemporaryDirectory() as folder:
        engines = options.engines.split(',')
        counts = [int(count) for count in options.processes.split(',')]
        postgresql = None
        if any(engine.startswith('postgres') for engine in engines):
            postgresql = PostgreSQL(Path(folder) / 'pg', settings=())
            postgresql.start()
        try:
            found = list(rows(engines, counts, options.seconds, folder, postgresql))
        finally:
            if postgresql is not None:
                postgresql.stop()
    if options.write:
        with Path(__file__).with_name('growing.csv').open('w', newline='') as file:
            csv.writer(file).writerows([HEAD, *found])


if __name__ == '__main__':
    main()
