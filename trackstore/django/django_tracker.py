"""The tracker that the settings of a Django project describe."""

from trackstore.django import configured
from trackstore.django.on_commit import OnCommitBackend
from trackstore.events.tracker import Tracker, register_tracker


class DjangoTracker(Tracker):
    """A tracker made from Django's settings: see ``trackstore.django.configured``.

    ``backends_settings_name``, ``processors_settings_name``
        the names of the settings with the backends and the processors, if they are
        others than usual

    What cannot be made is a ``ConfigurationError`` that says where it stands.
    """

    def __init__(self, backends_settings_name=None, processors_settings_name=None):
        usual = configured.names()
        super().__init__(
            self.create_backends_from_settings(backends_settings_name or usual[0]),
            configured.locator(),
            self.create_processors_from_settings(processors_settings_name or usual[1]))
        if (using := configured.on_commit()) is not None:
            self.routing_backend = OnCommitBackend(
                self.backends, self.processors, using)

    def create_backends_from_settings(self, settings_name):
        """Return the backends of the setting with that name, by their names."""
        return configured.backends(settings_name)

    def create_processors_from_settings(self, settings_name):
        """Return the processors of the setting with that name, a list."""
        return configured.processors(settings_name)


class FailedTracker(Tracker):
    """Stands in for a tracker that could not be made: emitting raises the error."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def emit(self, name=None, data=None):
        raise self.error.with_traceback(None)


def new_tracker():
    """Return a tracker as the settings describe it.

    Where events are not wanted, it is one without backends.
    """
    if configured.enabled():
        return DjangoTracker()
    return Tracker(context_locator=configured.locator())


def override_default_tracker():
    """Register the tracker that the settings describe as the default one."""
    register_tracker(new_tracker())
