"""The one rule by which values become values of JSON.

It is for what leaves the program: events, statements, values of model objects.
What comes out is for machines and people to read, not to be turned back into
objects; ``trackstore.export.values`` does that.

=========================  ==================================================
a value                    becomes
=========================  ==================================================
None, bool, text           itself
int                        itself; text where it has more than 64 bits
float                      itself; ``'NaN'``, ``'Infinity'``, ``'-Infinity'``
datetime                   ISO 8601 in UTC; one without time zone is in UTC
date, time                 ISO 8601
timedelta                  seconds, as a float
UUID, Decimal, path, ...   its text
Enum                       what its value becomes
bytes                      text in base64
list, tuple, deque, ...    a list
set                        a sorted list
mapping                    a dictionary with text for keys
dataclass, named tuple     a dictionary of its fields
array of numpy             what its ``tolist()`` becomes
exception                  ``'ValueError: its text'``
class, function            ``'module.name'``
another object             its ``str()``, without an address in memory; else
                           ``'<module.Class>'``
=========================  ==================================================

Text that is too long ends in a mark that tells its length, halves of characters
(lone surrogates) are replaced, and where values are too deep, too many, or
inside themselves, a mark is in their place.  A value that is safe already is
equal afterwards.
"""

import collections
import dataclasses
import datetime
import json
import math
import numbers
import re
import types
from base64 import b64encode
from collections.abc import Mapping, MappingView, Sequence, Set
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from itertools import islice
from uuid import UUID

from persistent import Persistent

from trackstore.exceptions import TrackstoreError

#: How long a text may be, in characters, if nothing else is said.
TEXT_LIMIT = 10_000
#: The shortest limit of texts: there must be room for the marks.
SMALLEST_LIMIT = 64
#: How many lists and mappings may be inside one another.
DEPTH_LIMIT = 32
#: How many values may be in one value, at all depths together.
ITEM_LIMIT = 100_000

BIG = 2 ** 63
TOO_DEEP = '… (too deep)'
CYCLE = '… (a cycle)'
UTC = datetime.timezone.utc
ADDRESS = re.compile(r' at 0x[0-9a-fA-F]+')
SAME = frozenset((type(None), bool))
NAMED = (type, types.FunctionType, types.BuiltinFunctionType, types.MethodType)
NO_TEXT = (object.__repr__, Persistent.__repr__)


class LimitError(TrackstoreError, TypeError, ValueError):
    """A limit of texts that is none."""


def json_safe(value, text_limit=TEXT_LIMIT):
    """Return the value as a new one of the types of JSON.

    ``text_limit`` is the longest text in characters, with the mark that tells of
    the cut: a whole number from 64, or None for no limit.  Whatever the value is,
    there is no error; ``json.dumps`` writes the result, and as valid UTF-8.  Lists
    and dictionaries are new ones.

    >>> import datetime, decimal
    >>> json_safe({'at': datetime.date(2026, 11, 21), 'price': decimal.Decimal('1.10'),
    ...            'tags': {'b', 'a'}, 7: float('inf')})
    {'at': '2026-11-21', 'price': '1.10', 'tags': ['a', 'b'], '7': 'Infinity'}
    """
    if text_limit is None:
        text_limit = math.inf
    elif type(text_limit) is not int or text_limit < SMALLEST_LIMIT:
        raise LimitError(
            f'text_limit: {text_limit!r} is no limit; allowed are whole numbers '
            f'from {SMALLEST_LIMIT}, and None for no limit')
    return WRITERS.get(type(value), _other)(value, _Walk(text_limit))


class _Walk:
    """What the parts of a value share while they are written."""

    __slots__ = ('limit', 'left', 'inside')

    def __init__(self, limit):
        self.limit = limit
        self.left = ITEM_LIMIT
        self.inside = []  # the ids of the containers around

    def enter(self, value, size):
        """Return how many of a container's parts to write, or the mark for it."""
        if id(value) in self.inside:
            return CYCLE
        if len(self.inside) == DEPTH_LIMIT:
            return TOO_DEEP
        if size <= self.left:
            self.left -= size
        elif self.left:
            size, self.left = self.left - 1, 0  # one is for the mark at the end
        else:
            return _more(size)
        self.inside.append(id(value))
        return size


def _more(count):
    return f'… ({count} more)'


# Each writer takes a value and the walk, and returns the value for JSON.

def _same(value, walk):
    return value


def _text(value, walk):
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            value = value.encode('utf-8', 'replace').decode()
    if len(value) > walk.limit:
        return _cut(value, walk.limit, len(value))
    return value


def _cut(text, limit, length):
    mark = f'… ({length} characters)'
    return text[:limit - len(mark)] + mark


def _int(value, walk):
    if -BIG <= value < BIG:
        return value
    # Python writes some thousand digits, unless they are hexadecimal
    return _text(str(value) if value.bit_length() < 10_000 else hex(value), walk)


def _float(value, walk):
    if math.isfinite(value):
        return value
    return 'NaN' if value != value else 'Infinity' if value > 0 else '-Infinity'


def _as_text(value, walk):
    return _text(str(value), walk)


def _datetime(value, walk):
    if value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    elif value.tzinfo is not UTC:
        return _other(value, walk)  # whose zone may fail
    return value.isoformat()


def _moment(value, walk):
    if value.utcoffset() is None:
        return value.replace(tzinfo=UTC).isoformat()
    try:
        return value.astimezone(UTC).isoformat()
    except OverflowError:  # in the first or last hours of the calendar
        return value.isoformat()


def _iso(value, walk):
    return value.isoformat()


def _seconds(value, walk):
    return value.total_seconds()


def _bytes(value, walk):
    length = (len(value) + 2) // 3 * 4
    if length <= walk.limit:
        return b64encode(value).decode('ascii')
    return _cut(b64encode(value[:walk.limit]).decode('ascii'), walk.limit, length)


def _dict(value, walk):
    return _entries(value, value.copy(), len(value), walk)


def _mapping(value, walk):
    entries = dict(islice(value.items(), ITEM_LIMIT))
    return _entries(value, entries, len(value), walk)


def _fields(value, walk):
    """A dataclass: a field that its ``repr`` does not show stays hidden."""
    entries = {field.name: getattr(value, field.name, None)
               for field in dataclasses.fields(value) if field.repr}
    return _entries(value, entries, len(entries), walk)


def _entries(container, entries, size, walk):
    room = walk.enter(container, size)
    if type(room) is str:
        return room
    limit = walk.limit
    result = {}
    for key, part in entries.items() if room == size else islice(entries.items(), room):
        kind = type(part)
        if kind is str:
            if len(part) > limit or not part.isascii():
                part = _text(part, walk)
        elif kind not in SAME:
            part = WRITERS.get(kind, _other)(part, walk)
        if type(key) is not str or len(key) > limit or not key.isascii():
            key = _key(key, entries, result, walk)
        result[key] = part
    if room < size:
        result[_free('…', entries, result, walk)] = _more(size - room)
    walk.inside.pop()
    return result


def _key(key, entries, result, walk):
    """Return the text for a key, one that no other key of the mapping has."""
    if type(key) is str:
        text = _text(key, walk)
        if text == key:
            return key
    else:
        text = WRITERS.get(type(key), _other)(key, _Walk(walk.limit))
        if type(text) is not str:
            text = _text(json.dumps(text, ensure_ascii=False), walk)
        if _is_text(type(key)) and text == key and text not in result:
            return text
    return _free(text, entries, result, walk)


def _is_text(kind):
    """Return whether no other key of a mapping is equal to one of that class."""
    return (issubclass(kind, str) and kind.__eq__ is str.__eq__
            and kind.__hash__ is str.__hash__)


def _free(text, entries, result, walk):
    free, number = text, 1
    while free in entries or free in result:
        number += 1
        mark = f' ({number})'
        free = text + mark
        if len(free) > walk.limit:
            free = _cut(text, walk.limit - len(mark), len(text)) + mark
    return free


def _list(value, walk):
    size = len(value)
    room = walk.enter(value, size)
    if type(room) is str:
        return room
    get = WRITERS.get
    result = [get(type(part), _other)(part, walk)
              for part in (value if room == size else islice(value, room))]
    if room < size:
        result.append(_more(size - room))
    walk.inside.pop()
    return result


def _set(value, walk):
    result = _list(value, walk)
    if type(result) is str:
        return result
    try:
        return sorted(result)
    except TypeError:
        return sorted(result, key=lambda part: (type(part).__name__, json.dumps(part)))


def _tuple(value, walk):
    names = getattr(value, '_fields', None)  # of a named tuple
    if type(names) is tuple and len(names) == len(value):
        return _entries(value, dict(zip(names, value, strict=True)), len(value), walk)
    return _list(value, walk)


def _real(value, walk):
    return _float(float(value), walk)


def _integral(value, walk):
    return _int(int(value), walk)


def _enum(value, walk):
    return WRITERS.get(type(value.value), _other)(value.value, walk)


def _exception(value, walk):
    return _text(f'{type(value).__qualname__}: {value}', walk)


def _named(value, walk):
    return _text(f'{value.__module__}.{value.__qualname__}', walk)


def _class_of(value):
    kind = type(value)
    try:
        return f'<{kind.__module__}.{kind.__qualname__}>'
    except Exception:  # of a class of classes
        return '<object>'


def _object(value, walk):
    kind = type(value)
    if dataclasses.is_dataclass(value):
        return _fields(value, walk)
    if hasattr(kind, '__array__') and hasattr(kind, 'tolist'):
        parts = value.tolist()
        if type(parts) in WRITERS:
            return WRITERS[type(parts)](parts, walk)
    if kind.__str__ is object.__str__ and kind.__repr__ in NO_TEXT:
        return _class_of(value)
    return _text(ADDRESS.sub('', str.__str__(str(value))), walk)


def _other(value, walk):
    """Write what is not exactly of one of the usual classes."""
    depth = len(walk.inside)
    try:
        for cls, write in KINDS:
            if isinstance(value, cls):
                return write(value, walk)
        return _object(value, walk)
    except Exception:  # of the code of that class
        del walk.inside[depth:]
        return _class_of(value)


WRITERS = {
    type(None): _same, bool: _same, str: _text, int: _int, float: _float,
    dict: _dict, list: _list, tuple: _list, set: _set, frozenset: _set,
    datetime.datetime: _datetime, datetime.date: _iso, datetime.timedelta: _seconds,
    bytes: _bytes, UUID: _as_text, Decimal: _as_text,
}

# The first that fits is taken: a datetime is a date, text is a sequence.
KINDS = (
    (Enum, _enum),
    (str, lambda value, walk: _text(str.__str__(value), walk)),
    (int, lambda value, walk: _int(int.__int__(value), walk)),
    (float, lambda value, walk: _float(float.__float__(value), walk)),
    (datetime.datetime, _moment),
    ((datetime.date, datetime.time), _iso),
    (datetime.timedelta, _seconds),
    ((bytes, bytearray, memoryview), lambda value, walk: _bytes(bytes(value), walk)),
    ((UUID, Decimal, Fraction, collections.UserString), _as_text),
    (tuple, _tuple),
    (Mapping, _mapping),
    (MappingView, _list),
    (Set, _set),
    ((Sequence, collections.deque), _list),
    (numbers.Integral, _integral),
    (numbers.Real, _real),
    (BaseException, _exception),
    (NAMED, _named),
)
