"""The app: makes the tracker when Django starts."""

import sys

from django.apps import AppConfig
from django.core.signals import setting_changed

from trackstore.django.django_tracker import FailedTracker, override_default_tracker
from trackstore.events.tracker import register_tracker


class TrackstoreConfig(AppConfig):
    """Registers the tracker that the settings describe as the default one.

    If it cannot be made, Django does not start.  Only where a management command
    starts it, ``error`` has the reason for the system checks, which say it in a
    sentence and keep most commands from running; with the others, and with
    ``--skip-checks``, emitting raises it, and so does the middleware.
    """

    name = 'trackstore.django'
    label = 'trackstore'
    verbose_name = 'trackstore'
    error = None

    def ready(self):
        from trackstore.django import checks, overriding  # noqa: F401  registers them
        setting_changed.connect(overriding.follow, dispatch_uid=overriding.__name__)
        try:
            override_default_tracker()
        except Exception as error:
            if not in_command():
                raise
            self.error = error
            register_tracker(FailedTracker(error))


def in_command():
    """Tell whether a management command is about to run, with its system checks."""
    management = sys.modules.get('django.core.management')
    if management is None:
        return False
    wanted = management.ManagementUtility.execute.__code__
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code is wanted:
            return True
        frame = frame.f_back
    return False
