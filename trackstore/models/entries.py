"""The entries of a tracking map: what is told about the objects of a class."""

from collections.abc import Mapping
from importlib import import_module

from trackstore.models.exceptions import MapError
from trackstore.models.finders import finder_of
from trackstore.models.reading import Source
from trackstore.models.sqlalchemymodels import checked_session

OPTIONS = ('attributes', 'children', 'related', 'key', 'unique', 'model', 'find',
           'session')
CHILD_OPTIONS = ('path', 'name', 'keys', 'limit', 'role')
KEYS = ('indexed', 'collected')
#: How many objects of a child that is many are told, if nothing else is said.
LIMIT = 10
#: How many objects may be told in one event, and of one child: its parent is another.
OBJECT_LIMIT = 500
LARGEST_LIMIT = OBJECT_LIMIT - 1

AN_ATTRIBUTE = ("a name, a dotted path, a function with a name, or a pair (name, path "
                'or function)')


class Attribute(Source):
    """What is told under one name."""


class Child(Source):
    """Objects that are told with their parent: one, many, or none."""

    def __init__(self, name, path=None, function=None, keys='indexed', limit=LIMIT,
                 role=None):
        super().__init__(name, path, function)
        self.collected = keys == 'collected'
        self.limit = limit
        self.prefix = f'{role}_' if role else ''


class Entry:
    """What is told about the objects of a class, and how they are found."""

    def __init__(self, name, options, session=None):
        self.name = name_of(name, 'a class of the map')
        if name == 'object':
            raise MapError("'object' is a parent of every class; allowed are others")
        if not isinstance(options, Mapping):
            raise MapError(f'{name}: {options!r:.80} is no entry; allowed is a mapping '
                           f'of {", ".join(OPTIONS)}')
        _known(options, OPTIONS, name)
        self.attributes = attributes_of(options.get('attributes', ()), name)
        self.children = (*children_of(options.get('children', ()), f'{name}: children'),
                         *children_of(options.get('related', ()), f'{name}: related'))
        self.key = options.get('key')
        self.unique = _unique(self.key, options.get('unique', ()), self)
        self.key_source = None if self.key is None else self.source(self.key)
        self._model = options.get('model')
        self._find = options.get('find')
        self._session = checked_session(options.get('session', session),
                                        f'{name}: session')
        self._check_names()
        self._check_ways()

    def __repr__(self):
        return f'<Entry {self.name}>'

    def _check_names(self):
        children = [child.name for child in self.children]
        attributes = [attribute.name for attribute in self.attributes]
        # what tells that there are more objects than are told
        attributes += dict.fromkeys(f'{name}_more' for name in children)
        for what, names in (('attributes', attributes), ('children', children)):
            for name in names:
                if names.count(name) > 1:
                    raise MapError(
                        f'{self.name}: {what}: two have the name {name!r}; give one of '
                        f'them another with a pair (name, path)')

    def _check_ways(self):
        if not isinstance(self._model, (type, str, type(None))):
            if self._find is not None:
                raise MapError(
                    f'{self.name}: model: {self._model!r:.80} is no class; allowed '
                    f"beside 'find' are a class and its dotted name")
            self._find = finder_of(self._model, f'{self.name}: model')
            self._model = None
        elif self._find is not None:
            self._find = finder_of(self._find, f'{self.name}: find')

    @property
    def model(self):
        """The class of the objects, or None; what is wrong with it is a MapError."""
        if isinstance(self._model, str):
            self._model = _imported(self._model, f'{self.name}: model')
        return self._model

    @property
    def finder(self):
        """What finds objects, or None."""
        if self._find is None and self.model is not None:
            self._find = finder_of(self.model, f'{self.name}: model', self._session)
        return self._find

    def source(self, name):
        """Return the attribute of that name, as the entry declares it or plain."""
        for attribute in self.attributes:
            if attribute.name == name:
                return attribute
        return Attribute(name.replace('.', '_'), name)

    def fits(self, cls):
        """Return whether an object of that class, named as the entry, is meant."""
        model = self.model
        return model is None or issubclass(cls, model)


def name_of(name, what):
    """Return a name that can be a part of a key and of a URL."""
    if (isinstance(name, str) and name.isidentifier() and '__' not in name
            and name.strip('_') == name):
        return name
    raise MapError(f'{name!r:.80} is no name for {what}; allowed are names as Python '
                   f'has them, without __ inside, and without _ at an end')


def _known(options, known, where):
    for option in options:
        if option not in known:
            raise MapError(f'{where}: {option!r:.80} is no option; known are '
                           f'{", ".join(known)}')


def _listed(value, where, what):
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, (list, tuple)):
        return value
    raise MapError(f'{where}: {value!r:.80} is no list; allowed is a list of {what}')


def attributes_of(declared, name):
    """Return the attributes of a declaration: a list, or a mapping of names."""
    where = f'{name}: attributes'
    return tuple(_attribute(part, where)
                 for part in _listed(declared, where, AN_ATTRIBUTE))


def _attribute(declared, where):
    if isinstance(declared, (list, tuple)) and len(declared) == 2:
        name, source = declared
        name_of(name, f'an attribute ({where})')
    else:
        name, source = _own_name(declared, where), declared
    if isinstance(source, str):
        return Attribute(name, _path(source, where))
    if callable(source) and not isinstance(source, type):
        return Attribute(name, function=source)
    raise _no_attribute(source, where)


def _no_attribute(source, where):
    return MapError(f'{where}: {source!r:.80} is no attribute; allowed is '
                    f'{AN_ATTRIBUTE}')


def _own_name(source, where):
    if isinstance(source, str):
        name = source.replace('.', '_')
    else:
        name = getattr(source, '__name__', None)
        if name is None or not callable(source):
            raise _no_attribute(source, where)
    return name_of(name, f'an attribute ({where}; a pair gives it another)')


def _path(path, where):
    if all(step.isidentifier() for step in path.split('.')):
        return path
    raise MapError(f'{where}: {path!r:.80} is no path; allowed are names with dots '
                   f'between')


def children_of(declared, where):
    """Return the children of a declaration: a list, or a mapping of names."""
    what = f'paths, functions and mappings of {", ".join(CHILD_OPTIONS)}'
    return tuple(_child(part, where) for part in _listed(declared, where, what))


def _child(declared, where):
    name, options = None, {}
    if isinstance(declared, (list, tuple)) and len(declared) == 2:
        name, declared = declared
    if isinstance(declared, Mapping):
        _known(declared, CHILD_OPTIONS, where)
        options = {'path': declared.get('name', name), **declared}
        declared = options.pop('path')
        name = options.pop('name', name)
    source = _attribute(declared if name is None else (name, declared), where)
    _check_child(options, f'{where}: {source.name}')
    return Child(source.name, source.path, source.function, **options)


def _check_child(options, where):
    keys, limit = options.get('keys', 'indexed'), options.get('limit', LIMIT)
    if keys not in KEYS:
        raise MapError(f'{where}: keys: {keys!r:.80} is neither {KEYS[0]!r} nor '
                       f'{KEYS[1]!r}')
    if type(limit) is not int or not 1 <= limit <= LARGEST_LIMIT:
        raise MapError(f'{where}: limit: {limit!r:.80} is no limit; allowed are whole '
                       f'numbers from 1 to {LARGEST_LIMIT}')
    if options.get('role') is not None:
        name_of(options['role'], f'a role ({where})')


def _unique(key, further, entry):
    if isinstance(further, str) or not isinstance(further, (list, tuple)):
        raise MapError(f'{entry.name}: unique: {further!r:.80} is no list; allowed is '
                       f'a list of names of attributes')
    names = ([] if key is None else [key]) + [name for name in further if name != key]
    for name in names:
        if not isinstance(name, str):
            raise MapError(f'{entry.name}: key: {name!r:.80} is no name of an '
                           f'attribute')
        _path(name, f'{entry.name}: key')
        name_of(name.replace('.', '_'), f'a key ({entry.name})')
    return tuple(names)


def _imported(name, where):
    module, _, cls = name.rpartition('.')
    try:
        found = getattr(import_module(module), cls)
    except (ImportError, AttributeError, ValueError) as e:
        raise MapError(f'{where}: {name!r:.80} cannot be imported: {e}') from e
    if not isinstance(found, type):
        raise MapError(f'{where}: {name!r:.80} is no class')
    return found
