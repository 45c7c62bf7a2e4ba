"""Trackers made from flat settings, such as those of Pyramid and its ini files."""

import difflib
import json
import os
from collections.abc import Mapping

from trackstore.events.configuration import KEYS, read, tracker_from
from trackstore.events.event import copied
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.tracker import Tracker

PREFIX = 'trackstore.'

#: As Python writes them, where JSON has small letters.
FLAGS = {'True': True, 'False': False}

#: The setting that names a file instead.
FILE = 'events'


def tracker_from_settings(settings: Mapping, prefix: str = PREFIX) -> Tracker:
    """Return the tracker that some settings describe; others are left alone.

    ``trackstore.events``
        the path of a file in TOML or YAML with all the rest
    ``trackstore.contexts``, ``trackstore.backends...``, ``trackstore.processors...``
        the keys of ``tracker_from``, with the places within them after dots:
        ``trackstore.backends.archive.OPTIONS.limit = 100``,
        ``trackstore.processors.0.ENGINE = ...``.  Numbers are places in a list; below
        ``backends`` they are names.

    What looks like one of these and is none, such as ``trackstore.backend``, is a
    ``ConfigurationError``.

    A text that is JSON (a number, ``true``, a list, a text in quotes) stands for its
    value, and so do ``True`` and ``False``; other texts stand for themselves.
    """
    tree = {}
    for setting, value in sorted(settings.items(), key=_place):
        path = setting.removeprefix(prefix).split('.') if _ours(setting, prefix) else []
        if path[:1] == [FILE] and len(path) == 1:
            if not isinstance(value, (str, os.PathLike)):
                raise ConfigurationError(
                    f'{setting}: {value!r} is no path; allowed is that of a file in '
                    f'TOML or YAML')
            tree[FILE] = os.fspath(value)
        elif path and path[0] in KEYS and not all(path):
            raise ConfigurationError(f'{setting}: there is nothing between two dots')
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
                f'{setting}: {key!r} has a value of its own already')
    if tree.setdefault(path[-1], value) != value:
        what = 'parts' if isinstance(tree[path[-1]], dict) else 'a value'
        raise ConfigurationError(f'{setting}: has {what} of its own already')


def _value(value):
    if isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return FLAGS.get(value, value)
    return copied(value)  # what is below it may be put there


def _with_lists(node, name=None):
    """Return a tree with lists in place of the mappings whose keys are numbers.

    Those of the ``name`` ``backends`` are mappings: backends have names.
    """
    if not isinstance(node, dict):
        return node
    made = {key: _with_lists(value, key) for key, value in node.items()}
    if made and name != 'backends' and all(
            isinstance(key, str) and key.isdecimal() for key in made):
        return [made[key] for key in sorted(made, key=int)]
    return made
