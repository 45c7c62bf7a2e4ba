"""trackstore in a Pyramid application: ``config.include('trackstore.pyramid')``."""

from trackstore.events.settings import tracker_from_settings
from trackstore.events.tracker import register_tracker


def includeme(config):
    """Register the tracker that the settings of the application describe.

    See ``trackstore.events.settings.tracker_from_settings``.
    """
    register_tracker(tracker_from_settings(config.registry.settings))
