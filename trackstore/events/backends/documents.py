"""Events as documents of BSON: dates stay dates, the rest is as in JSON."""

import datetime
from collections.abc import Mapping

from trackstore.jsonsafe import json_safe

#: So deep is data kept; below that it is what ``json_safe`` makes of it.
DEPTH = 32

_NUMBERS = 2 ** 63
_SAME = frozenset((type(None), bool, float, bytes))


def document(event, id):
    """Return an event as a dictionary of what BSON has, with the id under ``_id``.

    Keys are text and may have dots and dollars; a zero byte, which no key can have,
    becomes ``␀``.
    """
    found = {'_id': id}
    for key, value in _mapping(event, DEPTH).items():
        if key != '_id':
            found[key] = value
    return found


def encoded(document, bson):
    """Return a document as bytes that were encoded once, to be inserted as it is.

    Raises an error of ``bson`` for what cannot be, or is too large for a server.
    """
    data = bson.encode(document)
    if len(data) > LARGEST:
        raise bson.errors.InvalidDocument(
            f'it has {len(data)} bytes, more than the {LARGEST} that are allowed')
    return bson.raw_bson.RawBSONDocument(data)


#: In bytes; what every server takes.
LARGEST = 16 * 1024 * 1024


def _mapping(value, depth):
    found = {}
    for key, part in value.items():
        found[_key(key, found)] = _value(part, depth)
    return found


def _value(value, depth):
    kind = type(value)
    if kind in _SAME or kind is int and -_NUMBERS <= value < _NUMBERS:
        return value
    if depth and isinstance(value, Mapping):
        return _mapping(value, depth - 1)
    if depth and kind in (list, tuple):
        return [_value(part, depth - 1) for part in value]
    if isinstance(value, datetime.datetime) and _has_bson(value):
        return value
    return json_safe(value, text_limit=None)


def _has_bson(moment):
    """Tell whether BSON, which has times in UTC, can have that of a datetime."""
    try:
        if offset := moment.utcoffset():
            moment.replace(tzinfo=None) - offset
        return True
    except Exception:  # before the year 1, after 9999, or of a zone that fails
        return False


def _key(key, found):
    text = json_safe(key, text_limit=None)
    text = (text if isinstance(text, str) else str(text)).replace('\0', '␀')
    free, number = text, 1
    while free in found:
        number += 1
        free = f'{text} ({number})'
    return free
