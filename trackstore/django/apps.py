"""The app: makes the tracker when Django starts."""

import os
import sys

from django.apps import AppConfig
from django.core.signals import setting_changed
from django.utils.autoreload import DJANGO_AUTORELOAD_ENV

from trackstore.django.django_tracker import FailedTracker, override_default_tracker
from trackstore.events.tracker import Tracker, register_tracker


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
        words = command_line()
        if only_reloads(words):  # it must not have a database open, nor take over
            register_tracker(Tracker())
            return
        try:
            override_default_tracker()
        except Exception as error:
            if words is None:
                raise
            self.error = error
            register_tracker(FailedTracker(error))


def command_line():
    """Return the words of the management command that is about to run, or None."""
    management = sys.modules.get('django.core.management')
    if management is None:
        return None
    wanted = management.ManagementUtility.execute.__code__
    frame = sys._getframe()
    while frame is not None:
        if frame.f_code is wanted:
            return frame.f_locals['self'].argv
        frame = frame.f_back
    return None


def only_reloads(words):
    """Tell whether this process only starts another one, which is the server.

    ``runserver`` does so, to start it anew when a file has changed.
    """
    return (words is not None and words[1:2] == ['runserver']
            and '--noreload' not in words
            and os.environ.get(DJANGO_AUTORELOAD_ENV) != 'true')
