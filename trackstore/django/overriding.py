"""The tracker follows the settings that tests change."""

from django.apps import apps
from django.conf import settings

from trackstore.django import configured, requestoptions
from trackstore.django.closing import close
from trackstore.django.django_tracker import FailedTracker, override_default_tracker
from trackstore.events.tracker import DEFAULT_TRACKER_NAME, TRACKERS, register_tracker

#: The settings that a tracker is made from.
WATCHED = (*configured.OWN, *configured.OTHER, *configured.ENABLED,
           configured.CONTEXTS, configured.ON_COMMIT)

#: For each change that holds: the settings then, the tracker and its error before,
#: and whether another one was made.
_changes = []


def follow(setting, enter, **options):
    """Make the tracker that changed settings describe, or put the former one back.

    It receives Django's signal ``setting_changed``, which comes once for each setting
    when all of them are changed.  A tracker that cannot be made raises its error when
    events are emitted, as it does after commands have started without checks.

    The context of requests is that of the settings at the time of the request.
    """
    if setting in requestoptions.SETTINGS:
        requestoptions.current.cache_clear()
    if setting not in WATCHED:
        return
    if enter:
        _enter(apps.app_configs.get('trackstore'))
    elif _changes:
        _leave(apps.app_configs.get('trackstore'))


def _enter(config):
    values = [getattr(settings, name, None) for name in WATCHED]
    made = not (_changes and all(
        now is then for now, then in zip(values, _changes[-1][0], strict=True)))
    _changes.append((values, TRACKERS.get(DEFAULT_TRACKER_NAME),
                     getattr(config, 'error', None), made))
    if made:
        error = None
        try:
            override_default_tracker()
        except Exception as caught:
            error = caught
            register_tracker(FailedTracker(error))
        if config is not None:
            config.error = error


def _leave(config):
    _, tracker, error, made = _changes.pop()
    if made:
        close(TRACKERS[DEFAULT_TRACKER_NAME])
        register_tracker(tracker)
        if config is not None:
            config.error = error
