"""Values of keys as text for a URL, and what text may stand for."""

import datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID

from trackstore.jsonsafe import json_safe
from trackstore.models.exceptions import TellingError

#: What can be the value of a key.
KINDS = (str, int, float, Decimal, UUID, datetime.date, datetime.time)
KINDS_TEXT = 'text, numbers, UUIDs, dates and times'
#: The longest text of a key, in characters.
LONGEST = 500


def key_text(value):
    """Return the text for a key's value, or None if it cannot be a key."""
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, KINDS):
        return None
    text = json_safe(value, None)
    if isinstance(value, str):
        # what had to be changed would not be found again
        return text if text and text == value and '\0' not in text else None
    return str(text)


def is_value(obj, source, value):
    """Return whether an object's attribute has the value, or the text for it."""
    try:
        own = source.read(obj, obj.__class__.__name__)
    except TellingError:
        return False
    return key_text(own) == key_text(value) is not None


def candidates(value):
    """Yield the value, and what it may be the text of."""
    yield value
    if isinstance(value, str):
        for parse in PARSERS:
            try:
                yield parse(value)
            except (ValueError, ArithmeticError):
                continue


def converted(value, kind):
    """Return text as a value of that class, or None if it is not the text of one."""
    if isinstance(value, kind) or not isinstance(value, str):
        return value
    try:
        if issubclass(kind, Enum):
            return next((part for part in kind if key_text(part) == value), None)
        if kind is bool:
            return {'True': True, 'False': False}.get(value)
        return FROM_TEXT[kind](value) if kind in FROM_TEXT else None
    except (ValueError, ArithmeticError):
        return None


PARSERS = (int, UUID, datetime.date.fromisoformat, datetime.datetime.fromisoformat,
           datetime.time.fromisoformat, Decimal)
FROM_TEXT = {
    int: int, float: float, Decimal: Decimal, UUID: UUID,
    datetime.date: datetime.date.fromisoformat,
    datetime.datetime: datetime.datetime.fromisoformat,
    datetime.time: datetime.time.fromisoformat,
}
