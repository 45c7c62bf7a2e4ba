"""What the systems that stand on a ZODB file have in common."""

from pathlib import Path

import transaction
from ZODB import DB
from ZODB.FileStorage import FileStorage

from .base import System

CACHED_OBJECTS = 10_000


class ZODBFile(System):
    """A store of ``make_store`` in the root of a FileStorage."""

    make_store = None

    def open(self):
        path = str(Path(self.folder) / 'Data.fs')
        self.db = DB(FileStorage(path, pack_keep_old=False),
                     cache_size=CACHED_OBJECTS)
        self.connection = self.db.open()
        root = self.connection.root()
        if 'tracks' not in root:
            root['tracks'] = self.make_store()
            transaction.commit()
        self.store = root['tracks']

    def close(self):
        transaction.abort()
        self.connection.close()
        self.db.close()

    def refresh(self):
        transaction.abort()
