"""The values that an index can hold, and their order.

Values of different kinds do not compare in Python, so an index keeps the kinds
apart.  Within a kind values compare as they do in Python; numbers are one kind,
so that ``1``, ``1.0`` and ``True`` are one value.
"""

import datetime
import zlib

from trackstore.exceptions import KeyValueError

ALLOWED = ('None, bool, int, float (not nan), str, bytes, datetime.date and '
           'datetime.datetime')

NONE, NUMBER, TEXT, BYTES, DATE, NAIVE, AWARE = range(7)

_KINDS = {
    type(None): NONE, bool: NUMBER, int: NUMBER, float: NUMBER, str: TEXT,
    bytes: BYTES, datetime.date: DATE,
}


def kind_of(value):
    """Return the number of the value's kind, or None if it cannot be a key."""
    kind = _KINDS.get(type(value))
    if kind is None:
        return _kind_by_instance(value)
    if kind == NUMBER and value != value:  # nan
        return None
    return kind


def _kind_by_instance(value):
    if isinstance(value, datetime.datetime):
        return NAIVE if value.utcoffset() is None else AWARE
    for base, kind in _KINDS.items():
        if isinstance(value, base):
            return kind if value == value else None
    return None


def checked(value, name):
    """Return the value, or raise ``KeyValueError`` naming the argument."""
    if kind_of(value) is None:
        raise KeyValueError(
            f'{name}: {value!r} is no valid key; allowed are {ALLOWED}')
    return value


def checked_all(values, name):
    """Check a sequence of values; quick where all are of a plain type."""
    types = set(map(type, values))
    if types <= _QUICK:
        return
    for value in values:
        checked(value, name)


_QUICK = frozenset((type(None), bool, int, str, bytes, datetime.date))


def sort_key(value):
    """Return what orders values of any kinds: first the kind, then the value."""
    return kind_of(value), 0 if value is None else value


def value_of(key):
    """Return the value of what ``sort_key`` gave."""
    kind, value = key
    return None if kind == NONE else value


def sorted_keys(values):
    """Return the values as a sorted list; quick where all are of one kind."""
    types = set(map(type, values))
    plain = len(types) == 1 and types <= {str, int, bytes}
    return sorted(values, key=None if plain else sort_key)


def stable_hash(value):
    """Return a number that is equal for equal values, in every process."""
    kind = kind_of(value)
    if kind == NUMBER:
        return hash(value)
    if kind == AWARE:
        return hash(value.timestamp())
    if kind == NAIVE:
        value = value.replace(fold=0)
    if kind in (NAIVE, DATE):
        value = value.isoformat()
    if isinstance(value, str):
        value = value.encode('utf-8', 'surrogatepass')
    return zlib.crc32(value) if value is not None else 0
