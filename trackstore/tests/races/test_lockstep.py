"""Clients that all begin before any of them commits."""

import pytest
import transaction
from ZODB.POSException import ConflictError

from trackstore import TrackingStorage, merge
from trackstore.tests.model import Item
from trackstore.tests.races.clients import Client, check, conflicts, in_step, lockstep
from trackstore.tests.races.steps import (
    SHARED_TASKS,
    assign,
    mixture,
    remove,
    remove_many,
    save_bulk,
    save_new_shared_task,
    save_new_task,
    save_shared,
    save_the_same,
    save_updating,
    start_run,
    stop_run,
    update,
)


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
