"""Events with values that every program can read.

An object of an application's class would be stored with all that is in it, a
password, say, and a program without that class could not read the track.
"""

import logging
from itertools import chain

from trackstore.codec import IMMUTABLE
from trackstore.events.event import event_of
from trackstore.events.slowlog import SlowLog
from trackstore.jsonsafe import json_safe

#: What subclasses of these are but a kind of, such as a marked text.
_BASES = (str, int, float, bytes, tuple, list, dict, set, frozenset)

_slow = SlowLog(logging.getLogger(__name__))


def plain_events(events):
    """Return events, with values of JSON in place of objects.

    Numbers, text, bytes, dates, UUIDs, None and the dictionaries, lists, tuples and
    sets of them are what they were.  An object becomes what
    ``trackstore.jsonsafe`` makes of it, and is warned of.
    """
    parts = [event.get(key) for event in events for key in ('data', 'context')]
    if set(map(type, parts)) == {dict} and IMMUTABLE.issuperset(
            map(type, chain.from_iterable(map(dict.values, parts)))):
        return events
    return list(map(_plain_event, events))


def _plain_event(event):
    odd = set()
    plain = {key: _plain_part(value, odd) for key, value in event.items()}
    if not all(issubclass(kind, _BASES) for kind in odd):
        _slow.warning(
            'event %r has objects of %s, stored as JSON or their text; ModelValues '
            'puts attributes in the place of objects', event.get('name'),
            ', '.join(sorted(kind.__name__ for kind in odd)))
    return event_of(plain, event.id)


def _plain_part(value, odd):
    try:
        return _plain(value, odd)
    except RecursionError:  # it holds itself
        return json_safe(value, text_limit=None)


def _plain(value, odd):
    """Return a value without objects; add the types of those to a set."""
    kind = type(value)
    if kind in IMMUTABLE:
        return value
    if kind is dict:
        return {_plain_key(key, odd): _plain(each, odd) for key, each in value.items()}
    if kind is list or kind is tuple:
        return kind([_plain(each, odd) for each in value])
    found = _odd_in(value) if kind in (set, frozenset) else {kind}
    odd |= found
    return json_safe(value, text_limit=None) if found else value


def _plain_key(key, odd):
    found = _odd_in((key,))
    if not found:
        return key
    odd |= found
    key, = json_safe({key: None}, text_limit=None)
    return key


def _odd_in(values):
    odd = set()
    for value in values:
        _plain(value, odd)
    return odd
