"""What holds over every storage that a store may be in."""

import threading
import time

import pytest
from ZODB.interfaces import IStorageUndoable
from ZODB.POSException import ConflictError

import trackstore
from trackstore import Track, TrackingStorage
from trackstore.opening import database
from trackstore.tests.clients import Client
from trackstore.tests.storages import IN_MEMORY, KINDS, SERVED, WITH_UNDO
from trackstore.tests.waiting import wait_until

#: A MappingStorage resolves no conflicts, so it is for one writer at a time.
FOR_WRITERS = [kind for kind in KINDS if kind != "MappingStorage"]
ON_DISK = [kind for kind in KINDS if kind not in IN_MEMORY]


class Visit(Track):
    metadata_attributes = (*Track.metadata_attributes, "state")
    index_attributes = (*Track.index_attributes, "state", "page")
    state = "new"


class Place:
    """A database with a store, and its clients."""

    def __init__(self, db):
        self.db = db
        self.clients = []
        first = self.client()
        first.connection.root()["tracks"] = TrackingStorage(trackFactory=Visit)
        first.commit()

    def client(self):
        self.clients.append(Client(self.db))
        return self.clients[-1]

    def two_with_a_track(self):
        """Return two clients that both see a track."""
        one, two = self.client(), self.client()
        one.tracks.saveUserTrack("a", 0, "u", {"n": 0})
        one.commit()
        two.begin()
        return one, two


@pytest.fixture
def place(kind, places, tmp_path):
    with places.database(kind, tmp_path) as db:
        place = Place(db)
        yield place
        for client in place.clients:
            client.close()


over = pytest.mark.parametrize


def wait_for(ask, answer, manager):
    """A ZEO client hears of what others have committed a moment later."""
    def is_there():
        manager.begin()
        return ask() == answer
    wait_until(is_there)


@over("kind", KINDS)
def test_numbers_of_one_writer_count_from_one(place):
    client = place.client()
    for n in range(1, 200):
        assert int(client.tracks.saveUserTrack("a", 0, "u", {"n": n})) == n
        client.commit()
    assert [track.data["n"] for track in client.tracks.values()] == list(range(1, 200))
    assert client.tracks.verify() == []


@over("kind", KINDS)
def test_what_is_aborted_leaves_no_trace(place):
    client = place.client()
    client.tracks.saveUserTrack("a", 0, "u", {"page": "p"})
    client.commit()
    client.tracks.saveTracks(("b", 0, "v", {"n": n}) for n in range(5000))
    client.tracks["0000001"].data["page"] = "q"
    client.tracks.startRun("c")
    client.tracks.removeTracks(taskId="a")
    client.abort()
    tracks = client.tracks
    assert list(tracks) == ["0000001"]
    assert tracks["0000001"].data == {"page": "p"}
    assert tracks.getRun("b") is tracks.getRun("c") is None
    assert tracks.getTaskIds() == ["a"] and tracks.verify() == []


@over("kind", KINDS)
def test_savepoints_go_back(place):
    client = place.client()
    client.tracks.saveUserTrack("a", 0, "u", {"page": "p"})
    savepoint = client.manager.savepoint()
    client.tracks.saveTracks(("b", 0, "v", {"n": n}) for n in range(3000))
    client.tracks["0000001"].data["page"] = "q"
    savepoint.rollback()
    client.tracks.saveUserTrack("c", 0, "w", {})
    client.commit()
    assert [(track.name, track.taskId) for track in client.tracks.values()] == [
        ("0000001", "a"), ("0000002", "c")]
    assert client.tracks["0000001"].data == {"page": "p"}


@over("kind", FOR_WRITERS)
def test_writers_at_the_same_time_do_not_conflict(place):
    """Each begins before any of them commits."""
    clients = [place.client() for _ in range(4)]
    clients[0].tracks.startRun("shared")
    clients[0].commit()
    for n in range(60):
        for m, client in enumerate(clients):
            client.manager.begin()
            if n % 20 == 19:
                client.tracks.saveTracks(
                    [("shared", 0, f"u{m}", {"n": n})] * 700)
            else:
                client.tracks.saveUserTrack("shared", 0, f"u{m}", {"n": n})
        for client in clients:
            client.commit()
    tracks = clients[0].tracks
    clients[0].manager.begin()
    assert [tracks.count(userName=f"u{m}") for m in range(4)] == [57 + 3 * 700] * 4
    numbers = [int(trackId) for trackId in tracks]
    assert len(set(numbers)) == len(numbers) == 4 * (57 + 3 * 700)
    assert numbers == sorted(numbers)
    assert tracks.verify() == []


@over("kind", FOR_WRITERS)
def test_of_two_changes_of_a_track_one_conflicts(place):
    one, two = place.two_with_a_track()
    one.tracks["0000001"].data["n"] = 1
    two.tracks["0000001"].data["n"] = 2
    one.commit()
    with pytest.raises(ConflictError):
        two.commit()
    two.abort()
    assert two.tracks["0000001"].data == {"n": 1}


@over("kind", FOR_WRITERS)
def test_a_track_shows_what_another_client_committed(place):
    one, two = place.two_with_a_track()
    held = two.tracks["0000001"]
    assert held.data == {"n": 0}
    one.tracks["0000001"].data["n"] = 1
    one.commit()
    two.manager.begin()
    assert held.data == {"n": 1} and two.tracks["0000001"] is held
    one.tracks.removeTrack(one.tracks["0000001"])
    one.commit()
    two.manager.begin()
    assert "removed" in repr(held) and len(two.tracks) == 0


@over("kind", [kind for kind in FOR_WRITERS if kind not in IN_MEMORY])
def test_compaction_and_pack_beside_a_writer(place):
    writer, keeper = place.client(), place.client()
    saved = 0
    for n in range(30):
        writer.tracks.saveTracks(
            [("t", 0, f"u{m % 7}", {"page": f"p{n}"}) for m in range(300)])
        writer.tracks.saveUserTrack("t", 0, "single", {"page": "s"})
        saved += 301
        if n % 10 == 4:
            keeper.manager.begin()
            keeper.tracks.compact()
        writer.commit()
        if n % 10 == 9:
            place.db.pack(time.time())
    keeper.manager.begin()
    tracks = keeper.tracks
    tracks.compact()
    place.db.pack(time.time() + 1)
    keeper.manager.begin()
    assert len(tracks) == saved == tracks.count(taskId="t")
    assert tracks.count(userName="single") == 30 == len(tracks.query(page="s"))
    assert tracks.verify() == []


@over("kind", WITH_UNDO)
def test_undo_of_the_last_transaction(place):
    client = place.client()
    client.tracks.saveUserTrack("a", 0, "u", {"n": 0})
    client.commit()
    client.tracks["0000001"].data = {"n": 1}
    client.tracks.saveUserTrack("a", 0, "u", {"n": 2})
    client.commit()
    assert IStorageUndoable.providedBy(place.db.storage)
    place.db.undo(place.db.undoLog(0, 1)[0]["id"], client.manager.get())
    client.commit()
    assert [track.data for track in client.tracks.values()] == [{"n": 0}]
    assert client.tracks.verify() == []


@over("kind", ON_DISK)
def test_closed_and_opened_again(kind, places, tmp_path):
    with places.uri(kind, tmp_path) as uri:
        with trackstore.open(uri, trackFactory=Visit) as tracks:
            ids = list(tracks.saveTracks(
                (f"t{n % 5}", 0, "u", {"page": n % 3}, n) for n in range(3000)))
        with trackstore.open(uri) as tracks:
            assert list(tracks) == ids
            assert tracks.count(page=1, taskId="t0") == 200
            assert tracks.saveUserTrack("t0", 0, "u", {}) > ids[-1]
        read_only = kind == "FileStorage"
        with trackstore.open(uri, create=False, readOnly=read_only) as tracks:
            assert len(tracks) == 3001 and tracks.verify() == []


@over("kind", SERVED)
def test_writers_over_databases_of_their_own(kind, places, tmp_path):
    """As in two processes: nothing in memory is shared."""
    with places.uri(kind, tmp_path) as uri:
        dbs = [database(uri) for _ in range(3)]
        clients = [Client(db) for db in dbs]
        clients[0].connection.root()["tracks"] = TrackingStorage()
        clients[0].tracks.startRun("shared")
        clients[0].commit()
        for n in range(40):
            for m, client in enumerate(clients):
                client.manager.begin()
                client.connection.sync()
                if n % 10 == 9:
                    client.tracks.saveTracks([("shared", 0, f"u{m}", {"n": n})] * 300)
                else:
                    client.tracks.saveUserTrack("shared", 0, f"u{m}", {"n": n})
            for client in clients:
                client.commit()
        tracks = clients[0].tracks
        wait_for(lambda: len(tracks), 3 * (36 + 4 * 300), clients[0].manager)
        assert [tracks.count(userName=f"u{m}") for m in range(3)] == [36 + 4 * 300] * 3
        assert len(set(tracks)) == len(tracks)
        assert tracks.verify() == []
        for client in clients:
            client.close()
        for db in dbs:
            db.close()


@over("kind", FOR_WRITERS)
def test_threads(place):
    saved, errors = [], []

    def work(name):
        client = Client(place.db)
        try:
            for n in range(40):
                client.manager.begin()
                trackId = client.tracks.saveUserTrack(name, 0, name, {"n": n})
                client.commit()
                saved.append(trackId)
        except BaseException as error:
            errors.append(error)
        finally:
            client.close()

    threads = [threading.Thread(target=work, args=(f"w{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    client = place.client()
    assert sorted(saved) == list(client.tracks)
    assert client.tracks.verify() == []
