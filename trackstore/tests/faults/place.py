"""A store that a fault comes over, and what was committed to it."""

from random import Random

import transaction

from trackstore import TrackingStorage
from trackstore.opening import database
from trackstore.tests.faults import check
from trackstore.tests.faults.work import Numbered
from trackstore.tests.model import Item, Model

START = 1_700_000_000


class Place:
    """A store in a file, with a client, and the model of what was committed."""

    def __init__(self, path):
        self.path = str(path)
        self.manager = transaction.TransactionManager()
        self.model = Model(now=START)
        self.open()
        if "tracks" not in self.connection.root():
            self.connection.root()["tracks"] = TrackingStorage(trackFactory=Item)
            self.manager.commit()

    def open(self):
        self.db = database(self.path)
        self.connection = self.db.open(self.manager)

    @property
    def store(self):
        return self.connection.root()["tracks"]

    def save(self, count=1, task="a", length=10, when=None):
        """Save tracks in one transaction, and take them down in the model."""
        rows = self.rows(count, task, length, when)
        Numbered(self.store).saveTracks(rows)
        self.manager.commit()
        self.model.saveTracks(rows)

    def rows(self, count=1, task="a", length=10, when=None):
        random = Random(f"{count} {length} {len(self.model.tracks)}")
        return [(task, 0, f"u{n % 5}", {"n": n, "text": random.randbytes(length)},
                 START + n if when is None else when) for n in range(count)]

    def check(self):
        assert check.problems(self.store, self.model) == []

    def close(self):
        self.manager.abort()
        self.connection.close()
        self.db.close()

    def reopen(self):
        self.close()
        self.open()
