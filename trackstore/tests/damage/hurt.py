"""A store with objects of each class, hurt, and asked for all it has."""

import os
import random
import re
from functools import partial

import transaction

import trackstore
from trackstore import merge
from trackstore.exceptions import DamagedError

#: The classes that a store is made of.
CLASSES = ('Block', 'IndexPage', 'Segment', 'Directory', 'Page', 'SharingPage', 'Dead',
           'RunTable', 'Ledger', 'Shelf', 'Leaf', 'Branch')

#: Of so many bytes of each class, one after the other is flipped; more take longer.
FLIPS = int(os.environ.get('TRACKSTORE_FLIPS', 24))
SEED = int(os.environ.get('TRACKSTORE_SEED', 1))


def fill(tracks):
    """Save what makes at least one object of each class."""
    tracks.saveTracks((f't{n % 7}', 0, f'u{n % 31:02}', {'n': n, 'text': 'x' * (n % 9)},
                       1e9 + n) for n in range(400))
    transaction.commit()
    for n in range(10):
        tracks.stopRun('t1', timeStamp=2e9 + n)
        tracks.startRun('t1', timeStamp=2e9 + n)
    tracks.saveTracks(('t8', 0, f'v{n}', {'n': n}, 1e9 + n) for n in range(100))
    tracks.removeTracks(userName=['u05', 'v7'])
    tracks['0000011'].data['n'] = -1
    transaction.commit()
    seal(tracks)
    tracks.saveUserTrack('t3', 0, 'u04', {'n': 1000}, timeStamp=3e9)
    tracks.removeTrack(tracks['0000012'])
    tracks['0000450'].userName = 'changed'
    tracks.startRun('t5', timeStamp=3e9)
    transaction.commit()


def seal(tracks):
    merge.seal(tracks)
    tracks._runs.seal()
    transaction.commit()


def plain(found):
    return [(track.__name__, track.metadata, dict(track.data)) for track in found]


def questions(tracks):
    """Return functions that ask the store for all it has, in many ways."""
    query = tracks.query
    return [
        lambda: plain(query()), lambda: len(tracks), lambda: plain(query(taskId='t3')),
        lambda: list(query(userName='u1*').ids),
        lambda: plain(query(timeFrom=1e9 + 350)),
        lambda: list(query(taskId=['t8', 't1'], timeTo=1e9 + 200).ids),
        lambda: list(query(userName=trackstore.Not('u0*'), taskId='t2').ids),
        lambda: tracks.count(userName='u05'), lambda: tracks.distinct('userName'),
        lambda: tracks.groupBy('taskId', of='n'), lambda: tracks.groupBy('userName'),
        lambda: tracks.histogram('year'),
        *(partial(lambda n: plain([tracks[n]]) if n in tracks else None, f'{n:07}')
          for n in range(1, 502, 10)),
        # from here on it is about runs
        lambda: plain([tracks.getLastUserTrack('t3', 0, 'u04')]),
        lambda: list(tracks.runs), lambda: list(tracks.finishedRuns),
        lambda: dict(tracks.currentRuns),
        *(partial(lambda n: run_of(tracks.getRun(runId=n)), n) for n in range(1, 22)),
    ]


#: What a repair says where something is lost, or older than it was.
LOSS = re.compile('lost|as before|there again')


def run_of(run):
    return run and (run.id, run.taskId, run.start, run.end, run.finished)


def asked(tracks, answers, allowed=DamagedError):
    """Ask all questions; return the errors that there were.

    Where ``answers`` are None, any answer is right.
    """
    errors = []
    for number, ask in enumerate(questions(tracks)):
        try:
            answer = ask()
            assert answers is None or answer == answers[number], f'question {number}'
        except allowed as error:
            errors.append(error)
    return errors


def places_of(whole, name, most):
    """Return random places in the records of a class, with masks."""
    rng = random.Random(f'{name} {SEED}')
    places = [place for start, end in whole[1][name] for place in range(start, end)]
    return [(place, rng.randrange(1, 256))
            for place in sorted(rng.sample(places, min(most, len(places))))]


def parts(tracks):
    """Return objects of the store by the names that the tests give them."""
    entry = tracks._directory.in_order()[0][1]
    index = entry.segment.indexes['userName']
    return {
        'directory': tracks.directory, 'segment': entry.segment, 'dead': entry.grave,
        'block': entry.segment.blocks[2], 'index': list(index.pages())[1],
        'tail': tracks._pages[1], 'runs': tracks._runs.pages[0]}
