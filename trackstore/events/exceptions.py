"""The errors of the event pipeline."""

from trackstore.exceptions import TrackstoreError


class EventError(TrackstoreError, TypeError):
    """What cannot be an event: a name that is no text, data that are no mapping."""


class ConfigurationError(TrackstoreError, ValueError):
    """A processor, backend or tracker that cannot be made as configured."""


#: The name that code written for Django expects.
ImproperlyConfigured = ConfigurationError


class ContextError(TrackstoreError, KeyError):
    """A context that is left and was not entered."""

    def __str__(self):
        return str(self.args[0])


class TrackerError(TrackstoreError, KeyError):
    """A tracker or backend that is not registered."""

    def __str__(self):
        return str(self.args[0])


class DeliveryError(TrackstoreError, RuntimeError):
    """An event that a backend could not deliver.

    ``again`` tells whether it is worth trying again: True unless the receiver has
    said that it will never take this event.  ``for_all`` tells whether it would have
    said the same of any other event, so that a batch need not be taken apart.
    ``after`` is the seconds that the receiver wants to be left alone, or None.
    """

    def __init__(self, message, again=True, for_all=False, after=None):
        super().__init__(message)
        self.again = again
        self.for_all = for_all
        self.after = after


class RegistryError(TrackstoreError, ValueError):
    """What cannot be the documentation of an event type."""
