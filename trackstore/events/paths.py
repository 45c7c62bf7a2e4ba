"""Paths of fields in events: ``context.user.id``."""

from trackstore.events.exceptions import ConfigurationError


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


def reader(paths):
    """Return a function from an event to the first value that is not None, or None.

    The frequent kinds of paths have quicker ones.
    """
    outer = paths[0][0]
    if paths == ((outer,),):
        return lambda event: event.get(outer)
    if any(len(path) != 2 or path[0] != outer for path in paths):
        return lambda event: next(
            (value for path in paths
             if (value := value_at(event, path)) is not None), None)
    keys = [key for _, key in paths]

    def read(event):
        inner = event.get(outer)
        if isinstance(inner, dict):
            for key in keys:
                value = inner.get(key)
                if value is not None:
                    return value
        return None
    return read
