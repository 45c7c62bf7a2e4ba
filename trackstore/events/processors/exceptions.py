"""What processors and backends raise to say what becomes of an event."""

from trackstore.exceptions import TrackstoreError


class EventEmissionExit(TrackstoreError):
    """The event is dropped: no further processor sees it, and no backend."""


class NoTransformerImplemented(TrackstoreError):
    """There is no form of this event for that backend, which goes without it."""


class NoBackendEnabled(TrackstoreError):
    """The backend is switched off, and goes without the event."""
