"""Paths of fields in events: ``context.user.id``."""

from trackstore.events.event import Event
from trackstore.events.exceptions import ConfigurationError

#: Types of mappings that need no further look.
_PLAIN = frozenset((dict, Event))


def parsed(path, name='path'):
    """Return a path as a tuple of keys; ``name`` is the option that it is for."""
    if isinstance(path, str) and path and all(keys := path.split('.')):
        return tuple(keys)
    raise ConfigurationError(
        f'{name}: {path!r} is no path of a field; wanted is text like '
        f"'context.user_id'")


def alternatives(paths, name='path'):
    """Return a path, or a list of paths of which the first with a value counts."""
    if isinstance(paths, (list, tuple)) and paths:
        return tuple(parsed(path, name) for path in paths)
    return (parsed(paths, name),)


def value_at(event, path, default=None):
    """Return what an event has at a path, or the default."""
    for key in path:
        if not isinstance(event, dict) or key not in event:
            return default
        event = event[key]
    return event


def first(event, paths):
    """Return the first value at one of the paths that is not None, or None."""
    return next((value for path in paths
                 if (value := value_at(event, path)) is not None), None)


def column(events, paths):
    """Return what ``first`` returns for each of many events, a list."""
    values = _values(events, paths[0])
    for path in paths[1:]:
        if type(None) not in set(map(type, values)):
            break
        others = _values(events, path)
        values = [other if value is None else value
                  for value, other in zip(values, others, strict=True)]
    return values


def _values(mappings, path):
    for key in path:
        if _PLAIN.issuperset(map(type, mappings)):
            mappings = [mapping.get(key) for mapping in mappings]
        else:
            mappings = [mapping.get(key) if isinstance(mapping, dict) else None
                        for mapping in mappings]
    return mappings
