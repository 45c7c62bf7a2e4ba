"""A store to import to, and files to import."""

import gzip

import pytest
import transaction
import ZODB

from trackstore import Track, TrackingStorage


class Picky(Track):
    """A class that does not take every track."""

    def __init__(self, taskId, runId, userName, data=None):
        if 'wrong' in data:
            raise ValueError('this is wrong')
        super().__init__(taskId, runId, userName, data)


@pytest.fixture
def database():
    db = ZODB.DB(None)
    with db.transaction() as connection:
        connection.root()['tracks'] = TrackingStorage()
        connection.root()['picky'] = TrackingStorage(trackFactory=Picky)
    yield db
    db.close()


@pytest.fixture
def tracks(database):
    connection = database.open()
    yield connection.root()['tracks']
    transaction.abort()
    connection.close()


@pytest.fixture
def make(tmp_path):
    """Return a function that writes a file and returns its path."""
    def write(name, content):
        path = tmp_path / name
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(gzip.compress(data) if name.endswith('.gz') else data)
        return path
    return write
