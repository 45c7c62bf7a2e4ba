"""Options of processors: lists of texts and of paths, checked."""

from collections.abc import Iterable, Mapping

from trackstore.events import paths
from trackstore.events.exceptions import ConfigurationError


def texts(value, name, example):
    """Return a list of texts; ``name`` is the option, ``example`` what is wanted."""
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise ConfigurationError(
            f'{name}: {value!r} is no list of texts; wanted is one like {example}')
    value = list(value)
    for part in value:
        if not isinstance(part, str):
            raise ConfigurationError(
                f'{name}: {part!r} is no text; wanted is a list like {example}')
    return value


def field_paths(value, name='fields'):
    """Return the tuples of keys of a list of paths, in which ``*`` may stand."""
    listed = texts(value, name, "['context.user.email', 'data.items.*.card']")
    if not listed:
        raise ConfigurationError(f'{name}: no path is given; wanted is at least one')
    return [wildcard_path(path, name) for path in listed]


def wildcard_path(path, name):
    """Return a path as a tuple of keys, where ``'*'`` stands for any key."""
    keys = paths.parsed(path, name)
    for key in keys:
        if '*' in key and key != '*':
            raise ConfigurationError(
                f'{name}: {path!r} has {key!r}; an asterisk stands for a whole key, '
                f"as in 'data.items.*.card'")
    return keys


def plain_path(path, name):
    """Return a path of exactly one field as a tuple of keys."""
    keys = paths.parsed(path, name)
    if any('*' in key for key in keys):
        raise ConfigurationError(
            f'{name}: {path!r} has an asterisk; wanted is the path of one field, like '
            f"'context.site'")
    return keys


def field_mapping(value, name='fields'):
    """Return the entries of a mapping of paths, of which there is at least one."""
    if not isinstance(value, Mapping) or not value:
        raise ConfigurationError(
            f'{name}: {value!r} is no mapping of paths; wanted is one like '
            f"{{'context.site': ...}}")
    return list(value.items())
