"""System checks: what is wrong with the settings, in a sentence each."""

import os

from django.apps import apps
from django.conf import settings
from django.core.checks import Error, Warning, register

from trackstore import opening
from trackstore.django import configured, requestoptions, stores
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.tracker import get_tracker
from trackstore.exceptions import OpenError

MIDDLEWARE = 'trackstore.django.middleware.RequestContextMiddleware'

#: All settings that begin with the prefix.
SETTINGS = (*configured.OWN, configured.CONTEXTS, configured.ON_COMMIT,
            configured.ENABLED[0], *requestoptions.SETTINGS)


@register('trackstore')
def check_tracker(app_configs, **kwargs):
    """E001: the tracker cannot be made."""
    error = apps.get_app_config('trackstore').error
    if error is not None:
        text = str(error) if isinstance(error, ConfigurationError) else (
            f'{type(error).__name__}: {error}')
        yield Error(
            f'The tracker cannot be made: {text}', id='trackstore.E001',
            hint=f'Correct it in the settings {" and ".join(configured.names())}; '
                 f'TRACKSTORE_ENABLED = False does without a tracker.')


@register('trackstore')
def check_request(app_configs, **kwargs):
    """E002: the context of requests is not as it may be."""
    try:
        requestoptions.from_settings()
    except ConfigurationError as error:
        yield Error(
            f'The context of requests cannot be made: {error}', id='trackstore.E002',
            hint='Correct that setting; RequestContextMiddleware cannot start.')


@register('trackstore')
def check_backends(app_configs, **kwargs):
    """W001: events go nowhere."""
    name = configured.names()[0]
    if apps.get_app_config('trackstore').error is not None or not configured.enabled():
        return
    if not getattr(settings, name, None):
        yield Warning(
            f'{name} has no backends: events go nowhere.', id='trackstore.W001',
            hint="Give it one, such as {'log': {'ENGINE': ...}}; or say that this is "
                 'wanted, with TRACKSTORE_ENABLED = False.')
    for path in _without_backends(get_tracker().backends, name):
        yield Warning(
            f'{path} has no backends: events go nowhere there.', id='trackstore.W001',
            hint="Give it some in its OPTIONS: {'backends': {'log': {'ENGINE': ...}}}.")


def _without_backends(backends, above):
    """Yield the paths of routers and queues that lead nowhere."""
    for name, backend in backends.items():
        if isinstance(backend, RoutingBackend):
            path = f'{above}.{name}'
            if not backend.backends:
                yield path
            yield from _without_backends(backend.backends, path)


@register('trackstore')
def check_both(app_configs, **kwargs):
    """W002: settings that are not read, because there are others."""
    if configured.names() == configured.OWN and not apps.is_installed(
            'eventtracking.django'):
        for name in filter(configured.given, configured.OTHER):
            own = ' and '.join(filter(configured.given, configured.OWN))
            yield Warning(
                f'{name} is not read: {own} given.', id='trackstore.W002',
                hint=f'Remove {name}, or add what it says to {configured.OWN[0]} '
                     f'and {configured.OWN[1]}.')


@register('trackstore')
def check_names(app_configs, **kwargs):
    """W003: settings that nobody reads."""
    for name in dir(settings):
        if name.startswith(configured.PREFIX) and name not in SETTINGS:
            yield Warning(
                f'{name} is no setting of trackstore.', id='trackstore.W003',
                hint=f'Allowed are {", ".join(sorted(SETTINGS))}.')


@register('trackstore')
def check_contexts(app_configs, **kwargs):
    """W004: requests at the same time would have each other's context."""
    if (getattr(settings, configured.CONTEXTS, None) == 'tracker'
            and MIDDLEWARE in (settings.MIDDLEWARE or ())):
        yield Warning(
            f"{configured.CONTEXTS} = 'tracker' mixes the contexts of requests that "
            f'are answered at the same time.', id='trackstore.W004',
            hint="Take 'task', the default.")


@register('trackstore')
def check_places(app_configs, **kwargs):
    """W005: files of events and of dead letters that cannot be opened."""
    for path, problem in _problems_of(stores.places()):
        yield Warning(
            f'The store @{path} cannot be opened: {problem}', id='trackstore.W005',
            hint='What is to be saved there is lost, or waits, until it can be.')


def _problems_of(places):
    """Yield the paths of stores in files that cannot be opened, and why."""
    files = {path: file for path, where in places.items()
             if (file := opening.path_of(where)) is not None}
    letters = [path for path in files if path.endswith(f'.{stores.LETTERS}')]
    kept = {os.path.realpath(files[path]): path for path in files.keys() - letters}
    for path, file in files.items():
        try:
            opening.check_file(file)
        except (OpenError, OSError) as error:
            yield path, error
            continue
        if path in letters and (other := kept.get(os.path.realpath(file))):
            yield path, f'{file!r} is that of @{other}, which has it open'
