"""Servers that are lost, and come back."""

import pytest
import transaction
from persistent.mapping import PersistentMapping

from trackstore import TrackingStorage, opening
from trackstore.tests.commands import run_faults
from trackstore.tests.servers import ZEOServer, give_up_after
from trackstore.tests.waiting import LONG


def test_server():
    pytest.importorskip("ZEO")
    printed = run_faults(
        "server", "--rounds", "2", "--clients", "2", "--seed", "a test")
    assert "problems                              0" in printed


def test_ids_of_a_server_that_is_gone_are_not_used(tmp_path):
    """Each client has some in advance, which the next server gives out again."""
    pytest.importorskip("ZEO")
    with ZEOServer(tmp_path / "tracks.fs") as server:
        databases = [opening.database(server.uri) for _ in range(2)]
        for db in databases:
            db.storage.ping()  # so that it knows what the other has committed
            with db.transaction() as connection:
                connection.root()[id(db)] = PersistentMapping()
        server.kill()
        server.start()
        for _ in range(2):
            for db in databases:
                db.storage.ping()
                for n in range(60):
                    with db.transaction() as connection:
                        connection.root()[id(db)][n] = PersistentMapping()
        for db in databases:
            db.storage.ping()
            with db.transaction() as connection:
                ids = [each._p_oid for db in databases
                       for each in connection.root()[id(db)].values()]
            assert len(set(ids)) == len(ids) == 120
            db.close()


def test_a_server_that_stays_away_for_a_while(tmp_path):
    ZEO = pytest.importorskip("ZEO")
    server = ZEOServer(tmp_path / "tracks.fs")
    server.start()
    db = opening.database(server.uri)
    manager = transaction.TransactionManager()
    try:
        connection = db.open(manager)
        tracks = connection.root()["tracks"] = TrackingStorage()
        tracks.saveTracks(("a", 0, "u", {"n": n}) for n in range(100))
        manager.commit()
        tracks.saveUserTrack("a", 0, "u", {"n": 100})
        server.kill()
        give_up_after(db.storage, 0.2)
        for _ in range(2):
            with pytest.raises(ZEO.Exceptions.ClientDisconnected):
                manager.commit()
            manager.abort()
            assert len(tracks) == 100  # what has been loaded can be read
            tracks.saveUserTrack("a", 0, "u", {"n": 100})
        manager.abort()
        server.start()
        give_up_after(db.storage, LONG)
        for attempt in manager.attempts(20):
            with attempt:
                tracks.saveUserTrack("a", 0, "u", {"n": 100})
        assert [track.data["n"] for track in tracks.query()] == list(range(101))
        assert tracks.verify() == []
        manager.abort()
        connection.close()
    finally:
        db.close()
        server.stop()
