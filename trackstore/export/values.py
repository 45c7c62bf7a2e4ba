"""Values as JSON, so that reading gives back what was written.

What JSON knows stands for itself.  All else is an object with one key that
begins with ``$`` and names the kind: ``{"$date": "2026-11-21"}``.
"""

import datetime
import json
import math
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from decimal import Decimal
from uuid import UUID

from trackstore.export.exceptions import ValueProblem

PLAIN = frozenset((str, bool, type(None)))
BIG = 10_000    # bits; Python writes longer integers as hexadecimal only


def plain(value):
    """Return a value as what JSON can write."""
    try:
        return _plain(value)
    except RecursionError:
        raise ValueProblem('a value is nested too deeply to be exported') from None


def _plain(value):
    kind = type(value)
    if kind in PLAIN:
        return value
    if kind is int and value.bit_length() < BIG:
        return value
    if kind is float and math.isfinite(value):
        return value
    if kind is dict and all(
            type(key) is str and key[:1] != '$' for key in value):
        return {key: _plain(part) for key, part in value.items()}
    if kind is list:
        return [_plain(part) for part in value]
    for name, cls, write, _ in TAGS:
        if isinstance(value, cls):
            return {name: write(value)}
    raise ValueProblem(
        f'{value!r:.80} is of a class that cannot be exported ({kind.__name__}); '
        f'allowed are the simple types of Python, dates and collections of these')


def original(value):
    """Return the value of what ``plain`` has returned."""
    if isinstance(value, list):
        return [original(part) for part in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        [(name, part)] = value.items()
        if name[:1] == '$':
            return _tagged(name, part)
    return {key: original(part) for key, part in value.items()}


def _tagged(name, part):
    if name not in READERS:
        raise ValueProblem(f'{name!r} is no known kind of value; known are '
                           f'{", ".join(READERS)}')
    try:
        return READERS[name](part)
    except (ValueError, TypeError, ArithmeticError, AttributeError) as e:
        raise ValueProblem(f'{part!r:.80} is no {name[1:]}: {e}') from None


def _parts(value):
    return [_plain(part) for part in value]


def _sorted_parts(value):
    return sorted(_parts(value), key=repr)


def _pairs(value):
    return [[_plain(key), _plain(part)] for key, part in value.items()]


def _mapping(pairs):
    return {original(key): original(part) for key, part in pairs}


def _base64(value):
    return b64encode(value).decode('ascii')


def _iso(value):
    return value.isoformat()


def _folded(value):
    """A time that the clock shows twice, the second time it does."""
    return [value.isoformat(), value.fold] if value.fold else value.isoformat()


def _unfolded(cls):
    def read(part):
        text, fold = part if isinstance(part, list) else (part, 0)
        return cls.fromisoformat(text).replace(fold=fold)
    return read


# The first that fits is taken: a datetime is a date, a bool is an int.
TAGS = (
    ('$text', str, str.__str__, str),
    ('$float', float, float.__repr__, float),
    ('$int', int, hex, lambda text: int(text, 16)),
    ('$map', Mapping, _pairs, _mapping),
    ('$tuple', tuple, _parts, lambda parts: tuple(map(original, parts))),
    ('$list', list, _parts, lambda parts: list(map(original, parts))),
    ('$set', set, _sorted_parts, lambda parts: set(map(original, parts))),
    ('$frozenset', frozenset, _sorted_parts,
     lambda parts: frozenset(map(original, parts))),
    ('$bytes', bytes, _base64, lambda text: b64decode(text, validate=True)),
    ('$bytearray', bytearray, _base64,
     lambda text: bytearray(b64decode(text, validate=True))),
    ('$datetime', datetime.datetime, _folded, _unfolded(datetime.datetime)),
    ('$date', datetime.date, _iso, datetime.date.fromisoformat),
    ('$time', datetime.time, _folded, _unfolded(datetime.time)),
    ('$timedelta', datetime.timedelta,
     lambda value: [value.days, value.seconds, value.microseconds],
     lambda parts: datetime.timedelta(*parts)),
    ('$decimal', Decimal, str, Decimal),
    ('$uuid', UUID, str, UUID),
    ('$complex', complex, repr, complex),
)
READERS = {name: read for name, _, _, read in TAGS}


def json_of(value):
    """Return any value that can be exported as a line of JSON."""
    return text_of(plain(value))


def text_of(value):
    """Return a value of JSON's types as a line of JSON."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:      # halves of characters
        text = json.dumps(value)
    return text


JSON_START = re.compile(r'\s*["\[{\-0-9tfnNI]')
CONTROL = re.compile('[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]')


def cell_of(value):
    """Return a value as a cell: text as it is, unless it would be read as JSON."""
    if type(value) is not str:
        return json_of(value)
    if (value and value.strip() == value and not CONTROL.search(value)
            and cell_value(value) == value):
        return value
    return json.dumps(value)


def cell_value(cell):
    """Return the value of a cell that is not empty."""
    if JSON_START.match(cell):
        try:
            return original(json.loads(cell, parse_constant=_no_constant))
        except (ValueError, ValueProblem, RecursionError):
            pass
    return cell


def _no_constant(name):
    raise ValueError(name)
