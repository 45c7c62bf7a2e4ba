"""A step of an event's way: objects in its data are replaced by their values."""

from collections.abc import Mapping, Sequence, Set

from persistent import Persistent

from trackstore.jsonsafe import DEPTH_LIMIT
from trackstore.models.djangomodels import is_django_model
from trackstore.models.exceptions import ClashError, MapError
from trackstore.models.interfaces import ITrackingMap
from trackstore.models.reading import class_of
from trackstore.models.registered import get_map
from trackstore.models.sqlalchemymodels import is_mapped
from trackstore.models.values import lacking, told_values

COLLECTIONS = (Mapping, Sequence, Set)
LISTS = (list, tuple, set, frozenset)
NO_OBJECTS = frozenset((str, int, float, bool, type(None), dict, *LISTS))
PARTS = ('data', 'context')


class ModelValues:
    """Replaces the objects in an event by their values.

    An object under a key of the data goes, and its values come into the same
    dictionary.  Where the key is one of the map's roles, it is the object's role.  An
    object in a list is replaced by the dictionary of its values, and so is one that is
    all of the data; a set with objects becomes a list.

    ``tracking_map`` is the map, by default the registered one at the time of the
    event.  ``parts`` are the parts of the event, ``'data'`` and ``'context'``.
    """

    #: It never raises ``EventRefused``.
    refuses = False

    def __init__(self, tracking_map=None, parts=('data',)):
        if tracking_map is not None and not ITrackingMap.providedBy(tracking_map):
            raise MapError(f'tracking_map: {tracking_map!r:.80} is no tracking map')
        if isinstance(parts, str) or not set(parts) <= set(PARTS):
            raise MapError(f'parts: {parts!r:.80} are no parts of an event; allowed is '
                           f'a list of {", ".join(PARTS)}')
        self.tracking_map = tracking_map
        self.parts = tuple(parts)

    def __call__(self, event):
        """Return the event, or a changed copy of it if it has objects."""
        tracking_map = self.tracking_map or get_map()
        changed = {}
        for part in self.parts:
            data = event.get(part)
            # the data may be an object itself
            [replaced] = _in_list(tracking_map, [data], 0) or [{}]
            if replaced is not data:
                changed[part] = replaced
        return {**event, **changed} if changed else event


def _replaced(tracking_map, value, depth):
    """Return the value, or a copy with the values of the objects in it."""
    if depth > DEPTH_LIMIT:
        return value
    if type(value) is dict:
        return _in_dict(tracking_map, value, depth)
    if type(value) in LISTS:
        return _in_list(tracking_map, value, depth)
    return value


def _in_dict(tracking_map, data, depth):
    result, given, changed = {}, [], False
    for key, value in data.items():
        if type(value) in NO_OBJECTS:
            result[key] = part = _replaced(tracking_map, value, depth + 1)
            changed = changed or part is not value
        elif _is_object(tracking_map, value, key):
            changed = True
            if tracking_map.entry_of(value) is not None:
                given.append((key if key in tracking_map.roles else '', value))
        else:
            result[key] = value
    for key, value in told_values(tracking_map, given).items() if given else ():
        if key in result:
            tracking_map.problem(ClashError(
                f'{key}: the event has a value of this name itself'))
        else:
            result[key] = value
    return result if changed else data


def _in_list(tracking_map, values, depth):
    result, changed = [], False
    for value in values:
        if type(value) in NO_OBJECTS:
            result.append(_replaced(tracking_map, value, depth + 1))
            changed = changed or result[-1] is not value
        elif _is_object(tracking_map, value, ''):
            changed = True
            if tracking_map.entry_of(value) is not None:
                result.append(told_values(tracking_map, [('', value)]))
        else:
            result.append(value)
    return result if changed else values


def _is_object(tracking_map, value, key):
    """Return whether a value is an object of a model; if the map lacks it, say so."""
    if tracking_map.entry_of(value) is not None:
        return True
    if not is_model_object(value):
        return False
    tracking_map.problem(lacking(tracking_map, value, f'{key!s:.80}'))
    return True


def is_model_object(value):
    """Return whether a value is an object of a database: its class is a model."""
    cls = class_of(value)
    return is_mapped(cls) or is_django_model(cls) or (
        issubclass(cls, Persistent) and not issubclass(cls, COLLECTIONS))
