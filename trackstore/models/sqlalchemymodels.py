"""Models of SQLAlchemy: finding their objects, and what they say about themselves.

SQLAlchemy is imported where a model of it is looked up, so that it is there.
"""

import datetime
import inspect

from zope.interface import implementer

from trackstore.models.exceptions import LookupRefused, MapError
from trackstore.models.interfaces import IFinder, IModel
from trackstore.models.keytext import converted

UTC = datetime.timezone.utc
#: Beyond that no database has whole numbers.
BIG = 2 ** 63

NO_SESSION = (
    'objects of SQLAlchemy are found by a session; give the map, or the entry, '
    "'session': a session, a scoped_session, or a function that returns a session")


def is_mapped(cls):
    """Return whether a class is mapped by SQLAlchemy."""
    return hasattr(cls, '__mapper__')


def checked_session(session, where):
    """Return a session, or what returns one, or None."""
    if session is None or callable(session) or hasattr(session, 'scalars'):
        return session
    raise MapError(f'{where}: {session!r:.80} is none; {NO_SESSION}')


@implementer(IFinder)
class AlchemyFinder:
    """Finds objects by a session."""

    def __init__(self, model, session=None):
        self.model = model
        self.session = session

    def find(self, path, value):
        """See ``IFinder``."""
        from sqlalchemy import select

        condition = _condition(self.model, path.split('.'), value)
        if condition is None:
            return []
        session = self._opened()
        with session.no_autoflush:  # what the application has not written yet stays so
            found = session.scalars(select(self.model).where(condition).limit(2))
            return list(found.unique())

    def _opened(self):
        session = self.session
        if session is None:
            raise LookupRefused(f'{self.model.__name__}: {NO_SESSION}')
        if not hasattr(session, 'scalars'):
            session = session()
            if not hasattr(session, 'scalars'):
                raise TypeError(f'the function of the session returned {session!r:.80}')
        if inspect.iscoroutinefunction(getattr(session, 'scalars', None)):
            raise LookupRefused(f'{self.model.__name__}: session: a look-up cannot '
                                f'wait for an AsyncSession; {NO_SESSION}')
        return session

    def problems(self, path):
        """See ``IFinder``."""
        model = AlchemyModel(self.model)
        problems = [] if self.session is not None else [NO_SESSION]
        problem = model.problem(path)
        if problem is None and not model.columns(path):
            problem = f'{path} is no column, so that it cannot be looked up'
        return problems if problem is None else [*problems, problem]


def _condition(model, steps, value):
    """Return the condition of a query, or None if no object can have the value."""
    attribute = getattr(model, steps[0], None)
    if not hasattr(attribute, 'property') and not hasattr(attribute, 'expression'):
        raise LookupRefused(f'{model.__name__}.{steps[0]}: it is no column, so that it '
                            f'cannot be looked up')
    if len(steps) == 1:
        value = _fitting(attribute, value)
        return None if value is None else attribute == value
    related = AlchemyModel(model).related(steps[0])
    if related is None:
        raise LookupRefused(f'{model.__name__}.{steps[0]}: it is no relationship, so '
                            f'that nothing behind it can be looked up')
    inner = _condition(related, steps[1:], value)
    if inner is None:
        return None
    several = attribute.property.uselist
    return attribute.any(inner) if several else attribute.has(inner)


def _fitting(attribute, value):
    """Return text as a value of the column, or None if it cannot be one."""
    column_type = getattr(attribute, 'type', None)
    try:
        kind = column_type.python_type
    except (AttributeError, NotImplementedError):
        return value
    value = converted(value, kind)
    if isinstance(value, str) and '\0' in value:
        return None
    if isinstance(value, int) and not -BIG <= value < BIG:
        return None
    if (isinstance(value, datetime.datetime) and value.tzinfo is not None
            and not getattr(column_type, 'timezone', True)):
        return value.astimezone(UTC).replace(tzinfo=None)
    return value


@implementer(IModel)
class AlchemyModel:
    """What a model of SQLAlchemy says about its objects."""

    def __init__(self, model):
        self.model = model

    def problem(self, path):
        """See ``IModel``."""
        model = self.model
        for step in path.split('.'):
            if not hasattr(model, step):
                names = sorted(_descriptors(model).keys())
                return (f'the model {model.__name__} has no {step!r}; it has '
                        f'{", ".join(map(str, names))}')
            model = _related(model, step)
            if model is None:
                return None
        return None

    def many(self, path):
        """See ``IModel``."""
        model = self.model
        for step in path.split('.'):
            described = None if model is None else _descriptors(model).get(step)
            relation = getattr(described, 'property', None)
            if getattr(relation, 'lazy', None) in ('dynamic', 'write_only'):
                return None  # a query, which may tell how many there are
            if getattr(relation, 'uselist', False):
                return step
            model = None if model is None else _related(model, step)
        return None

    def columns(self, path):
        """Return the columns that a path ends with; none if it is no column."""
        *relations, name = path.split('.')
        model = self._behind(relations)
        described = None if model is None else _descriptors(model).get(name)
        return getattr(getattr(described, 'property', None), 'columns', [])

    def unique(self, path):
        """See ``IModel``; behind a relationship it is not known."""
        columns = self.columns(path)
        if not columns or '.' in path:
            return None
        return any(map(_is_unique, columns))

    def related(self, path):
        """See ``IModel``."""
        return self._behind(path.split('.'))

    def _behind(self, steps):
        model = self.model
        for step in steps:
            model = None if model is None else _related(model, step)
        return model


def _descriptors(model):
    return model.__mapper__.all_orm_descriptors


def _related(model, name):
    described = _descriptors(model).get(name)
    mapper = getattr(getattr(described, 'property', None), 'mapper', None)
    return None if mapper is None else mapper.class_


def _is_unique(column):
    table = column.table
    if column.unique or list(table.primary_key.columns) == [column]:
        return True
    sets = [one.columns for one in table.constraints
            if type(one).__name__ == 'UniqueConstraint']
    sets += [index.columns for index in table.indexes if index.unique]
    return any(list(columns) == [column] for columns in sets)
