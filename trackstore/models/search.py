"""Finding the object that a name and a value stand for.

Names and values may come from outside, by a URL.  Objects are looked up only by
what the map declares as unique.
"""

from enum import Enum

from trackstore.models.exceptions import (
    LookupRefused,
    MapError,
    NotFoundError,
    ReadingError,
    SeveralFoundError,
    TellingError,
    UnknownClassError,
)
from trackstore.models.keytext import KINDS, KINDS_TEXT, LONGEST

#: The longest name of a parameter, in characters.
LONGEST_NAME = 200


def found_object(tracking_map, name, value):
    """Return the object, or None if it is not found and that is reported."""
    try:
        _, class_name, attribute = split(name, roles=None)
        return _found(tracking_map, class_name, attribute, value)
    except TellingError as problem:
        tracking_map.problem(problem)
        return None


def split(name, roles):
    """Return role (or ''), class and attribute of a name.

    ``roles`` are those that are allowed, None if there can be none.
    """
    parts = name.split('__') if isinstance(name, str) else ()
    shape = "'Class__attribute'"
    if roles is not None:
        shape += " or 'role__Class__attribute'"
    if len(parts) == 2:
        parts = ['', *parts]
    elif len(parts) != 3 or roles is None:
        raise LookupRefused(f'{name!r:.80} is no name to look up; allowed is {shape}')
    if parts[0] and parts[0] not in roles:
        raise LookupRefused(
            f'{name!r:.80}: {parts[0]!r:.80} is no role of the map; it has '
            f"{', '.join(roles) or 'none'} (the map's roles=)")
    return parts


def _found(tracking_map, class_name, attribute, value):
    entry = tracking_map.entries.get(class_name)
    if entry is None:
        raise UnknownClassError(f'the map lacks the class {class_name!r:.80}; it has '
                                f'{tracking_map.names()}')
    if attribute not in entry.unique:
        raise LookupRefused(
            f'{class_name} is not looked up by {attribute!r:.80}; allowed is its key '
            f'and what it declares as unique: {", ".join(entry.unique) or "none"}')
    where = f'{class_name}__{attribute}'
    if entry.finder is None:
        raise LookupRefused(
            f'{where}: nothing finds objects of {class_name}; give the entry a '
            f"'model' of Django or SQLAlchemy, or 'find'")
    value = checked_value(value, where)
    found = [obj for obj in _asked(entry, attribute, value, where)
             if entry in tracking_map.entries_of(obj.__class__)]
    if not found:
        raise NotFoundError(f'{where}: there is no {class_name} with {value!r:.80}')
    if len(found) > 1:
        raise SeveralFoundError(f'{where}: there are several {class_name} with '
                                f'{value!r:.80}; a key must be unique')
    return found[0]


def checked_value(value, where):
    """Return a value that can be one of a key."""
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, KINDS):
        raise LookupRefused(f'{where}: {value!r:.80} is no value of a key; allowed are '
                            f'{KINDS_TEXT}')
    if isinstance(value, str) and not 0 < len(value) <= LONGEST:
        raise LookupRefused(f'{where}: the value has {len(value)} characters; allowed '
                            f'are 1 to {LONGEST}')
    return value


def _asked(entry, attribute, value, where):
    source = entry.source(attribute)
    try:
        return entry.finder.find(source.path or attribute, value)
    except (TellingError, MapError):
        raise
    except Exception as e:
        raise ReadingError(f'{where}: looking it up failed: {type(e).__name__}: '
                           f'{e!s:.200}') from e
