"""Numbers where several processes write to one database."""

import pytest
import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

from trackstore import TrackingStorage, numbering


class Process:
    """A connection that shares nothing in memory with the others."""

    def __init__(self, database):
        self.manager = transaction.TransactionManager()
        self.connection = database.open(self.manager)
        self.shared = numbering.Shared()

    @property
    def tracks(self):
        return self.connection.root()["tracks"]


@pytest.fixture
def database(tmp_path):
    database = DB(FileStorage(str(tmp_path / "t.fs")))
    with database.transaction() as connection:
        connection.root()["tracks"] = TrackingStorage()
    yield database
    database.close()


@pytest.fixture
def processes(database, monkeypatch):
    made = [Process(database) for _ in range(3)]
    by_connection = {process.connection: process.shared for process in made}
    monkeypatch.setattr(numbering, "EXCLUSIVE", ())
    monkeypatch.setattr(
        numbering, "shared", lambda storage: by_connection[storage._p_jar])
    yield made
    for process in made:
        process.manager.abort()
        process.connection.close()


def test_processes_save_at_the_same_time(processes):
    taken = []
    for round in range(100):
        for n, process in enumerate(processes):
            taken.append(process.tracks.saveUserTrack(f"t{n}", 0, "u", {"n": round}))
        for process in processes:
            process.manager.commit()
    assert len(set(taken)) == 300
    processes[0].manager.begin()
    tracks = processes[0].tracks
    assert list(tracks) == sorted(taken)
    assert tracks.verify() == []
    assert [tracks.count(taskId=f"t{n}") for n in range(3)] == [100, 100, 100]


def test_leases_begin_small_and_follow_each_other(processes):
    first, second, _ = processes
    assert first.tracks.saveUserTrack("a", 0, "u", {}) == "0000001"
    first.manager.commit()
    second.manager.begin()
    number = int(second.tracks.saveUserTrack("a", 0, "u", {}))
    assert number == numbering.FIRST_LEASE + 1
    second.manager.commit()


def test_one_process_counts_on_past_its_lease(processes):
    tracks = processes[0].tracks
    many = 5 * numbering.FIRST_LEASE
    ids = [tracks.saveUserTrack("a", 0, "u", {}) for _ in range(many)]
    assert ids == [tracks.idFromNum(n) for n in range(1, many + 1)]


def test_what_is_aborted_is_given_out_again(processes):
    process = processes[0]
    assert process.tracks.saveUserTrack("a", 0, "u", {}) == "0000001"
    process.manager.abort()
    assert process.tracks.saveUserTrack("a", 0, "u", {}) == "0000001"


def test_a_lease_begins_after_what_is_there(database, processes, monkeypatch):
    with database.transaction() as connection:
        monkeypatch.setattr(numbering, "EXCLUSIVE", (FileStorage,))
        own = numbering.Shared()
        monkeypatch.setattr(numbering, "shared", lambda storage: own)
        connection.root()["tracks"].saveTracks(("a", 0, "u", {}) for _ in range(500))
    monkeypatch.setattr(numbering, "EXCLUSIVE", ())
    monkeypatch.setattr(numbering, "shared", lambda storage: processes[0].shared)
    processes[0].manager.begin()
    assert processes[0].tracks.saveUserTrack("a", 0, "u", {}) == "0000501"


def test_which_storages_have_one_process(database):
    assert numbering.is_exclusive(database)

    class Wrapper:
        base = database.storage

    class Server:
        pass

    assert numbering.is_exclusive(type("Wrapped", (), {"storage": Wrapper()}))
    assert not numbering.is_exclusive(type("Other", (), {"storage": Server()}))


@pytest.mark.parametrize("savepoint", [False, True])
def test_a_storage_that_is_not_committed_yet(database, monkeypatch, savepoint):
    """Nobody else can see it, so all is done in the transaction that makes it."""
    monkeypatch.setattr(numbering, "EXCLUSIVE", ())
    manager = transaction.TransactionManager()
    connection = database.open(manager)
    tracks = connection.root()["new"] = TrackingStorage()
    connection.add(tracks)
    if savepoint:
        manager.savepoint()
        connection.cacheMinimize()
    assert not numbering.is_committed(tracks)
    ids = [tracks.saveUserTrack("a", 0, "u", {"n": n}) for n in range(100)]
    assert ids == [tracks.idFromNum(n) for n in range(1, 101)]
    assert tracks.compact() == 1
    manager.abort()
    assert "new" not in connection.root()
    connection.close()
