"""Events with values that every program can read.

An object of an application's class would be stored with all that is in it, a
password, say, and a program without that class could not read the track.
"""

import logging
from itertools import chain

from persistent import Persistent

from trackstore.codec import IMMUTABLE
from trackstore.events.event import event_of
from trackstore.events.slowlog import SlowLog
from trackstore.jsonsafe import json_safe

_PARTS = IMMUTABLE | {dict}
_LISTS = frozenset((list, tuple, set, frozenset))

#: What subclasses of these are but a kind of, such as a marked text.
_KINDS = (str, int, float, bytes)

_slow = SlowLog(logging.getLogger(__name__))


def plain_events(events):
    """Return events, with values of JSON in place of objects.

    Numbers, text, bytes, dates, UUIDs, None and the dictionaries, lists, tuples and
    sets of them are what they were, and those of a class of their own become such; a
    named tuple becomes a dictionary.  Another object becomes what
    ``trackstore.jsonsafe`` makes of it, and is warned of.
    """
    return events if _are_plain(events) else list(map(_plain_event, events))


def for_another_thread(event):
    """Return an event that another thread may read, too.

    An object of a database is read by its own connection or session, in the thread that
    has it.  An event that holds one becomes plain.
    """
    try:
        bound = _holds_bound(event.values())
    except Exception:  # it holds itself, or a class that cannot be asked
        return event
    return plain_events([event])[0] if bound else event


def _holds_bound(parts):
    """Tell whether an object of the ZODB or of SQLAlchemy is in values, or deeper."""
    for part in parts:
        kind = type(part)
        if kind in IMMUTABLE:
            continue
        if kind is dict:
            if _holds_bound(part.values()):
                return True
        elif kind in _LISTS or issubclass(kind, tuple):
            if _holds_bound(part):
                return True
        elif issubclass(kind, Persistent) or hasattr(kind, '__mapper__'):
            return True
    return False


def _are_plain(events):
    """Tell quickly whether there are but plain values in flat dictionaries."""
    parts = list(chain.from_iterable(map(dict.values, events)))
    flat = [part for part in parts if type(part) is dict]
    return (_PARTS.issuperset(map(type, parts))
            and IMMUTABLE.issuperset(map(type, chain.from_iterable(flat)))
            and IMMUTABLE.issuperset(
                map(type, chain.from_iterable(map(dict.values, flat)))))


def _plain_event(event):
    objects = set()
    plain = {key: _plain_part(value, objects) for key, value in event.items()}
    if objects:
        _slow.warning(
            'event %r has objects of %s, stored as JSON or their text; ModelValues '
            'puts attributes in the place of objects', event.get('name'),
            ', '.join(sorted({kind.__name__ for kind in objects})))
    return event_of(plain, event.id)


def _plain_part(value, objects):
    try:
        return _plain(value, objects)
    except RecursionError:  # it holds itself
        return json_safe(value, text_limit=None)


def _plain(value, objects):
    """Return a value without objects; add the types of those to a set.

    The type is asked, as a lazy object of Django is loaded when its class is.
    """
    kind = type(value)
    if kind in IMMUTABLE:
        return value
    if issubclass(kind, dict):
        return _plain_dict(value, objects)
    if issubclass(kind, list):
        return [_plain(part, objects) for part in list.__iter__(value)]
    if issubclass(kind, tuple):
        return _plain_tuple(value, objects)
    if issubclass(kind, (set, frozenset)) and _holds_plain(value):
        return value if kind in (set, frozenset) else set(value)
    if not issubclass(kind, _KINDS):
        objects.add(kind)
    return json_safe(value, text_limit=None)


def _plain_tuple(value, objects):
    parts = [_plain(part, objects) for part in tuple.__iter__(value)]
    names = getattr(type(value), '_fields', ())
    if names and len(names) == len(parts):
        return dict(zip(names, parts, strict=True))
    return tuple(parts)


def _plain_dict(value, objects):
    plain = {key: _plain(part, objects) for key, part in dict.items(value)}
    if _holds_plain(plain):
        return plain
    objects.update(kind for kind in map(type, plain) if not (
        kind in IMMUTABLE or issubclass(kind, (*_KINDS, tuple))))
    keys = json_safe(dict.fromkeys(plain), text_limit=None)  # no two of them alike
    return dict(zip(keys, plain.values(), strict=False))


def _holds_plain(values):
    """Tell whether there are no objects in a set, or in the keys of a dictionary."""
    return all(
        type(value) in IMMUTABLE
        or type(value) in (tuple, frozenset) and _holds_plain(value)
        for value in values)
