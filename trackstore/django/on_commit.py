"""Events that wait for the commit of Django's transaction."""

from copy import copy
from functools import partial

from django.db import connections
from zope.interface import implementer

from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IRoutingBackend


@implementer(IRoutingBackend)
class OnCommitBackend(RoutingBackend):
    """Hands events to its backends when Django's transaction is committed.

    Within ``transaction.atomic()`` the event is processed at once, and waits for the
    commit; it is dropped when that block, or the savepoint it is in, is rolled back.
    It goes to the backends that there are when it is emitted.  Outside of a transaction
    nothing waits.  ``using`` is the alias of the database whose transactions count.
    """

    def __init__(self, backends=None, processors=None, using='default'):
        if using not in list(connections):
            raise ConfigurationError(
                f'using: {using!r} is no database; allowed are the aliases in '
                f'DATABASES: {", ".join(connections)}')
        self.using = using
        super().__init__(backends, processors)

    def dispatch(self, event):
        event = self.processed(event)
        connection = connections[self.using]
        if connection.in_atomic_block:
            as_it_is = copy(self)   # capture_events gives it other backends for a time
            connection.on_commit(partial(as_it_is.send_to_backends, event))
        else:
            self.send_to_backends(event)
