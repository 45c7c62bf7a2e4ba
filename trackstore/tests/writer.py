"""A process that writes to a store, for tests and benchmarks.

``python -m trackstore.tests.writer URI NAME STEP SECONDS LEAST`` opens the store, says
``ready``, waits for a line, works until the time is over, and prints as JSON what
it has committed.  ``Writers`` starts several, and lets them begin together.
"""

import json
import random
import subprocess
import sys
import time

from ZODB.POSException import ConflictError

TASKS = [f'task{number:03d}' for number in range(200)]
BATCH = 100


class Writer:
    """What one process does, and what it knows that it has committed."""

    def __init__(self, tracks, name):
        self.tracks = tracks
        self.name = name
        self.random = random.Random(name)
        self.committed = {}  # number -> data, or None for what was removed
        self.conflicts = []
        self.steps = 0

    def record(self):
        task = self.random.choice(TASKS)
        return task, 0, f'{self.name}-{self.random.randrange(50)}', {
            'by': self.name, 'step': self.steps, 'page': f'/page/{task}'}

    def floor(self):
        """Change a small object of one's own: what ZODB itself takes."""
        self.tracks._p_jar.root()[f'floor of {self.name}']['step'] = self.steps
        return {}

    def single(self):
        record = self.record()
        return {self.tracks.saveUserTrack(*record): record[3]}

    def batch(self):
        records = [self.record() for _ in range(BATCH)]
        ids = self.tracks.saveTracks(records)
        return dict(zip(ids, (record[3] for record in records), strict=True))

    def mixed(self):
        """Now this, now that, all of it with tracks of one's own."""
        kind = self.random.randrange(6)
        mine = [trackId for trackId, data in self.committed.items()
                if data is not None]
        if kind < 2 or not mine:
            return self.single()
        if kind == 2:
            return self.batch()
        if kind == 3:
            self.tracks.stopRun(self.name, finish=self.steps % 2 == 0)
            self.tracks.startRun(self.name)
            return self.single()
        trackId = self.random.choice(mine)
        if kind == 4:
            self.tracks.removeTrack(self.tracks[trackId])
            return {trackId: None}
        data = {**self.committed[trackId], 'step': self.steps}
        self.tracks[trackId].data = data
        return {trackId: data}

    def work(self, step, seconds, least):
        """Take steps, each again after a conflict, until the time is over.

        On a slow machine it takes longer, as there are to be so many at least.
        """
        manager = self.tracks._p_jar.transaction_manager
        step = getattr(self, step)
        start = time.perf_counter()
        while time.perf_counter() < start + seconds or self.steps < least:
            try:
                manager.begin()
                changed = step()
                manager.commit()
            except ConflictError as conflict:
                manager.abort()
                self.conflicts.append(str(conflict))
            else:
                self.committed.update(changed)
                self.steps += 1
        return time.perf_counter() - start


class Writers:
    """Processes that write to a store at the same time."""

    def __init__(self, uri, step, count, seconds, least=0):
        self._processes = [
            subprocess.Popen(
                [sys.executable, '-m', 'trackstore.tests.writer', uri, f'w{n}', step,
                 str(seconds), str(least)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for n in range(count)]

    def start(self):
        """Let them all begin, once all are ready."""
        for process in self._processes:
            process.stdout.readline()
        for process in self._processes:
            process.stdin.write('go\n')
            process.stdin.flush()

    def results(self):
        """Return what each has printed in the end."""
        results = []
        for process in self._processes:
            printed, _ = process.communicate(timeout=600)
            if process.returncode:
                raise RuntimeError(f'a writer ended with {process.returncode}')
            results.append(json.loads(printed))
        return results


def main(uri, name, step, seconds, least=0):
    import trackstore
    with trackstore.open(uri, create=False) as tracks:
        writer = Writer(tracks, name)
        print('ready', flush=True)
        sys.stdin.readline()
        took = writer.work(step, float(seconds), int(least))
    print(json.dumps({
        'seconds': took, 'steps': writer.steps, 'conflicts': writer.conflicts,
        'committed': writer.committed}))


if __name__ == '__main__':
    main(*sys.argv[1:])
