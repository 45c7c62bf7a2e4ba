"""What the tests of hurt pages need."""

import pytest
import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

import trackstore


@pytest.fixture(autouse=True)
def silence(quiet):
    """Nothing is logged."""


@pytest.fixture
def made(tmp_path):
    """Return a function that makes a store; it returns its path and object ids."""

    def make(fill, pack=False):
        path = tmp_path / 'made.fs'
        database = DB(FileStorage(str(path)))
        tracks = database.open().root()['tracks'] = trackstore.TrackingStorage()
        transaction.commit()
        fill(tracks)
        transaction.commit()
        if pack:
            database.pack()
        oids = {'tail': [page._p_oid for page in tracks._pages],
                'runs': [page._p_oid for page in tracks._runs.pages],
                'current': [page._p_oid for page in tracks._runs.current_pages],
                'branches': tracks._runs.current._p_oid,
                'done': tracks._runs.done._p_oid, 'storage': tracks._p_oid,
                'table': tracks._runs._p_oid, 'directory': tracks.directory._p_oid}
        database.close()
        return path, oids

    return make
