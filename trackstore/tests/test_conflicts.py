"""Two transactions on the same tracks: one of them is told, nothing is lost."""

import pytest
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage
from ZODB.POSException import ConflictError, UndoError

from trackstore import TrackingStorage
from trackstore.tests.clients import Client


@pytest.fixture
def database(tmp_path):
    database = DB(FileStorage(str(tmp_path / "t.fs")))
    with database.transaction() as connection:
        tracks = connection.root()["tracks"] = TrackingStorage()
        tracks.saveTracks(("a", 0, f"u{n}", {"n": 0}, n) for n in range(3000))
    yield database
    database.close()


@pytest.fixture
def clients(database):
    made = Client(database), Client(database)
    yield made
    for client in made:
        client.close()


def change(tracks):
    tracks["0000001"].data["n"] = 1


def remove_all(tracks):
    assert tracks.removeTracks(taskId="a") == 3000


@pytest.mark.parametrize("first, second", [
    (change, remove_all), (remove_all, change), (change, change),
    (remove_all, remove_all)])
@pytest.mark.parametrize("between", ["nothing", "sealing"])
def test_who_comes_second_is_told(clients, database, first, second, between):
    one, two = clients
    first(one.begin())
    second(two.begin())
    one.manager.commit()
    if between == "sealing":
        with database.transaction() as connection:
            connection.root()["tracks"].compact()
    with pytest.raises(ConflictError):
        two.manager.commit()
    two.manager.abort()
    assert two.begin().verify() == []
    assert len(two.tracks) == (3000 if first is change else 0)


def test_a_change_that_was_sealed_long_ago(clients):
    """So many seals ago that nothing is known of it any more."""
    one, two = clients
    change(two.begin())
    for n in range(12):
        one.begin()["0000002"].data["n"] = 10 + n  # in the same page
        one.manager.commit()
        one.tracks.compact()
    with pytest.raises(ConflictError):
        two.manager.commit()


def test_a_change_beside_seals_that_do_not_concern_it(clients):
    one, two = clients
    change(two.begin())
    for n in range(3):
        one.begin()["0000777"].data["n"] = n
        one.tracks.saveUserTrack("b", 0, "u", {})
        one.manager.commit()
        one.tracks.compact()
    two.manager.commit()
    assert two.begin()["0000001"].data == {"n": 1}
    assert two.tracks["0000777"].data == {"n": 2}
    assert two.tracks.verify() == []


def test_undo_of_a_save_that_was_merged_is_refused(clients, database):
    tracks = clients[0].begin()
    tracks.saveTracks(("b", 0, "u", {}) for _ in range(4096))
    clients[0].manager.commit()
    saved = database.undoLog(0, 1)[0]["id"]
    tracks.compact()
    clients[0].begin()
    database.undo(saved, clients[0].manager.get())
    with pytest.raises(UndoError):
        clients[0].manager.commit()
    clients[0].manager.abort()
    assert len(clients[0].begin()) == 7096
    assert clients[0].tracks.verify() == []


def test_undo_of_a_save_beside_later_ones(clients, database):
    tracks = clients[0].begin()
    tracks.saveTracks(("b", 0, "u", {}) for _ in range(500))
    clients[0].manager.commit()
    saved = database.undoLog(0, 1)[0]["id"]
    tracks.saveTracks(("c", 0, "u", {}) for _ in range(500))
    clients[0].manager.commit()
    database.undo(saved, clients[0].manager.get())
    clients[0].manager.commit()
    tracks = clients[0].begin()
    assert (tracks.count(taskId="b"), tracks.count(taskId="c")) == (0, 500)
    assert tracks.verify() == []
