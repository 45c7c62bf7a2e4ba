"""Reading an attribute or a child of an object, whatever the object is made of."""

import functools
import sys
import types
from collections.abc import Mapping

from trackstore.models.exceptions import MissingAttributeError, ReadingError

METHODS = (types.MethodType, types.FunctionType, types.BuiltinMethodType,
           types.MethodWrapperType, functools.partial)


class Source:
    """Where a value comes from: a dotted path, or a function of the object."""

    def __init__(self, name, path=None, function=None):
        self.name = name
        self.path = path
        self.steps = path.split('.') if path else ()
        self.function = function

    def __repr__(self):
        return f'<{type(self).__name__} {self.name}>'

    def read(self, obj, where):
        """Return the value; ``where`` is the class's name, for errors."""
        if self.function is not None:
            return _called(self.function, (obj,), f'{where}.{self.name}')
        for step in self.steps:
            if obj is None:
                return None
            obj = _step(obj, step, where, self.path)
        return obj


def _step(obj, step, where, path):
    try:
        value = getattr(obj, step)
    except AttributeError as e:
        if is_absent(e):
            return None
        if isinstance(obj, Mapping) and step in obj:
            return obj[step]
        if hasattr(obj.__class__, step):
            raise _failed(f'{where}.{path}', e) from e
        raise MissingAttributeError(
            f'{where}.{path}: {_described(obj)} has no attribute {step!r}') from None
    except Exception as e:
        if is_absent(e):
            return None
        raise _failed(f'{where}.{path}', e) from e
    if callable(value) and isinstance(value, METHODS):
        if getattr(value, 'alters_data', False):  # as Django says of save and delete
            raise ReadingError(f'{where}.{path}: {step!r} changes data, and is not '
                               f'called')
        return _called(value, (), f'{where}.{path}')
    return value


def _called(function, arguments, where):
    try:
        return function(*arguments)
    except Exception as e:
        if is_absent(e):
            return None
        raise _failed(where, e) from e


def _failed(where, error):
    return ReadingError(
        f'{where}: reading it failed: {type(error).__name__}: {error!s:.200}')


def _described(obj):
    if isinstance(obj, Mapping):
        return f'a mapping ({obj.__class__.__name__})'
    return f'an object of class {obj.__class__.__name__}'


def is_absent(error):
    """Return whether an error is what Django says for a related object not there."""
    django = sys.modules.get('django.core.exceptions')
    return django is not None and isinstance(error, django.ObjectDoesNotExist)


def class_of(obj):
    """Return the class that an object says it has: a proxy's is that of its object.

    Of a lazy object that cannot be made it is the proxy's.
    """
    try:
        return obj.__class__
    except Exception:
        return type(obj)


def queryset_of(value, where):
    """Return the queryset of a related manager of Django; all else as it is.

    An object that is not in the database, or not any more, has none: a ReadingError.
    """
    return _called(_queryset, (value,), where)


def _queryset(value):
    return value.all() if hasattr(value, 'get_queryset') else value


def listed(value, limit):
    """Return the objects of a child that is many, or None if it is no collection.

    At most ``limit`` objects are returned, and whether there are more.
    """
    if isinstance(value, Mapping):
        value = iter(value.values())  # those of a BTree have no __iter__
    if isinstance(value, (str, bytes, bytearray)) or not hasattr(value, '__iter__'):
        return None
    if hasattr(value, 'limit') and hasattr(value, 'session'):
        value = value.limit(limit + 1)  # a dynamic relation of SQLAlchemy
    elif hasattr(value, 'get_or_create'):
        value = value[:limit + 1]  # a queryset of Django, fetched or not
    parts = []
    for part in value:
        if len(parts) == limit:
            return parts, True
        parts.append(part)
    return parts, False
