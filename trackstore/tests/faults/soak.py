"""Mixed work for a long time in one process: memory, open files, size.

A writer saves, changes, removes, compacts and packs; a second connection reads.
The oldest tracks are removed, so that there are about as many all the time, and
nothing else may grow either: not the memory of the process, not its open files,
nor the size of the file after a pack.
"""

import gc
import os
import shutil
import tempfile
import time
from random import Random
from typing import NamedTuple

import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

from trackstore import TrackingStorage

TASKS = [f"task{n}" for n in range(20)]
USERS = [f"user{n}" for n in range(200)]

#: The samples of this share of the time are the warm-up.
WARM_UP = 0.25

#: Memory may be so many times that of the warm-up and so many bytes more.
GROWTH, SLACK = 1.15, 16 * 2 ** 20

#: There may be so many open files more, and so many times the bytes a track.
MORE_FILES, MORE_BYTES = 2, 1.25

#: After fewer seconds nothing is said of memory, files and sizes.
SHORTEST = 60

#: There are so many samples, one after each pack; on a slow machine fewer.
SAMPLES, FEWEST = 60, 10


class Sample(NamedTuple):
    """How the process and the file are after a pack."""

    seconds: float
    commits: int
    tracks: int
    runs: int
    memory: int  # bytes
    files: int
    size: int  # bytes

    @property
    def per_track(self):
        """The bytes for each track and run: runs are never removed."""
        return self.size / (self.tracks + self.runs)


class Outcome:
    """The samples, and what is wrong."""

    def __init__(self):
        self.samples = []
        self.problems = []


class Soak:
    """A writer and a reader of one store."""

    def __init__(self, path, keep):
        self.path = path
        self.keep = keep
        self.db = DB(FileStorage(path))
        self.writing, self.writer = self._connection()
        self.writer.root()["tracks"] = TrackingStorage()
        self.writing.commit()
        self.store = self.writer.root()["tracks"]
        self.reading, self.reader = self._connection()
        self.random = Random(0)
        self.commits = 0
        self.expected = dict.fromkeys(TASKS, 0)  # task -> number of tracks
        self.problems = []

    def _connection(self):
        manager = transaction.TransactionManager()
        return manager, self.db.open(manager)

    def commit(self):
        self.writing.commit()
        self.commits += 1

    # the work

    def turn(self):
        """Do a little of everything."""
        for _ in range(self.random.randrange(30)):
            task = self.random.choice(TASKS)
            self.store.saveUserTrack(task, 0, self.random.choice(USERS), self._data())
            self.expected[task] += 1
            self.commit()
        self._batch(self.random.choice([3, 50, 400]))
        self._change()
        if self.random.random() < 0.05:
            self._runs()
        self._remove_oldest()
        self._abort()
        self._read()
        if self.random.random() < 0.02:
            self.store.compact()

    def _data(self):
        return {"page": f"page{self.random.randrange(500)}",
                "seconds": self.random.randrange(600)}

    def _batch(self, count):
        tasks = self.random.choices(TASKS, k=count)
        self.store.saveTracks((task, 0, self.random.choice(USERS), self._data())
                              for task in tasks)
        for task in tasks:
            self.expected[task] += 1
        self.commit()

    def _change(self):
        numbers = self.store.query().numbers
        for _ in range(10):
            track = self.store[self.store.idFromNum(self.random.choice(numbers))]
            self.store.updateTrack(track, {"seconds": 0})
        self.commit()

    def _runs(self):
        task = self.random.choice(TASKS)
        self.store.stopRun(task)
        self.store.startRun(task)
        self.commit()

    def _remove_oldest(self):
        surplus = len(self.store) - self.keep
        if surplus > 0:
            for track in self.store.query(limit=surplus):
                self.expected[track.taskId] -= 1
                self.store.removeTrack(track)
            self.commit()

    def _abort(self):
        self.store.saveTracks([("task0", 0, "ann", {})] * 100)
        self.writing.abort()

    def _read(self):
        """Ask with the other connection, and compare with what was counted."""
        self.reading.begin()
        store = self.reader.root()["tracks"]
        task = self.random.choice(TASKS)
        found = store.count(taskId=task)
        if found != self.expected[task]:
            self.problems.append(
                f"{found} tracks of {task} after {self.commits} commits, "
                f"not {self.expected[task]}")
        for track in store.query(userName=self.random.choice(USERS), limit=20):
            track.data.get("seconds")
        store.groupBy("taskId", of="seconds")

    # looking

    def sample(self, seconds):
        self.store.compact()
        self.db.pack()
        self.problems += self.store.verify()
        gc.collect()
        info = self.store.info()
        return Sample(seconds, self.commits, info["tracks"], info["runs"], memory(),
                      len(os.listdir("/proc/self/fd")), os.path.getsize(self.path))

    def close(self):
        for manager, connection in ((self.writing, self.writer),
                                    (self.reading, self.reader)):
            manager.abort()
            connection.close()
        self.db.close()


def memory():
    """Return the memory of this process in bytes, as the system counts it."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run(seconds, keep, say=print):
    """Work for so many seconds; return the ``Outcome``."""
    outcome = Outcome()
    folder = tempfile.mkdtemp(prefix="trackstore-faults-")
    try:
        soak = Soak(os.path.join(folder, "tracks.fs"), keep)
        begin = time.monotonic()
        say(HEAD)
        for n in range(1, SAMPLES + 1):
            soak.turn()
            while time.monotonic() < begin + seconds * n / SAMPLES:
                soak.turn()
            outcome.samples.append(soak.sample(time.monotonic() - begin))
            say(shown(outcome.samples[-1]))
            if soak.problems or (
                    n >= FEWEST and time.monotonic() > begin + seconds):
                break
        outcome.problems += soak.problems
        soak.close()
    finally:
        shutil.rmtree(folder)
    outcome.problems += growth(outcome.samples, seconds)
    return outcome


def growth(samples, seconds):
    """Return sentences on what has grown beyond its bound after the warm-up."""
    warm = int(len(samples) * WARM_UP)
    if warm < 3 or seconds < SHORTEST:
        return []  # too little to tell
    before, after = samples[:warm], samples[warm:]
    found = []

    def compare(what, name, bound):
        most = max(getattr(sample, name) for sample in after)
        if most > bound:
            found.append(f"{what}: {most:,.0f}, more than {bound:,.0f}")

    compare("bytes of memory", "memory",
            GROWTH * max(sample.memory for sample in before) + SLACK)
    compare("open files", "files",
            MORE_FILES + max(sample.files for sample in before))
    compare("bytes a track and run after a pack", "per_track",
            MORE_BYTES * max(sample.per_track for sample in before))
    return found


HEAD = (f"{'minutes':>8}{'commits':>10}{'tracks':>9}{'runs':>7}{'memory MB':>11}"
        f"{'files':>7}{'size MB':>9}{'bytes a track':>15}")


def shown(sample):
    return (f"{sample.seconds / 60:>8.1f}{sample.commits:>10,}{sample.tracks:>9,}"
            f"{sample.runs:>7,}{sample.memory / 2 ** 20:>11.1f}{sample.files:>7}"
            f"{sample.size / 2 ** 20:>9.2f}{sample.per_track:>15.1f}")


def summary(outcome):
    """Return the lines that come last."""
    yield f"problems {len(outcome.problems):,}"
    yield from outcome.problems
