"""Models of Django: finding their objects, and what they say about themselves.

Django is not imported here: a model, a manager and a queryset bring all that is
needed.
"""

import sys

from zope.interface import implementer

from trackstore.models.exceptions import LookupRefused
from trackstore.models.interfaces import IFinder, IModel


def is_django_model(cls):
    """Return whether a class is a model of Django."""
    return hasattr(cls, '_default_manager') and hasattr(cls, '_meta')


def is_queryset(value):
    """Return whether a value is a manager or a queryset of Django."""
    return hasattr(value, 'get_or_create') and hasattr(value, 'model')


@implementer(IFinder)
class DjangoFinder:
    """Finds objects by a manager or a queryset."""

    def __init__(self, manager):
        self.manager = manager

    def find(self, path, value):
        """See ``IFinder``."""
        exceptions = sys.modules['django.core.exceptions']
        try:
            found = self.manager.filter(**{path.replace('.', '__'): value})
            return list(found[:2])
        except exceptions.FieldError as e:
            raise LookupRefused(f'{path}: it cannot be looked up: {e!s:.200}') from e
        except (exceptions.ValidationError, TypeError, ValueError, ArithmeticError):
            return []  # no object can have such a value

    def problems(self, path):
        """See ``IFinder``."""
        model = DjangoModel(self.manager.model)
        problem = model.problem(path)
        if problem is None and model.fields(path) is None:
            problem = f'{path} is no field, so that it cannot be looked up'
        return [] if problem is None else [problem]


@implementer(IModel)
class DjangoModel:
    """What a model of Django says about its objects."""

    def __init__(self, model):
        self.model = model

    def fields(self, path):
        """Return the fields of a path, or None if one of them is no field."""
        fields, model = [], self.model
        for step in path.split('.'):
            field = None if model is None else _field(model, step)
            if field is None:
                return None
            fields.append(field)
            model = field.related_model
        return fields

    def problem(self, path):
        """See ``IModel``."""
        model = self.model
        for step, following in _steps(path):
            field = _field(model, step)
            if field is None and not hasattr(model, step):
                return (f'the model {model.__name__} has no {step!r}; it has '
                        f'{", ".join(sorted(_names(model)))}')
            if field is None and getattr(getattr(model, step), 'alters_data', False):
                return f'{step!r} changes data, and is not called'
            model = None if field is None else field.related_model
            if model is None or _manages(field, following):
                return None  # what comes after is not a model's
        return None

    def many(self, path):
        """See ``IModel``; what a manager has, such as ``count``, is one."""
        model = self.model
        for step, following in _steps(path):
            field = None if model is None else _field(model, step)
            if field is None or _manages(field, following):
                return None
            if _is_many(field):
                return step
            model = field.related_model
        return None

    def unique(self, path):
        """See ``IModel``."""
        fields = self.fields(path)
        return None if fields is None else all(map(_is_unique, fields))

    def related(self, path):
        """See ``IModel``."""
        fields = self.fields(path)
        return None if fields is None else fields[-1].related_model


def _steps(path):
    """Return pairs of a step and the one that follows, or None."""
    steps = path.split('.')
    return zip(steps, [*steps[1:], None], strict=True)


def _is_many(field):
    return field.one_to_many or field.many_to_many


def _manages(field, name):
    """Return whether the manager of related objects has a method of that name."""
    return name is not None and _is_many(field) and hasattr(
        type(field.related_model._default_manager), name)


def _field(model, name):
    if name == 'pk':
        return model._meta.pk
    for field in model._meta.get_fields():
        if name in (_name(field), getattr(field, 'attname', None)):
            return field
    return None


def _name(field):
    """Return the name of the attribute: a reverse relation has another one."""
    accessor = getattr(field, 'get_accessor_name', None)
    return field.name if accessor is None else accessor()


def _names(model):
    return {name for name in map(_name, model._meta.get_fields()) if name}


def _is_unique(field):
    if getattr(field, 'unique', False) or field.one_to_one:
        return True
    if not field.concrete:
        return False
    constraints = getattr(field.model._meta, 'total_unique_constraints', ())
    return any(tuple(one.fields) == (field.name,) for one in constraints)
