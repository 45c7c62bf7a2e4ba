"""What processors and backends raise to say what becomes of an event."""

from trackstore.events.exceptions import DeliveryError
from trackstore.exceptions import TrackstoreError


class EventEmissionExit(TrackstoreError):
    """The event is dropped: no further processor sees it, and no backend."""


class EventRefused(EventEmissionExit, DeliveryError):
    """The event is dropped because something is wrong with it.

    Below a queue it becomes a dead letter, as it came to the ``RoutingBackend``.  For
    that its processors get a copy; those with an attribute ``refuses = False`` never
    raise this, and need none.  If the event was split, ``rest`` has the parts with
    which nothing is wrong.
    """

    def __init__(self, message, rest=()):
        super().__init__(message, again=False)
        self.rest = list(rest)


class NoTransformerImplemented(TrackstoreError):
    """There is no form of this event for that backend, which goes without it."""


class NoBackendEnabled(TrackstoreError):
    """The backend is switched off, and goes without the event."""
