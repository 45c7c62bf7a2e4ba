"""Clients at work at the same time, each with a connection of its own.

Two sorts of tests use them: in lock-step, where every client begins before any of
them commits, and in threads, for ``TRACKSTORE_RACE_SECONDS`` a test, half of one by
default.
"""

import os
import random
import sys
import threading
import time
from contextlib import contextmanager

import transaction
from ZODB.POSException import ConflictError

from trackstore.criteria import Between, Not
from trackstore.tests.model import Model, ModelTrack
from trackstore.tests.waiting import LONG

SECONDS = float(os.environ.get("TRACKSTORE_RACE_SECONDS", 0.5))

#: So many seconds longer a client has that did not come through.
PATIENCE = LONG


class Client:
    """A writer, and what it knows that it has committed."""

    def __init__(self, db, name):
        self.manager = transaction.TransactionManager()
        self.connection = db.open(self.manager)
        self.name = name
        self.random = random.Random(name)
        self.tracks = {}
        self.runs = []
        self.conflicts = []
        self.steps = 0
        self.error = None

    def begin(self):
        self.manager.begin()
        self.pending = dict(self.tracks)
        self.pendingRuns = []
        return self.connection.root()["store"]

    def commit(self):
        self.manager.commit()
        self.tracks = self.pending
        self.runs += self.pendingRuns
        self.steps += 1

    def abort(self, conflict):
        self.manager.abort()
        self.conflicts.append(str(conflict))

    def note(self, store, trackId):
        """Take down how a track is, as this transaction has made it."""
        track = store[trackId]
        number = int(trackId)
        noted = ModelTrack(number, track.taskId, track.runId, track.userName,
                           dict(track.data), track.timeStamp)
        self.pending[number] = noted

    def run(self, step, until):
        """Take steps, trying each again after a conflict, until the time.

        One that has not come through by then goes on, as the others are at rest.
        """
        try:
            while time.monotonic() < until or (
                    not self.steps and time.monotonic() < until + PATIENCE):
                self.attempt(step)
        except BaseException as error:
            self.error = error
        finally:
            self.close()

    def attempt(self, step):
        try:
            step(self, self.begin())
            self.commit()
        except ConflictError as conflict:
            self.abort(conflict)

    def close(self):
        if self.connection.opened:
            self.manager.abort()
            self.connection.close()


@contextmanager
def restless():
    """Let threads take turns so often that they meet in the middle."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-4)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def race(db, **steps):
    """Run a client for each step in a thread; return the clients."""
    clients = {name: Client(db, name) for name in steps}
    until = time.monotonic() + SECONDS
    threads = [threading.Thread(target=clients[name].run, args=(step, until))
               for name, step in steps.items()]
    with restless():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for client in clients.values():
        if client.error is not None:
            raise client.error
    assert all(client.steps for client in clients.values()), "a client starved"
    return list(clients.values())


def undisturbed(db, **steps):
    """Run a client for each step in a thread; none of them may have a conflict."""
    clients = race(db, **steps)
    assert conflicts(clients) == []
    check(db, clients)


def conflicts(clients):
    return [conflict for client in clients for conflict in client.conflicts]


def check(db, clients):
    """See to it that the store holds what the clients have committed."""
    for client in clients:
        client.close()
    expected = Model()
    for client in clients:
        twice = expected.tracks.keys() & client.tracks.keys()
        assert not twice, f"numbers given twice: {sorted(twice)[:10]}"
        expected.tracks.update(client.tracks)
    manager = transaction.TransactionManager()
    connection = db.open(manager)
    manager.begin()
    store = connection.root()["store"]
    try:
        check_tracks(store, expected)
        check_runs(store, clients)
        assert store.verify() == []
        manager.abort()
        store.compact()
        manager.abort()
        check_tracks(store, expected)
        assert store.verify() == []
        assert store.info()["changes"] == 0
    finally:
        manager.abort()
        connection.close()


def check_tracks(store, expected):
    numbers = list(store.query().numbers)
    assert len(numbers) == len(set(numbers))
    assert numbers == sorted(expected.tracks)
    assert len(store) == len(numbers)
    for track in store.values():
        model = expected.tracks[int(track.name)]
        got = (track.taskId, track.runId, track.userName, track.timeStamp,
               track.data)
        assert got == (model.taskId, model.runId, model.userName,
                       model.timeStamp, model.data), track.name
    middle = numbers[len(numbers) // 2] if numbers else 1
    for criteria in [
            {"taskId": "start"}, {"taskId": ["help", "moved"]},
            {"taskId": "new-*"}, {"taskId": Not("start")}, {"kind": "a"},
            {"kind": Not("a")}, {"size": 2}, {"userName": "one", "kind": "b"},
            {"runId": Between(2, 5)}, {"userName": Between("one", "three")},
            {"timeFrom": 1_700_000_100, "timeTo": 1_700_000_200}]:
        found = expected.query(**criteria)
        assert list(store.query(**criteria).numbers) == found, criteria
        assert store.count(**criteria) == len(found), criteria
        assert (list(store.query(**criteria, reverse=True).numbers)
                == found[::-1]), criteria
        assert (list(store.query(**criteria, after=middle, limit=20).numbers)
                == [number for number in found if number > middle][:20]), criteria
    for name in "taskId", "userName", "runId", "kind", "size":
        assert (set(store.distinct(name))
                == set(expected.distinct(name))), name


def check_runs(store, clients):
    """Every run that was started is there, and every track has a run."""
    started = [run for client in clients for run in client.runs]
    assert len(started) == len(set(started)), "run numbers given twice"
    runs = {**store.runs, **store.finishedRuns}
    assert len(runs) == len(store.runs) + len(store.finishedRuns)
    assert set(started) <= set(runs)
    assert set(store.distinct("runId")) <= set(runs)
    assert set(store.currentRuns.values()) <= set(store.runs)
    for number, run in runs.items():
        assert run.id == number


def lockstep(db, step, clients=3, rounds=25):
    """Let clients begin and take a step each, then commit them in turn."""
    clients = [Client(db, f"client{n}") for n in range(clients)]
    in_step(clients, step, rounds)
    return clients


def in_step(clients, step, rounds):
    for _ in range(rounds):
        for client in clients:
            step(client, client.begin())
        for client in clients:
            try:
                client.commit()
            except ConflictError as conflict:
                client.abort(conflict)
