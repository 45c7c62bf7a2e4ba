"""A client of a database."""

import transaction


class Client:
    """A connection with a transaction manager of its own."""

    def __init__(self, db):
        self.manager = transaction.TransactionManager()
        self.connection = db.open(self.manager)

    @property
    def store(self):
        return self.connection.root()["store"]

    def close(self):
        self.manager.abort()
        self.connection.close()
