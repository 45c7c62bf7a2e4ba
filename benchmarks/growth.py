"""How a file grows by single saves, and what a pack gives back.

``python -m benchmarks.growth`` fills database files with commits of one track each,
of one update each, and of batches, and prints a table: the bytes of the file before
and after a pack, per track, and the seconds of the pack.  The tracks are those of the
other benchmarks.  Commits are not synced to the disk, which changes no byte.
"""

import argparse
import os
import random
import tempfile
import time
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from unittest import mock

import trackstore
from benchmarks import workload

# the module, not the class of that name
filestorage = import_module('ZODB.FileStorage.FileStorage')

SIZES = (1_000, 10_000, 100_000)

TITLES = {
    'saves': 'saves, one a commit',
    'updates': 'updates, one a commit',
    'batches of 10': 'saves, 10 a commit',
    'batches of 100': 'saves, 100 a commit',
    'batches of 1000': 'saves, 1,000 a commit',
}
HEAD = ('| commits | tracks | MB | bytes a track | MB after the pack | bytes a track '
        '| pack, s |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |')


@dataclass
class Result:
    """What one file did: bytes, and seconds."""

    kind: str
    count: int
    grown: int
    packed: int
    packing: float

    def __str__(self):
        return (f'| {TITLES[self.kind]} | {self.count:,} | {self.grown / 1e6:,.1f} '
                f'| {self.grown / self.count:,.0f} | {self.packed / 1e6:,.1f} '
                f'| {self.packed / self.count:,.0f} | {self.packing:.2f} |')


def save(tracks, commit, count, size=1):
    """Save tracks, so many a commit."""
    records = workload.records(count)
    while batch := list(islice(records, size)):
        if size == 1:
            (task, run, user, data, when), = batch
            tracks.saveUserTrack(task, run, user, data, timeStamp=when)
        else:
            tracks.saveTracks(batch)
        commit()


def update(tracks, commit, count):
    """Update tracks all over the store, one a commit."""
    chance = random.Random(count)
    for duration in range(count):
        number = chance.randint(1, count)
        tracks.updateTrack(
            tracks[tracks.idFromNum(number)], {'duration': duration})
        commit()


def measure(kind, count, folder):
    """Fill a file, pack it, and return the result."""
    with trackstore.open(Path(folder) / 'growth.fs') as tracks:
        db, commit = tracks._p_jar.db(), tracks._p_jar.transaction_manager.commit
        for number in workload.TASK_NUMBERS:
            tracks.startRun(f'task{number:04d}', timeStamp=workload.FIRST_TIME)
        commit()
        if kind == 'updates':
            save(tracks, commit, count, 10_000)
        db.pack()
        begun = db.getSize()
        if kind == 'updates':
            update(tracks, commit, count)
        else:
            save(tracks, commit, count, int(kind.partition(' of ')[2] or 1))
        full, start = db.getSize(), time.perf_counter()
        db.pack()
        packing = time.perf_counter() - start
        if len(tracks) != count:
            raise AssertionError(f'{len(tracks)} tracks are there, saved were {count}')
        packed = db.getSize() - (0 if kind == 'updates' else begun)
    for name in os.listdir(folder):
        os.remove(Path(folder) / name)
    return Result(kind, count, full - begun, packed, packing)


def main():
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.growth', description=__doc__.splitlines()[0])
    parser.add_argument('--sizes', default=','.join(map(str, SIZES)), metavar='N,N',
                        help='numbers of tracks (default: %(default)s)')
    parser.add_argument('--kinds', default=','.join(TITLES), metavar='KIND,KIND',
                        help='of %(default)s')
    parser.add_argument('--folder', help='where the files are made')
    given = parser.parse_args()
    print(HEAD)
    with (tempfile.TemporaryDirectory(dir=given.folder) as folder,
          mock.patch.object(filestorage, 'fsync', None)):
        for kind in given.kinds.split(','):
            for size in given.sizes.split(','):
                print(measure(kind, int(size), folder), flush=True)


if __name__ == '__main__':
    main()
