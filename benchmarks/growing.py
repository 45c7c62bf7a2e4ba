"""How many processes can write to one store, over which engine.

``python -m benchmarks.growing`` starts 1, 2, 4 and 8 processes that save tracks
over a file, a ZEO server and PostgreSQL, one track a transaction and a hundred a
transaction, and writes ``GROWING.md``.  All servers run on this machine.
"""

import argparse
import os
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import trackstore
from benchmarks import conditions
from trackstore.tests.servers import PostgreSQL, ZEOServer
from trackstore.tests.writer import TASKS, Writers

TITLES = {
    'file': 'FileStorage', 'zeo': 'ZEO', 'postgres': 'PostgreSQL',
    'postgres-free': 'PostgreSQL, history-free'}

HEAD = '''# How the store grows: processes that write

Written by `python -m benchmarks.growing`, {when}; {machine}.

Each process saves tracks to one store as fast as it can for {seconds:g} seconds; all
servers run on the same machine, with their data on the same disk, and sync each
commit to it.  A file has one process.  *Conflicts* are those that the application
saw; the store resolves the others by itself.  *Bytes* are those that the database has
grown by.

| engine | processes | one a transaction: saves/s | conflicts | bytes a track \
| a hundred a transaction: tracks/s | conflicts | bytes a track |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
'''


def measure(uri, step, count, seconds):
    """Let processes write; return the rate, the conflicts and the bytes a track."""
    with trackstore.open(uri) as tracks:
        for task in TASKS:
            if tracks.getRun(task) is None:
                tracks.startRun(task)
        before = tracks._p_jar.db().getSize()
    writers = Writers(uri, step, count, seconds)
    writers.start()
    results = writers.results()
    saved = sum(len(result['committed']) for result in results)
    with trackstore.open(uri, create=False) as tracks:
        if len(tracks) != saved:
            raise AssertionError(f'{len(tracks)} tracks are there, saved were {saved}')
        grown = tracks._p_jar.db().getSize() - before
    rate = sum(len(result['committed']) / result['seconds'] for result in results)
    return rate, sum(len(result['conflicts']) for result in results), grown / saved


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
            for step in ('single', 'batch'):
                rate, conflicts, size = measure(next(stores), step, count, seconds)
                cells += [f'{rate:,.0f}', f'{conflicts:,}', f'{size:,.0f}']
            row = f'| {" | ".join(cells)} |'
            print(row, flush=True)
            yield row
        stores.close()


def main():
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.growing', description=__doc__.partition('\n')[0])
    parser.add_argument('--engines', default=','.join(TITLES),
                        help=f'of {", ".join(TITLES)} (default: all)')
    parser.add_argument('--processes', default='1,2,4,8')
    parser.add_argument('--seconds', type=float, default=5)
    parser.add_argument('--write', action='store_true', help='write GROWING.md')
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
        text = HEAD.format(
            when=datetime.now(timezone.utc).isoformat(timespec='minutes'),
            machine=conditions.machine(), seconds=options.seconds)
        Path(__file__).with_name('GROWING.md').write_text(
            text + '\n'.join(found) + '\n', 'utf-8')


if __name__ == '__main__':
    main()
