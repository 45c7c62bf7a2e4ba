"""Comparing a map with the models, before anything runs."""

import dis
import inspect
from dataclasses import is_dataclass

from zope.interface import implementedBy, implementer

from trackstore.models.djangomodels import DjangoModel, is_django_model
from trackstore.models.exceptions import MapError
from trackstore.models.interfaces import IModel
from trackstore.models.sqlalchemymodels import AlchemyModel, is_mapped


def problems_of(tracking_map):
    """Return what is wrong with the entries of a map, a list of sentences."""
    problems = []
    for entry in tracking_map.entries.values():
        try:
            problems += _of_entry(tracking_map, entry)
        except MapError as e:
            problems.append(str(e))
    return problems


def _of_entry(tracking_map, entry):
    model = None if entry.model is None else described(entry.model)
    if model is not None:
        yield from _of_name(tracking_map, entry)
        for source in (*entry.attributes, *entry.children):
            problem = source.path and _of_path(model, source, source in entry.children)
            if problem:
                yield f'{entry.name}.{source.name}: {problem}'
        yield from _of_children(tracking_map, entry, model)
    yield from _of_keys(entry, model)


def _of_name(tracking_map, entry):
    if (entry.attributes or entry.children) and (
            entry not in tracking_map.entries_of(entry.model)):
        yield (f'{entry.name}: its model is the class {entry.model.__name__}, and '
               f'objects are told by the entry with the name of their class')


def _of_path(model, source, is_child):
    """Return what keeps an attribute or a child from being read, or None."""
    problem = model.problem(source.path)
    if problem is None:
        path = source.path.rpartition('.')[0] if is_child else source.path
        step = path and model.many(path)
        if step:
            problem = f'{step!r} are many objects; tell them as a child'
    return problem


def _of_children(tracking_map, entry, model):
    for child in entry.children:
        related = model.related(child.path) if child.path else None
        if related is not None and next(tracking_map.entries_of(related), None) is None:
            yield (f'{entry.name}.{child.name}: the map lacks the class '
                   f'{related.__name__}; it has {tracking_map.names()}')


def _of_keys(entry, model):
    if entry.unique and entry.finder is None:
        yield (f"{entry.name}: it has a key, but nothing finds its objects; give it a "
               f"'model' of Django or SQLAlchemy, or 'find'")
    for name in entry.unique:
        where = f'{entry.name}__{name}'
        source = entry.source(name)
        path = source.path
        if path is None:
            if model is not None and not isinstance(model, PlainModel):
                yield (f'{where}: a function of the object cannot be looked up in a '
                       f'database')
            continue
        if model is not None and source not in entry.attributes:
            problem = model.problem(path)
            if problem:
                yield f'{where}: {problem}'
                continue
        if model is not None and model.unique(path) is False:
            yield (f'{where}: {path} is not unique in the model '
                   f'{entry.model.__name__}, so that a look-up may find several')
        if entry.finder is not None and not (model and model.problem(path)):
            for problem in _of_finder(entry.finder, path):
                yield f'{where}: {problem}'


def _of_finder(finder, path):
    try:
        return finder.problems(path)
    except Exception as e:  # of the application's code
        return [f'what finds objects cannot be asked: {type(e).__name__}: {e!s:.200}']


def described(cls):
    """Return what a class says about its objects, an ``IModel``."""
    if is_django_model(cls):
        return DjangoModel(cls)
    return AlchemyModel(cls) if is_mapped(cls) else PlainModel(cls)


@implementer(IModel)
class PlainModel:
    """What any other class says about its objects.

    An attribute is known if the class has it, annotates it, names it in its slots or
    interfaces, or sets it in one of its methods.
    """

    def __init__(self, model):
        self.model = model

    def problem(self, path):
        """See ``IModel``; of a path the first step is judged."""
        name = path.partition('.')[0]
        model = self.model
        if (hasattr(model, name) or hasattr(model, '__getattr__')
                or issubclass(model, dict)):
            return None
        names = names_of(model)
        if name in names:
            return None
        return (f'nothing in the class {model.__name__} sets {name!r}; it has '
                f'{", ".join(sorted(names)) or "no attributes"}')

    def many(self, path):
        """See ``IModel``: a class does not say that."""
        return None

    def unique(self, path):
        """See ``IModel``: a class does not say that."""
        return None

    def related(self, path):
        """See ``IModel``: a class does not say that."""
        return None


def names_of(cls):
    """Return the attributes that objects of a class have, as far as it says."""
    names = {name for spec in implementedBy(cls) for name in spec.names(all=True)}
    for base in cls.__mro__[:-1]:
        names |= _annotated(base)
        slots = base.__dict__.get('__slots__', ())
        names |= {slots} if isinstance(slots, str) else set(slots)
        for value in base.__dict__.values():
            if isinstance(value, property):
                continue
            code = getattr(getattr(value, '__func__', value), '__code__', None)
            if code is not None:
                names |= _set_in(code)
    names |= {name for name in dir(cls) if not callable(getattr(cls, name, None))}
    return {name for name in names if not name.startswith('_')}


def _annotated(cls):
    if is_dataclass(cls):
        return set(cls.__dataclass_fields__)
    try:
        return set(inspect.get_annotations(cls))
    except NameError:  # of a class that is known to a type checker only
        return set()


def _set_in(code):
    """Return the names of attributes that a function sets."""
    return {step.argval for step in dis.get_instructions(code)
            if step.opname == 'STORE_ATTR'}
