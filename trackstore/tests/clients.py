"""Clients of a database: each has a connection and a transaction manager."""

import transaction

from trackstore.opening import database


class Client:
    """A client of a database with a store."""

    def __init__(self, db):
        self.db = db
        self.manager = transaction.TransactionManager()
        self.connection = db.open(self.manager)

    @property
    def root(self):
        return self.connection.root()

    @property
    def tracks(self):
        return self.root["tracks"]

    def begin(self):
        self.manager.begin()
        return self.tracks

    def commit(self):
        self.manager.commit()

    def abort(self):
        self.manager.abort()

    def close(self):
        self.manager.abort()
        self.connection.close()


class Owner(Client):
    """The only client of a database in a file, which it opens and closes."""

    def __init__(self, path):
        self.path = str(path)
        super().__init__(database(self.path))

    def close(self):
        super().close()
        self.db.close()

    def reopen(self):
        """Close the file, and be a new client of it."""
        self.close()
        self.db = database(self.path)
        self.connection = self.db.open(self.manager)
