"""Which columns the tracks of a class have."""

from functools import partial
from inspect import getattr_static

from trackstore import codec, keys, timestamps
from trackstore.exceptions import DataError, KeyValueError

#: The metadata that every track has, in the order of ``saveUserTrack``.
BASE = ('taskId', 'runId', 'userName', 'timeStamp')


class Layout:
    """The columns of a class of tracks.

    ``columns``
        the four of ``BASE``, then further metadata, then what is indexed only
    ``stored``
        those of them that are metadata
    ``default(name)``
        what a new track has in a stored column that is not given
    ``derived``
        the index attributes that are no metadata: keys of ``data`` or
        attributes of the class
    ``properties``
        the columns whose values only a track can tell
    """

    def __init__(self, cls):
        missing = [name for name in BASE if name not in cls.metadata_attributes]
        if missing:
            raise TypeError(
                f'{cls.__qualname__}.metadata_attributes: {missing!r} are '
                f'missing; begin with Track.metadata_attributes')
        further = tuple(name for name in cls.metadata_attributes
                        if name not in BASE)
        self.default = partial(getattr, cls)
        self.derived = tuple(name for name in cls.index_attributes
                             if name not in cls.metadata_attributes)
        self.stored = BASE + further
        self.columns = self.stored + self.derived
        self.properties = frozenset(
            [name for name in self.derived if hasattr(cls, name)]
            + [name for name in further
               if isinstance(getattr_static(cls, name), property)])
        self.indexed = tuple(cls.index_attributes)
        self.place = {name: n for n, name in enumerate(self.columns)}
        self.plain = self.columns == BASE

    def checked(self, values):
        """Return values of the stored columns as they are stored, or raise an error."""
        return [self._checked(name, value)
                for name, value in zip(self.stored, values, strict=True)]

    def _checked(self, name, value):
        if name == 'timeStamp':
            return timestamps.checked(value)
        if name in BASE or (name in self.indexed and value is not codec.ABSENT):
            return keys.checked(value, name)
        return value

    def derived_values(self, data, track=None):
        """Return the values of the derived columns; ABSENT where none."""
        values = []
        for name in self.derived:
            if name in self.properties and track is not None:
                value = _asked(track, name)
            else:
                value = data.get(name, codec.ABSENT)
            values.append(derived_value(value, name))
        return tuple(values)

    def rearranged(self, names, values):
        """Return values that were stored under other names in this order."""
        stored = dict(zip(names, values, strict=True))
        return tuple(stored.get(name, codec.ABSENT) for name in self.columns)


def _asked(track, name):
    """Return what a property of a track's class says."""
    try:
        return getattr(track, name)
    except Exception as error:
        raise DataError(
            f'{name}: the property of {type(track).__qualname__} that is indexed '
            f'failed with {type(error).__name__}: {error}; it may return None where '
            f'there is no value') from error


def derived_value(value, name):
    """Return what an index holds for a value of the data; ABSENT for nan."""
    if value is codec.ABSENT or value != value:
        return codec.ABSENT
    if keys.kind_of(value) is None:
        raise KeyValueError(
            f'data[{name!r}]: {value!r} cannot be indexed; allowed are '
            f'{keys.ALLOWED}')
    return keys.plain(value)
