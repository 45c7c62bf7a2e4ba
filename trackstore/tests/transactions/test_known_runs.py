"""What a connection keeps in mind of runs is what is stored."""

import random

import pytest
from ZODB.POSException import ConflictError

from trackstore.tests.transactions.place import rows
from trackstore.transactions import OwnManager

TASKS = [f"t{n}" for n in range(40)]


@pytest.mark.parametrize("undone", ["savepoint", "abort"])
def test_a_run_that_was_taken_back_is_not_another_ones(place, undone):
    store, manager = place.tracks, place.manager
    ended = manager.get()  # held, as by a traceback
    savepoint = manager.savepoint()
    store.saveTracks([*rows(1, "a"), *rows(1, "b")])
    if undone == "savepoint":
        savepoint.rollback()
        manager.commit()
    else:
        manager.abort()
    assert ended is not manager.get()
    store.saveTracks([row for task in "xbyz" for row in rows(1, task)])
    manager.commit()
    assert sorted(store.currentRuns.values()) == [1, 2, 3, 4]
    for task, run in store.currentRuns.items():
        assert store.getRun(runId=run).taskId == task


class Client:
    """A connection, and one of the changes of runs at a time."""

    def __init__(self, db, chance):
        self.manager = OwnManager()
        self.connection = db.open(self.manager)
        self.chance = chance

    @property
    def store(self):
        return self.connection.root()["tracks"]

    def save(self):
        chance = self.chance
        self.store.saveTracks([
            (chance.choice(TASKS), 0, "u", {}, chance.random())
            for _ in range(chance.choice([1, 3, 30, 100]))])

    def stop(self):
        self.store.stopRun(self.chance.choice(TASKS))

    def start(self):
        self.store.startRun(self.chance.choice(TASKS))

    def end(self):
        run = self.store.getRun(self.chance.choice(TASKS))
        if run is not None:
            run.end = self.chance.random()

    def seal(self):
        self.store._runs.seal()

    def roll_back(self):
        savepoint = self.manager.savepoint()
        self.save()
        savepoint.rollback()

    def abort(self):
        self.manager.abort()

    def commit(self):
        self.manager.commit()

    def forget(self):
        self.connection.cacheMinimize()

    def check(self):
        """Compare what is known with what is stored; tell whether anything is."""
        table = self.store._runs
        current, ends = table.known()
        for task, number in current.items():
            assert table.get_current(task) == number
            assert table.get(number).taskId == task
        for number, end in ends.items():
            assert table.get(number).end == end
        return bool(current)


CHANGES = [Client.save] * 6 + [Client.commit] * 4 + [
    Client.stop, Client.start, Client.end, Client.seal, Client.roll_back,
    Client.abort, Client.forget]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_is_changed_by_whomever(place, seed):
    place.manager.commit()
    chance = random.Random(seed)
    clients = [Client(place.db, chance) for _ in range(3)]
    known = 0
    for _ in range(250):
        client = chance.choice(clients)
        try:
            chance.choice(CHANGES)(client)
        except ConflictError:
            client.manager.abort()
        known += client.check()
    assert known > 50
    for client in clients:
        client.manager.abort()
        client.check()
        client.connection.close()
