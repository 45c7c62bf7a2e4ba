"""The transaction manager of connections that the store opens itself."""

from contextlib import suppress

import transaction


class OwnManager(transaction.TransactionManager):
    """A transaction manager for one connection.

    Where a server is lost while a connection is opened, the ZODB keeps it among the
    open ones though it has never been registered here.  Closing the database would
    end in a ``KeyError`` for that, and leave the rest open.
    """

    def unregisterSynch(self, synch):
        with suppress(KeyError):
            super().unregisterSynch(synch)
