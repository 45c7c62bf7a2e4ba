"""kill -9 of the ZEO server while clients work, and its return.

In each round the server is killed at a random moment and started again on the
same port.  The clients, which keep their connections, abort and go on.  What they
had committed has to be there once, and a commit of which nobody can tell how it
ended as a whole or not at all.

A client is a database of its own with a thread, as it would be in a process of its
own, and has its own tracks; the tasks and their runs it shares with the others.
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
from ZODB.POSException import ConflictError

from trackstore import TrackingStorage, opening
from trackstore.tests.model import small_segments
from trackstore.tests.servers import ZEOServer

TASKS = ["start", "help", "contact"]


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
        self.errors = Counter()  # where and which
        self.fates = Counter()
        self.commits = Counter()
        self.problems = []
        self._lock = threading.Lock()

    def count(self, counter, key):
        """Count something, in any thread."""
        with self._lock:
            counter[key] += 1


class Client:
    """A client, and what it knows that the store has, by number."""

    def __init__(self, uri, seed, name):
        self.name = name
        self.db = opening.database(uri)
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
                outcome.count(
                    outcome.errors, f"{type(error).__name__} while {doing}")
                if isinstance(error, ConflictError):
                    continue  # so nothing was committed
                if not isinstance(error, TransientError):
                    outcome.problems.append(traceback.format_exc())
                return pending if doing == "committing" else None
            self.accept(pending)
            outcome.count(outcome.commits, self.name)
        outcome.count(outcome.errors, "none: it waited for the server")
        return None

    def accept(self, pending):
        self.tracks = applied(self.tracks, pending)

    def _changes(self, store):
        """Change the store; return the tracks as they are to be, None if removed."""
        self.steps += 1
        kind = self.random.choice(["save", "save", "batch", "change", "remove"])
        task = self.random.choice(TASKS)
        if kind == "batch" or not self.tracks:
            rows = [(task, self.name, {"step": self.steps, "n": n})
                    for n in range(self.random.choice([2, 20, 200]))]
            numbers = map(int, store.saveTracks(
                (task, 0, user, data) for task, user, data in rows))
            return dict(zip(numbers, rows, strict=True))
        if kind == "save":
            row = task, self.name, {"step": self.steps}
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
        self.db.storage.ping()  # waits until the server can be reached
        self.manager.begin()
        store = self.connection.root()["tracks"]
        found = {int(track.name): (track.taskId, track.userName, dict(track.data))
                 for track in store.query(userName=self.name)}
        wrong = store.verify()
        if pending is None:
            fate = "none"
        elif found == self.tracks:
            fate = "not there"
        else:
            fate = "there whole"
            self.accept(pending)
        outcome.count(outcome.fates, fate)
        if found != self.tracks:
            wrong.append(f"{len(found)} tracks, not {len(self.tracks)}: "
                         f"{different(found, self.tracks)}")
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


def one_round(server, clients, random, outcome):
    """Let the clients work, kill the server, and look at what it has."""
    pending = [None] * len(clients)

    def work(n):
        pending[n] = clients[n].work(outcome, killer)

    killer = Killer(server, random.random() * 0.4, random.random())
    threads = [threading.Thread(target=work, args=(n,)) for n in range(len(clients))]
    for thread in threads:
        thread.start()
    for thread in [killer, *threads]:
        thread.join()
    outcome.rounds += 1
    for n, client in enumerate(clients):
        outcome.problems += client.problems(pending[n], outcome)
    clients[0].db.storage.ping()
    clients[0].manager.begin()
    total = len(clients[0].connection.root()["tracks"])
    clients[0].manager.abort()
    expected = sum(len(client.tracks) for client in clients)
    if total != expected:
        outcome.problems.append(f"{total} tracks, not {expected}")


def run(rounds, seconds, seed, count, say=print):
    """Kill the server so many times, or for so many seconds."""
    outcome = Outcome()
    folder = tempfile.mkdtemp(prefix="trackstore-faults-")
    server = ZEOServer(os.path.join(folder, "tracks.fs"))
    server.start()
    end = time.monotonic() + (seconds or float("inf"))
    random = Random(seed)
    try:
        with small_segments(8):
            clients = [Client(server.uri, f"{seed} {n}", f"client {n}")
                       for n in range(count)]
            clients[0].make()
            for client in clients:
                client.db.storage.ping()  # so that it knows of the storage
            while (outcome.rounds < rounds and time.monotonic() < end
                    and not outcome.problems):
                one_round(server, clients, random, outcome)
                if outcome.rounds % 10 == 0:
                    say(f"{outcome.rounds} rounds, "
                        f"{outcome.commits.total():,} transactions")
            for client in clients:
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
    yield f"transactions committed        {outcome.commits.total():>9,}"
    for fate, count in sorted(outcome.fates.items()):
        yield f"  commit in flight: {fate:<14}".ljust(30) + f"{count:>9,}"
    yield f"problems                      {len(outcome.problems):>9,}"
    yield from outcome.problems
