"""Where in an event the fields are that a path means.

What a path means is taken widely, so that what is hidden by it is hidden however
the event is built:

- ``*`` is any key of a mapping, or any element of a list;
- a list on the way is looked through: ``items.card`` is the card of each item, also
  where the items are in lists of lists;
- a key with dots in it is as good as nested keys: ``user.email`` is also the key
  ``'user.email'``;
- a key that is no text is known by its text: ``1``, ``b'email'``;
- an object on the way (a dataclass, named tuple, persistent mapping, set) is
  replaced by its form for JSON, and looked into; one that cannot be looked into, by
  the name of its class.
"""

import datetime
import enum
import ipaddress
import numbers
import uuid
from pathlib import PurePath

from trackstore.jsonsafe import json_safe

#: Values without fields, the usual classes of them.
_PLAIN = frozenset((str, int, float, bool, type(None), bytes, datetime.datetime,
                    datetime.date, uuid.UUID))

#: Values without fields, all of them.
_WITHOUT_FIELDS = (str, bytes, bytearray, memoryview, numbers.Number, datetime.date,
                   datetime.time, datetime.timedelta, uuid.UUID, enum.Enum, PurePath,
                   ipaddress.IPv4Address, ipaddress.IPv6Address, type, type(None))


def places(event, path):
    """Return where the fields of a path are: a list of containers and keys.

    ``path`` is a tuple of keys.  A container is a dictionary or a list that can be
    changed; those of a list are in the order of its elements.  Objects on the way
    are replaced in the event.
    """
    found = {}
    _look(event, path, found, {})
    return list(found.values())


def _look(container, path, found, seen):
    """Add the places in a container that the rest of a path means."""
    if (id(container), len(path)) in seen:  # a container inside itself
        return
    seen[id(container), len(path)] = container  # which keeps its id from others
    is_list = isinstance(container, list)
    first = path[0]
    for key in range(len(container)) if is_list else list(container):
        if type(key) is str and '.' not in key:
            rests = (path[1:],) if first in (key, '*') else ()
        else:
            rests = _rests(path, _name(key))
        for rest in rests:
            if not rest:
                found[id(container), key] = container, key
            elif (inner := _inside(container, key)) is not None:
                _look(inner, rest, found, seen)
        if is_list and () not in rests and (
                (inner := _inside(container, key)) is not None):
            _look(inner, path, found, seen)


def _rests(path, name):
    """Return what can be left of a path behind a key of that name."""
    rests = {path[1:]} if path[0] == '*' else set()
    parts = name.split('.')
    if len(parts) <= len(path) and all(
            wanted in ('*', part) for wanted, part in zip(path, parts, strict=False)):
        rests.add(path[len(parts):])
    return rests


def _name(key):
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, bytes):
        return key.decode('utf-8', 'replace')
    return next(iter(json_safe({key: None}, None)))


def _inside(container, key):
    """Return the dictionary or list at a key, or None where there is neither."""
    value = container[key]
    kind = type(value)
    if kind is dict or kind is list:
        return value
    if kind in _PLAIN:
        return None
    inner = list(value) if kind is tuple else json_safe(value, None)
    if type(inner) in (dict, list):
        container[key] = inner
        return inner
    if not isinstance(value, _WITHOUT_FIELDS):
        container[key] = f'<{kind.__module__}.{kind.__qualname__}>'
    return None


def put(event, path, value):
    """Set the field of a path, and make the dictionaries that lead to it.

    Where something else than a dictionary is on the way, what is left of the path
    becomes one key with dots in it, so that nothing is lost.
    """
    mapping = event
    for place, key in enumerate(path[:-1]):
        if mapping.get(key) is None:
            mapping[key] = {}
        if not isinstance(mapping[key], dict):
            mapping['.'.join(path[place:])] = value
            return
        mapping = mapping[key]
    mapping[path[-1]] = value
