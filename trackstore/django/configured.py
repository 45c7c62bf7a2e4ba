"""What the settings of a Django project say about the tracker.

``TRACKSTORE_BACKENDS``, ``TRACKSTORE_PROCESSORS``
    a mapping of names to objects and a list of objects, each ``{'ENGINE': path,
    'OPTIONS': {...}}``, as ``trackstore.events.tracker_from`` takes them
``TRACKSTORE_CONTEXTS``
    whose contexts are kept apart: ``'task'`` (the default), ``'thread'``,
    ``'tracker'``
``TRACKSTORE_ON_COMMIT``
    True if events wait for the commit of Django's transaction; or the alias of the
    database whose transaction it is
``TRACKSTORE_ENABLED``
    False if events go nowhere

The settings ``EVENT_TRACKING_BACKENDS`` and ``EVENT_TRACKING_PROCESSORS`` are read
where neither of the first two is given, ``EVENT_TRACKING_ENABLED`` where
``TRACKSTORE_ENABLED`` is not.  In them, and in settings of any other name,
``eventtracking...`` stands for the class of that name in ``trackstore.events``, if
there is one.
"""

from collections.abc import Mapping

from django.conf import settings
from django.db import connections

from trackstore.events.checks import shown
from trackstore.events.configuration import LOCATORS, imported, made
from trackstore.events.exceptions import ConfigurationError

PREFIX = 'TRACKSTORE_'
OWN = ('TRACKSTORE_BACKENDS', 'TRACKSTORE_PROCESSORS')
OTHER = ('EVENT_TRACKING_BACKENDS', 'EVENT_TRACKING_PROCESSORS')
ENABLED = ('TRACKSTORE_ENABLED', 'EVENT_TRACKING_ENABLED')
CONTEXTS = 'TRACKSTORE_CONTEXTS'
ON_COMMIT = 'TRACKSTORE_ON_COMMIT'

#: The package whose names are translated, and what it is here.
TRANSLATED = 'eventtracking.', 'trackstore.events.'


def given(name):
    """Tell whether the project has a setting."""
    return hasattr(settings, name)


def names():
    """Return the names of the settings of backends and processors."""
    other = any(map(given, OTHER)) and not any(map(given, OWN))
    return OTHER if other else OWN


def enabled():
    """Tell whether events are wanted."""
    own, other = ENABLED
    if given(own):
        value = getattr(settings, own)
        if not isinstance(value, bool):  # 'False', of an environment variable, is true
            raise ConfigurationError(
                f'{own}: {value!r} is no flag; allowed are True and False')
        return value
    return bool(getattr(settings, other, True))


def backends(name):
    """Return the backends of a setting, by name."""
    nodes = getattr(settings, name, None) or {}
    if not isinstance(nodes, Mapping):
        raise ConfigurationError(
            f'{name}: {shown(nodes)} is not a mapping of names to engines')
    return _made(nodes, name, nodes.items())


def processors(name):
    """Return the processors of a setting, a list."""
    nodes = getattr(settings, name, None) or []
    if not isinstance(nodes, (list, tuple)):
        raise ConfigurationError(f'{name}: {shown(nodes)} is not a list of engines')
    return _made(nodes, name, enumerate(nodes))


def _made(nodes, name, entries):
    for key, node in entries:
        if not isinstance(node, Mapping) or 'ENGINE' not in node:
            raise ConfigurationError(
                f'{name}.{key}: {shown(node)} has no ENGINE; wanted is '
                f"{{'ENGINE': 'path.of.the.Class', 'OPTIONS': {{...}}}}")
    if not name.startswith(PREFIX):
        nodes = translated(nodes)
    return made(nodes, name)


def translated(node):
    """Return a tree whose engines are of this package, where it has them."""
    if isinstance(node, Mapping):
        result = {key: translated(part) for key, part in node.items()}
        if 'ENGINE' in node:
            result['ENGINE'] = _translated_path(node['ENGINE'])
        return result
    if isinstance(node, (list, tuple)):
        return list(map(translated, node))
    return node


def _translated_path(path):
    if not isinstance(path, str) or not path.startswith(TRANSLATED[0]):
        return path
    own = TRANSLATED[1] + path.removeprefix(TRANSLATED[0])
    try:
        imported(own, 'ENGINE')
    except ConfigurationError:
        return path
    return own


def locator():
    """Return a new context locator."""
    contexts = getattr(settings, CONTEXTS, 'task')
    if not isinstance(contexts, str) or contexts not in LOCATORS:
        raise ConfigurationError(
            f'{CONTEXTS}: {contexts!r} is not known; allowed are '
            f'{", ".join(LOCATORS)}')
    return LOCATORS[contexts]()


def on_commit():
    """Return the alias of the database whose commits events wait for, or None."""
    value = getattr(settings, ON_COMMIT, False)
    if value is None or isinstance(value, bool):
        return 'default' if value else None
    if value not in list(connections):
        raise ConfigurationError(
            f'{ON_COMMIT}: {value!r} is no database; allowed are True, False and the '
            f'aliases in DATABASES: {", ".join(connections)}')
    return value
