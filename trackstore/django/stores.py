"""The stores that the settings name, by the path of the backend."""

import os
from collections.abc import Mapping

from django.conf import settings

from trackstore.django import configured
from trackstore.events.exceptions import ConfigurationError

MARK = '@'
LETTERS = 'dead_letters'


def replaced(argument):
    """Return an argument of a command, with a place instead of ``@PATH``."""
    if argument[:1] != MARK:
        return argument
    found = places()
    if argument[1:] not in found:
        raise ConfigurationError(
            f'{argument}: no backend of that path has a store that the settings name; '
            f'there are: {", ".join(MARK + path for path in found) or "none"}')
    return found[argument[1:]]


def places():
    """Return the places of the stores in the settings, by path.

    The path of a backend is its name after those above it, with dots; the dead
    letters of one are at its path with ``.dead_letters`` after it.
    """
    return dict(_places(getattr(settings, configured.names()[0], None), ()))


def _places(nodes, above):
    if not isinstance(nodes, Mapping):
        return
    for name, node in nodes.items():
        options = node.get('OPTIONS') if isinstance(node, Mapping) else None
        if not isinstance(options, Mapping):
            continue
        here = (*above, str(name))
        for option, path in (('where', here), (LETTERS, (*here, LETTERS))):
            if isinstance(options.get(option), (str, os.PathLike)):
                yield '.'.join(path), os.fspath(options[option])
        yield from _places(options.get('backends'), here)
