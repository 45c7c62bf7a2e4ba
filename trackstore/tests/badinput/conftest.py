"""A store to which bad input is given."""

import pytest
import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

from trackstore import TrackingStorage
from trackstore.tests.badinput.refusing import check_unhurt, contents
from trackstore.tests.model import Item


@pytest.fixture
def db(tmp_path):
    db = DB(FileStorage(str(tmp_path / "tracks.fs")))
    yield db
    db.close()


@pytest.fixture
def store(db):
    """A store with tracks in a segment, in the tail, and uncommitted."""
    manager = transaction.TransactionManager()
    connection = db.open(manager)
    store = connection.root()["store"] = TrackingStorage(trackFactory=Item)
    store.saveTracks([("a", 0, "u1", {"n": 1}, 1), ("b", 0, "u2", {}, 2)])
    manager.commit()
    store.compact()
    manager.begin()
    store.saveUserTrack("a", 0, "u1", {"n": 3}, timeStamp=3)
    manager.commit()
    store.saveUserTrack("c", 0, "u3", {"kind": "x"}, timeStamp=4)
    before = contents(store)
    yield store
    try:
        check_unhurt(store, before)
    finally:
        manager.abort()
        connection.close()
