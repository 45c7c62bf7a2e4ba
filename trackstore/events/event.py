"""Events, and copies of them that share nothing that can be changed."""

import datetime
import decimal
import os
import secrets
import uuid
from collections.abc import Mapping, MappingView, MutableSequence, Set
from itertools import count, islice

from persistent import Persistent
from transaction.interfaces import TransientError

#: Values that need no copy.
_PLAIN = frozenset((str, int, float, bool, type(None), bytes, datetime.datetime,
                    datetime.date, datetime.timedelta, decimal.Decimal, uuid.UUID))

#: So deep may data be nested; what holds itself has no end.
DEPTH = 100

#: So many mappings, lists and sets may be in an event.  Few that are inside one
#: another many times are very many.
MOST = 1_000_000


#: What a collection of another class is copied to; the first that fits is taken.
_COPIES = ((Mapping, dict), (MappingView, list), (bytearray, bytes),
           (MutableSequence, list), (Set, set))

#: The packages whose persistent collections are no objects of a model.
_ZODB = ('persistent', 'BTrees')


class Event(dict):
    """An event with an ``id``, which tells it from every other event.

    As a dictionary it has the keys ``name``, ``timestamp``, ``data`` and
    ``context``.  Its copy is the same event: it has the same id.
    """

    __slots__ = ('id',)

    def __getattr__(self, name):
        """Make the id when it is asked for, which not every backend does."""
        if name != 'id':
            raise AttributeError(name)
        self.id = id = new_id()
        return id

    def copy(self):
        """Return an event that shares no dictionary, list or set with this one."""
        return event_of(_copied_dict(self, DEPTH, [MOST]), self.id)

    __copy__ = copy


def _renew_ids():
    """Begin ids that no other process has."""
    global _begin, _next
    _begin = secrets.token_urlsafe(12) + '.'
    _next = count(1).__next__


_renew_ids()
if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_renew_ids)


def new_id():
    """Return a text that no other event has, in this process or another."""
    return f'{_begin}{_next():x}'


def event_of(event, id=None):
    """Return a mapping as an ``Event``; one that is an event as it stands."""
    if type(event) is not Event:
        event = Event(event)
        if id is not None:
            event.id = id
    return event


def copy_of(event):
    """Return a copy of an event, an ``Event`` or another mapping."""
    return event.copy() if type(event) is Event else Event(copied(event))


def copied(value):
    """Return a value with copies of all mappings, lists, tuples and sets in it.

    Those of other classes than Python's own become dictionaries, lists and sets, also
    those of the ZODB, which only their connection can read.
    What is none of these is not copied, nor is an object of a model.
    Raises a ``RecursionError`` for what is nested more than ``DEPTH`` deep, and an
    ``OverflowError`` for more than ``MOST`` mappings, lists and sets.
    """
    return value if type(value) in _PLAIN else _copied(value, DEPTH, [MOST])


def with_copies(own, depth=DEPTH - 1, left=None):  # left: see _count
    """Replace what can be changed in a dictionary that nobody else holds by copies."""
    if not _PLAIN.issuperset(map(type, own.values())):
        left = [MOST] if left is None else left
        for key, item in own.items():
            if type(item) not in _PLAIN:
                own[key] = _copied(item, depth, left)
    return own


def _copied_dict(value, depth, left):
    # first as it stands, at once: another thread may be changing it
    return with_copies(
        value.copy() if type(value) is dict else dict(value.items()), depth, left)


def _copied(value, depth, left):
    kind = type(value)
    if kind is dict:
        _count(depth, left)
        return _copied_dict(value, depth - 1, left)
    if kind in (list, tuple, set, frozenset):
        _count(depth, left)
        return kind([item if type(item) in _PLAIN else _copied(item, depth - 1, left)
                     for item in value])
    copy = _own_copy(value)
    if copy is None:
        return value
    if len(copy) > MOST:
        raise OverflowError(f'data: more than {MOST:,} parts are in a {kind.__name__}')
    return _copied(copy, depth, left)


def _own_copy(value):
    """Return a collection of another class as one of Python's own, or None.

    Its parts may come from a database one by one, so it is not read without an end.
    """
    try:
        if isinstance(value, Persistent) and (
                type(value).__module__.partition('.')[0] not in _ZODB):
            return None
        for cls, own in _COPIES:
            if isinstance(value, cls):
                return own(islice(value.items() if own is dict else value, MOST + 1))
    except TransientError:  # of the caller's own transaction
        raise
    except Exception:  # a lazy object that cannot be made, parts that cannot be read
        return None
    return None


def _count(depth, left):
    """Count a mapping, list or set; ``left`` is a list with how many may follow."""
    if not depth:
        raise RecursionError(
            f'data: nested more than {DEPTH} deep, or inside themselves')
    left[0] -= 1
    if left[0] < 0:
        raise OverflowError(
            f'data: more than {MOST:,} mappings, lists and sets are in them')
