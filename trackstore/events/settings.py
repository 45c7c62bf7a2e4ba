"""Trackers made from flat settings, such as those of Pyramid and its ini files."""

import difflib
import json
from collections.abc import Mapping

from trackstore.events.configuration import KEYS, read, tracker_from
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.tracker import Tracker

PREFIX = 'trackstore.'

#: The setting that names a file instead.
FILE = 'events'


def tracker_from_settings(settings: Mapping, prefix: str = PREFIX) -> Tracker:
    """Return the tracker that some settings describe; others are left alone.

    ``trackstore.events``
        the path of a file in TOML or YAML with all the rest
    ``trackstore.contexts``, ``trackstore.backends...``, ``trackstore.processors...``
        the keys of ``tracker_from``, with the places within them after dots:
        ``trackstore.backends.archive.OPTIONS.limit = 100``,
        ``trackstore.processors.0.ENGINE = ...``

    What looks like one of these and is none, such as ``trackstore.backend``, is a
    ``ConfigurationError``.

    A text that is JSON (a number, ``true``, a list, a text in quotes) stands for its
    value, other texts for themselves.
    """
    tree = {}
    for setting, value in sorted(settings.items(), key=_place):
        path = setting.removeprefix(prefix).split('.') if _ours(setting, prefix) else []
        if path[:1] == [FILE] and len(path) == 1:
            tree[FILE] = value
        elif path and path[0] in KEYS:
            _put(tree, path, _value(value), setting)
        elif path:
            _refuse_slip(setting, prefix, path[0])
    file = tree.pop(FILE, None)
    if file is None:
        return tracker_from(_with_lists(tree), 'settings')
    if tree:
        raise ConfigurationError(
            f'{prefix}{FILE}, {prefix}{next(iter(tree))}: both are given; the file '
            f'says everything, or the settings do')
    return tracker_from(read(file), file)


def _refuse_slip(setting, prefix, key):
    """Raise an error for a key that is nearly one of those that are known."""
    for meant in difflib.get_close_matches(key.lower(), (*KEYS, FILE), 1, 0.75):
        raise ConfigurationError(
            f'{setting}: is no setting; {prefix}{meant} is')


def _place(item):
    return str(item[0])


def _ours(setting, prefix):
    return isinstance(setting, str) and setting.startswith(prefix)


def _put(tree, path, value, setting):
    for key in path[:-1]:
        tree = tree.setdefault(key, {})
        if not isinstance(tree, dict):
            raise ConfigurationError(
                f'{setting}: {key!r} has a value of its own already: {tree!r}')
    if isinstance(tree.get(path[-1]), dict) and tree[path[-1]] != value:
        raise ConfigurationError(f'{setting}: has parts of its own already')
    tree[path[-1]] = value


def _value(value):
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _with_lists(node):
    """Return a tree with lists in place of the mappings whose keys are numbers."""
    if not isinstance(node, dict):
        return node
    made = {key: _with_lists(value) for key, value in node.items()}
    if made and all(isinstance(key, str) and key.isdigit() for key in made):
        return [made[key] for key in sorted(made, key=int)]
    return made
