"""Clients at work at the same time, each with a connection of its own.

Two sorts of tests: in lock-step, where every client begins before any of them
commits, and in threads, for ``TRACKSTORE_RACE_SECONDS`` a test (1 by default).
"""

import os
import random
import sys
import threading
import time
from contextlib import contextmanager, nullcontext

import pytest
import transaction
from ZODB.POSException import ConflictError

from trackstore import TrackingStorage, merge
from trackstore.criteria import Between, Not
from trackstore.tests.model import Item, Model, ModelTrack, small_segments
from trackstore.tests.storages import SERVED

SECONDS = float(os.environ.get("TRACKSTORE_RACE_SECONDS", 1))
SHARED_TASKS = ["start", "help", "contact"]


@pytest.fixture(params=["usual", "small"])
def db(request, places, tmp_path):
    """A database with a store, and one whose segments are very small.

    By default in a FileStorage; also in one of another kind.
    """
    size, _, kind = request.param.partition(" over ")
    with (small_segments(4) if size == "small" else nullcontext(),
          places.database(kind or "FileStorage", tmp_path) as db):
        db.setPoolSize(20)
        with db.transaction() as connection:
            connection.root()["store"] = TrackingStorage(trackFactory=Item)
        yield db


everywhere = pytest.mark.parametrize("db", [
    "usual", "small", *(f"{size} over {kind}" for kind in SERVED
                        for size in ("usual", "small"))], indirect=True)


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

        On a busy machine the first may take longer.
        """
        try:
            while not self.steps or time.monotonic() < until:
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


# steps: what a client may do in a transaction


def save_shared(client, store):
    task = client.random.choice(SHARED_TASKS)
    data = {"by": client.name, "kind": client.random.choice("abc")}
    client.note(store, store.saveUserTrack(task, 0, client.name, data))


def save_the_same(client, store):
    """Save what every other client saves, to the last byte."""
    client.note(store, store.saveUserTrack(
        "start", 0, "anyone", {"kind": "a"}, timeStamp=client.steps))


def save_new_task(client, store):
    task = f"{client.name}-{client.steps}"
    client.note(store, store.saveUserTrack(task, 0, client.name, {"n": 1}))


def save_new_shared_task(client, store):
    task = f"new-{client.steps // 3}"
    client.note(store, store.saveUserTrack(task, 0, client.name, {"n": 2}))


def save_bulk(client, store):
    size = client.random.choice([2, 30, 100, 300])
    records = [(client.random.choice(SHARED_TASKS), 0, client.name,
                {"kind": "bulk", "n": n}, 1_700_000_000 + n)
               for n in range(size)]
    ids = list(store.saveTracks(iter(records)))
    assert len(ids) == size
    for trackId, (task, _, user, data, when) in zip(ids, records, strict=True):
        run = store.getRun(task).id
        client.pending[int(trackId)] = ModelTrack(
            int(trackId), task, run, user, data, when)


def save_updating(client, store):
    task = client.random.choice(SHARED_TASKS)
    data = {client.random.choice("xyz"): client.steps}
    client.note(store, store.saveUserTrack(
        task, 0, client.name, data, update=True))


def update(client, store):
    if client.pending:
        number = client.random.choice(list(client.pending))
        track = store[store.idFromNum(number)]
        store.updateTrack(track, {"kind": client.random.choice("abc")})
        client.note(store, track.name)


def assign(client, store):
    if client.pending:
        number = client.random.choice(list(client.pending))
        track = store[store.idFromNum(number)]
        track.taskId = client.random.choice(["moved", "start"])
        client.note(store, track.name)


def remove(client, store):
    if len(client.pending) > 20:
        number = client.random.choice(list(client.pending))
        del store[store.idFromNum(number)]
        del client.pending[number]


def remove_many(client, store):
    if client.random.random() < 0.1:
        numbers = [number for number, track in client.pending.items()
                   if track.data.get("kind") == "bulk"]
        found = store.removeTracks(userName=client.name, kind="bulk")
        assert found == len(numbers)
        for number in numbers:
            del client.pending[number]


def start_run(client, store):
    client.pendingRuns.append(
        store.startRun(client.random.choice(SHARED_TASKS)))


def stop_run(client, store):
    store.stopRun(client.random.choice(SHARED_TASKS))


def compact(client, store):
    store.compact()


def mixture(*steps):
    """Return a step that does one of these, or two."""
    def step(client, store):
        for each in client.random.sample(steps, client.random.choice([1, 1, 2])):
            each(client, store)
    return step


# running them


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
    return list(clients.values())


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


# in threads


@everywhere
def test_saving_on_shared_tasks_does_not_conflict(db):
    with db.transaction() as connection:
        for task in SHARED_TASKS:
            connection.root()["store"].startRun(task)
    clients = race(db, one=save_shared, two=save_shared, three=save_shared)
    assert conflicts(clients) == []
    check(db, clients)


def test_saving_on_new_tasks_does_not_conflict(db):
    clients = race(db, one=save_new_task, two=save_new_task, three=save_new_task)
    assert conflicts(clients) == []
    check(db, clients)


def test_saving_in_bulk_does_not_conflict(db):
    with db.transaction() as connection:
        for task in SHARED_TASKS:
            connection.root()["store"].startRun(task)
    clients = race(db, one=save_bulk, two=save_bulk, three=save_shared)
    assert conflicts(clients) == []
    check(db, clients)


def test_updating_ones_own_last_track_does_not_conflict(db):
    with db.transaction() as connection:
        for task in SHARED_TASKS:
            connection.root()["store"].startRun(task)
    clients = race(db, one=save_updating, two=save_updating,
                   three=save_updating)
    assert conflicts(clients) == []
    check(db, clients)


@everywhere
def test_compaction_beside_writers_does_not_make_them_conflict(db):
    with db.transaction() as connection:
        for task in SHARED_TASKS:
            connection.root()["store"].startRun(task)
    writer = mixture(save_shared, save_bulk)
    *writers, compactor = race(db, one=writer, two=writer, compactor=compact)
    assert conflicts(writers) == []
    check(db, [*writers, compactor])


@everywhere
def test_everything_at_once_ends_with_what_was_committed(db):
    writer = mixture(save_shared, save_the_same, save_new_task,
                     save_new_shared_task, save_bulk, save_updating)
    changer = mixture(save_shared, save_updating, update, assign, remove,
                      remove_many)
    starter = mixture(start_run, stop_run, save_shared)
    clients = race(db, one=writer, two=changer, three=changer, four=starter,
                   five=starter, compactor=compact)
    check(db, clients)


# in lock-step


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


@pytest.mark.parametrize("step", [
    save_shared, save_the_same, save_new_task, save_new_shared_task, save_bulk,
    save_updating])
def test_savers_in_lockstep_do_not_conflict(db, step):
    clients = lockstep(db, step)
    assert conflicts(clients) == []
    check(db, clients)


@pytest.mark.parametrize("step", [
    mixture(save_shared, update, assign), mixture(save_bulk, remove, update),
    mixture(start_run, stop_run, save_shared),
    mixture(save_bulk, remove_many, save_updating)],
    ids=["update and assign", "update and remove", "runs", "in bulk"])
def test_changers_in_lockstep_lose_nothing(db, step):
    clients = lockstep(db, step)
    check(db, clients)


def test_of_two_changes_of_one_track_the_second_conflicts(db):
    with db.transaction() as connection:
        connection.root()["store"].saveUserTrack("a", 0, "u", {"n": 0})
    clients = [Client(db, "one"), Client(db, "two")]
    for n, client in enumerate(clients, 1):
        store = client.begin()
        store["0000001"].data["n"] = n
    clients[0].commit()
    with pytest.raises(ConflictError):
        clients[1].commit()
    clients[1].manager.abort()
    assert clients[1].begin()["0000001"].data == {"n": 1}
    for client in clients:
        client.close()


def remove_all(client, store):
    store.removeTracks(userName=client.name)
    client.pending.clear()


@pytest.mark.parametrize("count", [10, 3000])
@pytest.mark.parametrize("first", ["removal", "update"])
def test_a_removal_beside_an_update_conflicts(db, count, first):
    with db.transaction() as connection:
        connection.root()["store"].saveTracks([("a", 0, "u", {"n": 0})] * count)
    remover, updater = Client(db, "remover"), Client(db, "updater")
    assert remover.begin().removeTracks(taskId="a") == count
    updater.begin()["0000005"].data["n"] = 1
    clients = [remover, updater]
    if first == "update":
        clients.reverse()
    clients[0].commit()
    with pytest.raises(ConflictError):
        clients[1].commit()
    clients[1].manager.abort()
    left = clients[1].begin()
    assert len(left) == (0 if first == "removal" else count)
    assert left.verify() == []
    for client in clients:
        client.close()


@pytest.mark.parametrize("step", [
    save_shared, save_new_task, save_bulk, save_updating, update, assign, remove,
    remove_all, start_run, stop_run])
def test_compaction_between_a_step_and_its_commit(db, step):
    """It is the compaction that gives way, or the two have nothing in common."""
    writer, compactor = Client(db, "writer"), Client(db, "compactor")
    for first in (start_run, save_bulk, save_bulk, update, save_shared):
        first(writer, writer.begin())
        writer.commit()
    for _ in range(10):
        step(writer, writer.begin())
        compactor.begin().compact()
        writer.commit()
    check(db, [writer, compactor])


def test_changes_between_the_steps_of_a_compaction(db, monkeypatch):
    """A compaction of many segments is many transactions: others come between."""
    writer, compactor = Client(db, "writer"), Client(db, "compactor")
    for _ in range(12):
        save_bulk(writer, writer.begin())
        writer.commit()

    busy = []

    class Interrupted(transaction.TransactionManager):

        def begin(self):
            if not busy:
                busy.append(self)
                for step in update, remove, assign, *[save_shared] * 40:
                    step(writer, writer.begin())
                    writer.commit()
                busy.clear()
            return super().begin()

    compactor.begin()
    store = compactor.connection.root()["store"]
    monkeypatch.setattr(merge, "LARGEST", 100)
    with monkeypatch.context() as patch:
        patch.setattr(merge, "OwnManager", Interrupted)
        store.compact()
    check(db, [writer, compactor])


# in more than one process

@pytest.fixture
def databases(tmp_path):
    """Two clients of one server, as two processes would be."""
    ZEO = pytest.importorskip("ZEO")
    address, stop = ZEO.server(path=str(tmp_path / "tracks.fs"), threaded=True)
    dbs = [ZEO.DB(address, server_sync=True) for _ in range(2)]
    with dbs[0].transaction() as connection:
        store = connection.root()["store"] = TrackingStorage(trackFactory=Item)
        for task in SHARED_TASKS:
            store.startRun(task)
    yield dbs
    for db in dbs:
        db.close()
    stop()


@pytest.mark.parametrize("step", [
    save_shared, save_the_same, save_new_task, save_bulk, save_updating])
def test_savers_in_two_processes_do_not_conflict(databases, step):
    clients = [Client(db, f"client{n}") for n, db in enumerate(databases)]
    in_step(clients, step, rounds=20)
    assert conflicts(clients) == []
    check(databases[0], clients)
