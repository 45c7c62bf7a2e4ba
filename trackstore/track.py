"""Tracks: handles on what a storage holds."""

import pickle
from inspect import getattr_static

from zope.interface import implementer

from trackstore import codec, damage, timestamps
from trackstore.criteria import OPTIONS
from trackstore.interfaces import ITrack
from trackstore.layout import Layout

#: Class attributes that describe the class, and are the same for all tracks.
_OF_CLASS = frozenset(('metadata_attributes', 'index_attributes', 'typeName'))


class StoredAttribute:
    """An attribute that is read and written through the storage."""

    def __init__(self, name, default=None):
        self.name = name
        self.default = default

    def __get__(self, track, cls=None):
        if track is None:
            return self.default
        value = track._stored(self.name)
        return self.default if value is codec.ABSENT else value

    def __set__(self, track, value):
        track._store(self.name, value)

    def __delete__(self, track):
        if self.name in track.metadata_attributes:
            raise AttributeError(
                f'{self.name}: is metadata of the track, which has it always')
        track._storage._rewrite(track, extras={self.name: codec.ABSENT})


class TrackData(dict):
    """The data of a track; what is set or deleted is written through."""

    # Not the track itself: it has these data, and a cycle would keep both.
    __slots__ = ('_storage', '_number')

    def _write(self, change):
        """Apply a change to what the track holds now, and store that."""
        track = self._storage._handle(self._number)
        current = track._current_data()
        if current is not self:
            dict.clear(self)
            dict.update(self, current)
        before = dict(self)
        try:
            result = change()
            track._storage._rewrite(track, data=dict(self))
        except BaseException:
            dict.clear(self)
            dict.update(self, before)
            raise
        track._keep_data(self)
        return result

    def __setitem__(self, key, value):
        self._write(lambda: dict.__setitem__(self, key, value))

    def __delitem__(self, key):
        self._write(lambda: dict.__delitem__(self, key))

    def update(self, *args, **kw):
        self._write(lambda: dict.update(self, *args, **kw))

    def __ior__(self, other):
        self.update(other)
        return self

    def pop(self, *args):
        return self._write(lambda: dict.pop(self, *args))

    def popitem(self):
        return self._write(lambda: dict.popitem(self))

    def setdefault(self, key, default=None):
        if key not in self:
            self[key] = default
        return self[key]

    def clear(self):
        self._write(lambda: dict.clear(self))

    def __reduce_ex__(self, protocol):
        return dict, (dict(self),)


class Handle:
    """What a handle keeps: where its track is, and the data that were asked for.

    Apart from ``Track`` because a track's own ``__setattr__`` writes through.
    """

    __slots__ = ('_storage', '_number', '_place', '_position', '_data', '_local',
                 '__weakref__', '__dict__')


@implementer(ITrack)
class Track(Handle):
    """One thing that somebody did: a mapping with metadata.

    See ``trackstore.interfaces.ITrack``.  A subclass may add names to
    ``metadata_attributes`` and ``index_attributes``, set ``typeName``, and
    have methods, properties, class attributes (the defaults of what is stored)
    and an ``__init__`` of its own with the same arguments, which is called for
    a new track only.
    """

    __slots__ = ()

    metadata_attributes = ('taskId', 'runId', 'userName', 'timeStamp')
    index_attributes = metadata_attributes
    typeName = 'Track'

    taskId = StoredAttribute('taskId')
    runId = StoredAttribute('runId')
    userName = StoredAttribute('userName')
    timeStamp = StoredAttribute('timeStamp')

    def __init_subclass__(cls, **kw):
        super().__init_subclass__(**kw)
        if cls.__basicsize__ != Handle.__basicsize__:
            raise TypeError(
                f'{cls.__qualname__}.__slots__: has names, and what is set on '
                f'these would not be stored; leave it out')
        defaults = {}
        for base in reversed(cls.__mro__):
            if base is cls or not issubclass(Track, base) and not issubclass(
                    base, Track):  # a mixin
                defaults.update(vars(base))
        for name, value in defaults.items():
            if (not name.startswith('__') and name not in _OF_CLASS
                    and not callable(value) and not hasattr(value, '__get__')):
                setattr(cls, name, StoredAttribute(name, value))
        _check_index_names(cls)
        for name in cls.metadata_attributes:
            if not hasattr(cls, name):
                setattr(cls, name, StoredAttribute(name))
        cls._layout = Layout(cls)

    def __new__(cls, *args, **kw):
        handle = Handle()
        handle._storage = handle._place = None
        handle._local = {}
        handle.__class__ = cls
        return handle

    def __init__(self, taskId, runId, userName, data=None):
        self.taskId = taskId
        self.runId = runId
        self.userName = userName
        self.timeStamp = timestamps.getTimeStamp()
        self.data = {} if data is None else data

    # where the values are

    def _source(self):
        """Return the source and the position in it where the track is now."""
        if self._place is not None:
            page, stamp, directory, directory_stamp, source = self._place
            if page._v_stamp is stamp and directory._v_stamp is directory_stamp:
                return source, self._position
        found = self._storage._place(self._number)
        if found is None:
            raise KeyError(f'track {self.name!r} has been removed')
        place, position = found
        _set_place(self, place)
        _set_position(self, position)
        _set_data(self, None)
        return place[4], position

    def _stored(self, name):
        """Return a stored attribute, ABSENT if there is none."""
        if self._storage is None:
            return self._local.get(name, codec.ABSENT)
        source, position = self._source()
        try:
            if name in self.metadata_attributes:
                return source.value(name, position)
            extras = source.extras(position)
        except damage.ERRORS as e:
            raise damage.error_of(source, e) from e
        if extras is None:
            return codec.ABSENT
        return pickle.loads(extras).get(name, codec.ABSENT)

    def _store(self, name, value):
        if self._storage is None:
            self._local[name] = value
        else:
            self._storage._rewrite(self, **{
                'values' if name in self.metadata_attributes else 'extras':
                {name: value}})

    def __getattr__(self, name):
        if name.startswith(('__', '_v_', '_p_')) or name in _SLOTS:
            raise AttributeError(name)
        value = self._stored(name)
        if value is codec.ABSENT:
            raise AttributeError(
                f'{type(self).__name__!r} object has no attribute {name!r}')
        return value

    def __setattr__(self, name, value):
        if name.startswith(('_v_', '_p_')) or _is_data(type(self), name):
            object.__setattr__(self, name, value)
        elif value is codec.ABSENT or hasattr(type(self), name):
            raise AttributeError(
                f'{name}: cannot be set to {value!r}; it is an attribute of the '
                f'class' if value is not codec.ABSENT else
                f'{name}: cannot be set to {value!r}; allowed is what else pickles')
        else:
            self._store(name, value)

    def __delattr__(self, name):
        if name.startswith(('_v_', '_p_')) or _is_data(type(self), name):
            object.__delattr__(self, name)
        elif self._storage is None:
            if self._local.pop(name, codec.ABSENT) is codec.ABSENT:
                raise AttributeError(name)
        else:
            getattr(self, name)  # an AttributeError if there is none
            self._storage._rewrite(self, extras={name: codec.ABSENT})

    # the data

    def _current_data(self):
        """Return the data as they are now; the same object until they change."""
        self._source()
        return self.data

    def _keep_data(self, data):
        self._source()
        _set_data(self, data)

    @property
    def data(self):
        if self._storage is None:
            return self._local['data']
        source, position = self._source()
        data = self._data
        if data is None:
            try:
                data = TrackData(source.data_at(position))
            except damage.ERRORS as e:
                raise damage.error_of(source, e) from e
            data._storage = self._storage
            data._number = self._number
            _set_data(self, data)
        return data

    @data.setter
    def data(self, data):
        if self._storage is None:
            self._local['data'] = data
        else:
            self._storage.setTrackData(self, data)

    @property
    def metadata(self):
        return {name: getattr(self, name) for name in self.metadata_attributes}

    @property
    def indexdata(self):
        result = {}
        data = None
        for name in self.index_attributes:
            if hasattr(type(self), name):
                result[name] = getattr(self, name)
            else:
                data = self.data if data is None else data
                result[name] = data.get(name)
        return result

    def update(self, newData, overwrite=False):
        if not newData:
            return
        self._storage._update(self, newData, overwrite)

    @property
    def name(self):
        return self.__name__

    @property
    def __name__(self):
        if self._storage is None:
            return None
        return self._storage.idFromNum(self._number)

    @property
    def __parent__(self):
        return self._storage

    def __repr__(self):
        if self._storage is not None and self.__name__ not in self._storage:
            return f'<{self.typeName} {self.__name__}, removed>'
        values = self.metadata
        values['timeStamp'] = timestamps.timeStamp2ISO(values['timeStamp'])
        listed = [values[name] for name in self.metadata_attributes]
        return f'<{self.typeName} {listed!r}: {self.data!r}>'

    def __reduce__(self):
        raise TypeError(
            f'track {self.__name__!r}: a track is a handle and cannot be '
            f'pickled; store its id (track.__name__)')


def _check_index_names(cls):
    """Raise an error for an index that could not be asked, or not told from a track."""
    for name in cls.index_attributes:
        if name in OPTIONS:
            raise TypeError(
                f'{cls.__qualname__}.index_attributes: {name!r} is an option of '
                f'query(); give the index another name')
        if name not in cls.metadata_attributes and hasattr(Track, name) and (
                getattr_static(cls, name) is getattr_static(Track, name)):
            raise TypeError(
                f'{cls.__qualname__}.index_attributes: {name!r} is an attribute that '
                f'every track has; give the index another name')


def _is_data(cls, name):
    """Tell whether the class has a descriptor for the name that can be set."""
    for base in cls.__mro__:
        if name in vars(base):
            return hasattr(type(vars(base)[name]), '__set__')
    return False


_SLOTS = frozenset(Handle.__slots__)
_set_place = Handle._place.__set__
_set_position = Handle._position.__set__
_set_data = Handle._data.__set__
Track._layout = Layout(Track)


def bind(cls, storage, number, place, position):
    """Return a handle on what the storage holds."""
    handle = Handle()
    handle._storage = storage
    handle._number = number
    handle._place = place
    handle._position = position
    handle._data = None
    handle.__class__ = cls
    return handle
