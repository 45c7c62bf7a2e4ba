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
    """Return the value as it is stored, or raise ``KeyValueError`` naming the argument.

    A value of a class of its own, such as a marked text or an enum of texts, becomes
    a plain one: without its class nobody could read the index.
    """
    if type(value) in _QUICK:
        return value
    if kind_of(value) is None:
        raise KeyValueError(
            f'{name}: {value!r} is no valid key; allowed are {ALLOWED}')
    return plain(value)


def checked_all(values, name):
    """Return what ``checked`` does of each; quick where all are of a plain type."""
    if _QUICK.issuperset(map(type, values)):
        return values
    return [checked(value, name) for value in values]


def plain(value):
    """Return a key as one of the very types that are allowed."""
    for base, make in _PLAIN.items():
        if isinstance(value, base):
            return value if type(value) is base else make(value)
    return value


def _moment(value):
    return datetime.datetime(
        value.year, value.month, value.day, value.hour, value.minute, value.second,
        value.microsecond, value.tzinfo, fold=value.fold)


_QUICK = frozenset((type(None), bool, int, str, bytes, datetime.date))
_PLAIN = {
    str: str.__str__, bool: bool, int: int.__int__, float: float.__float__,
    bytes: lambda value: bytes(memoryview(value)), datetime.datetime: _moment,
    datetime.date: lambda value: datetime.date(value.year, value.month, value.day)}


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
