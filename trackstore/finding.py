"""Where in a database a tracking storage is: its name, or the path to it."""

from itertools import islice

from ZODB.broken import Broken

from trackstore.exceptions import OpenError
from trackstore.storage import TrackingStorage

#: So many names are listed in an error.
MOST = 10


def find(root, name):
    """Return what is in a database under a name, or None.

    A name is a key of the root, or else a path: keys of mappings and attributes of
    objects, joined by slashes.  An object on the way whose class cannot be imported
    is an ``OpenError``.
    """
    if name in root:
        return root[name]
    steps = _steps(name)
    place, path = _followed(root, steps)
    return place if path and path == steps else None


def make(root, name, trackFactory=None):
    """Make a tracking storage under a name, and return it.

    Raises an ``OpenError`` if what is to have it is no mapping.
    """
    *outer, key = _steps(name) or [name]
    if outer:
        path = '/'.join(outer)
        place = find(root, path)
        if not hasattr(place, '__setitem__'):
            raise OpenError(
                f'name: {name!r} cannot be made, since under {path!r} there is '
                f'{told(place)}; allowed is what is in a mapping')
    else:
        place = root
    storage = place[key] = TrackingStorage(trackFactory=trackFactory)
    return storage


def told(found):
    """Return what an error calls something that is no tracking storage."""
    return 'nothing' if found is None else repr(type(found).__qualname__)


def instead(root, name):
    """Return what an error says of the names where the way to a name has ended."""
    place, path = _followed(root, _steps(name))
    names = list(map(repr, islice(_names(place), MOST + 1)))
    if not names:
        return ''
    where = repr('/'.join(path)) if path else 'the root'
    more = ' and more' if len(names) > MOST else ''
    return f'; {where} has {", ".join(names[:MOST])}{more}'


def _names(place):
    if hasattr(place, 'keys'):
        return iter(place)
    return (name for name in getattr(place, '__dict__', ()) if name[0] != '_')


def _steps(name):
    return [step for step in name.split('/') if step] if type(name) is str else []


def _followed(root, steps):
    """Return the last place on a way that there is, and the steps that led there."""
    place, path = root, []
    for step in steps:
        inner = _within(place, step)
        if inner is None:
            break
        place = inner
        path.append(step)
    return place, path


def _within(place, step):
    """Return what a place has under a key or, as an object, in an attribute."""
    if isinstance(place, Broken):
        raise OpenError(
            f'name: the way to {step!r} is through an object of the class '
            f'{type(place).__module__}.{type(place).__qualname__}, which cannot be '
            f'imported; allowed are classes that are there (PYTHONPATH)')
    if hasattr(place, 'keys') and step in place:
        return place[step]
    if hasattr(place, '_p_activate'):
        place._p_activate()
    return getattr(place, '__dict__', {}).get(step)
