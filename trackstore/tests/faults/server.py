"""kill -9 of the ZEO server while a client works, and its return.

In each round the server is killed at a random moment and started again on the
same port.  The client, which stays the same process with the same connection,
aborts and goes on.  What it had committed has to be there once, and a commit of
which nobody can tell how it ended as a whole or not at all.
"""

import os
import shutil
import tempfile
import threading
import time
import traceback
from collections import Counter
from random import Random

import transaction
from transaction.interfaces import TransientError

from trackstore import TrackingStorage
from trackstore.tests.model import small_segments
from trackstore.tests.servers import HOST, ZEOServer

TASKS = ["start", "help", "contact"]

#: A new server gives ids of objects out again which the old one had given to a
#: client that has not used all of them.  The client notices, and takes others when it
#: tries again.
SAME_OID = "A different object already has the same oid"


class Killer(threading.Thread):
    """Kills a server after a while, and starts it again after another."""

    def __init__(self, server, before, away):
        super().__init__()
        self.server = server
        self.before = before
        self.away = away
        self.start()

    def run(self):
        time.sleep(self.before)
        self.server.kill()
        time.sleep(self.away)
        self.server.start()


class Outcome:
    """What the rounds have led to."""

    def __init__(self):
        self.rounds = 0
        self.tracks = 0
        self.errors = Counter()  # where and which
        self.fates = Counter()
        self.problems = []


class Client:
    """A client, and what it knows that the store has, by number."""

    def __init__(self, port, seed):
        import ZEO
        self.db = ZEO.DB((HOST, port))
        self.manager = transaction.TransactionManager()
        self.connection = self.db.open(self.manager)
        self.random = Random(seed)
        self.tracks = {}
        self.steps = 0

    def make(self):
        self.connection.root()["tracks"] = TrackingStorage()
        self.manager.commit()

    def work(self, outcome, killer):
        """Commit until something fails; return what was in flight then, or None."""
        while killer.is_alive():
            doing, pending = "working", None
            try:
                self.manager.begin()
                pending = self._changes(self.connection.root()["tracks"])
                doing = "committing"
                self.manager.commit()
            except Exception as error:
                self.manager.abort()
                outcome.errors[f"{type(error).__name__} while {doing}"] += 1
                if SAME_OID in str(error):  # it comes before anything is sent
                    continue
                if not isinstance(error, TransientError):
                    outcome.problems.append(traceback.format_exc())
                return pending if doing == "committing" else None
            self.accept(pending)
            outcome.tracks += len(pending)
        outcome.errors["none: it waited for the server"] += 1
        return None

    def accept(self, pending):
        self.tracks = applied(self.tracks, pending)

    def _changes(self, store):
        """Change the store; return the tracks as they are to be, None if removed."""
        self.steps += 1
        kind = self.random.choice(["save", "save", "batch", "change", "remove"])
        task = self.random.choice(TASKS)
        if kind == "batch" or not self.tracks:
            rows = [(task, "ann", {"step": self.steps, "n": n})
                    for n in range(self.random.choice([2, 20, 200]))]
            numbers = map(int, store.saveTracks(
                (task, 0, user, data) for task, user, data in rows))
            return dict(zip(numbers, rows, strict=True))
        if kind == "save":
            row = task, "ben", {"step": self.steps}
            return {int(store.saveUserTrack(task, 0, *row[1:])): row}
        number = self.random.choice(list(self.tracks))
        track = store[store.idFromNum(number)]
        if kind == "remove":
            store.removeTrack(track)
            return {number: None}
        store.setTrackData(track, {"step": self.steps})
        return {number: (*self.tracks[number][:2], {"step": self.steps})}

    def problems(self, pending, outcome):
        """Return what is wrong after the return of the server."""
        self.manager.begin()  # waits until the server can be reached
        store = self.connection.root()["tracks"]
        found = {int(track.name): (track.taskId, track.userName, dict(track.data))
                 for track in store.query()}
        wrong = store.verify()
        if pending is None:
            fate = "none"
        elif found == self.tracks:
            fate = "not there"
        else:
            fate = "there whole"
            self.accept(pending)
        outcome.fates[fate] += 1
        if found != self.tracks:
            wrong.append(f"{len(found)} tracks, not {len(self.tracks)}: "
                         f"{different(found, self.tracks)}")
        if len(store) != len(found):
            wrong.append(f"len() is {len(store)}, not {len(found)}")
        self.manager.abort()
        return wrong

    def close(self):
        self.manager.abort()
        self.connection.close()
        self.db.close()


def applied(tracks, pending):
    """Return the tracks after changes."""
    after = {**tracks, **pending}
    return {number: row for number, row in after.items() if row is not None}


def different(found, expected):
    """Return the first of the numbers that are not the same in both."""
    return [number for number in sorted(found.keys() | expected.keys())
            if found.get(number) != expected.get(number)][:10]


def run(rounds, seconds, seed, say=print):
    """Kill the server so many times, or for so many seconds."""
    outcome = Outcome()
    folder = tempfile.mkdtemp(prefix="trackstore-faults-")
    server = ZEOServer(os.path.join(folder, "tracks.fs"))
    server.start()
    end = time.monotonic() + (seconds or float("inf"))
    random = Random(seed)
    try:
        with small_segments(8):
            client = Client(server.port, seed)
            client.make()
            while (outcome.rounds < rounds and time.monotonic() < end
                    and not outcome.problems):
                killer = Killer(server, random.random() * 0.4, random.random())
                pending = client.work(outcome, killer)
                killer.join()
                outcome.rounds += 1
                outcome.problems += client.problems(pending, outcome)
                if outcome.rounds % 10 == 0:
                    say(f"{outcome.rounds} rounds, {outcome.tracks:,} tracks")
            client.close()
    finally:
        server.stop()
        shutil.rmtree(folder)
    return outcome


def summary(outcome):
    """Return the lines of a table."""
    yield f"rounds                        {outcome.rounds:>9,}"
    for error, count in sorted(outcome.errors.items()):
        yield f"  {error:<36}{count:>3,}"
    yield f"tracks committed              {outcome.tracks:>9,}"
    for fate, count in sorted(outcome.fates.items()):
        yield f"  commit in flight: {fate:<14}".ljust(30) + f"{count:>9,}"
    yield f"problems                      {len(outcome.problems):>9,}"
    yield from outcome.problems
