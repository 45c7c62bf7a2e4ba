"""Two clients of a store, whose first track lies in one place or another."""

import pytest
from ZODB.DB import DB

from trackstore import TrackingStorage
from trackstore.tests.clients import Client
from trackstore.tests.model import Item


@pytest.fixture
def db():
    db = DB(None)
    yield db
    db.close()


@pytest.fixture
def client(db):
    client = Client(db)
    client.connection.root()["tracks"] = TrackingStorage(trackFactory=Item)
    client.manager.commit()
    yield client
    client.close()


@pytest.fixture
def other(db, client):
    other = Client(db)
    yield other
    other.close()


@pytest.fixture(params=["tail", "small segment", "large segment", "compacted"])
def store(request, client):
    """A store whose track 1 lies in one place or another."""
    store = client.tracks
    count = {"tail": 1, "large segment": 6000}.get(request.param, 50)
    if request.param == "tail":
        store.saveUserTrack("a", 0, "u", {"n": 0, "list": [1]}, timeStamp=10)
    else:
        store.saveTracks([("a", 0, "u", {"n": n, "list": [1]}, 10 + n)
                          for n in range(count)])
    client.manager.commit()
    if request.param == "compacted":
        store.compact()
        client.manager.begin()
    yield store
    assert store.verify() == []
