"""How the objects of a class are found, and which way a model has."""

from collections.abc import Iterator, Mapping, MappingView, Set
from itertools import islice

from zope.interface import implementer

from trackstore.models.container import SCANNED, Container
from trackstore.models.djangomodels import DjangoFinder, is_django_model, is_queryset
from trackstore.models.exceptions import MapError
from trackstore.models.interfaces import IFinder
from trackstore.models.sqlalchemymodels import AlchemyFinder, is_mapped


@implementer(IFinder)
class Function:
    """Finds objects by a function of the attribute's name and the value.

    It returns an object, a list or iterator of them, or None.  A ``LookupError`` says
    that there is none.
    """

    def __init__(self, function):
        self.function = function

    def find(self, path, value):
        """See ``IFinder``."""
        try:
            found = self.function(path, value)
        except LookupError:
            return []
        if found is None:
            return []
        if isinstance(found, (list, tuple, Set, MappingView, Iterator)):
            return list(islice(found, SCANNED))
        return [found]

    def problems(self, path):
        """See ``IFinder``: a function does not say what it can find."""
        return []


def finder_of(model, where, session=None):
    """Return the finder for a model, or None for a class that has no way of its own.

    A model is a class of Django or SQLAlchemy, a manager or queryset of Django, a
    mapping of objects, a function, or a finder.
    """
    if isinstance(model, type):
        if is_django_model(model):
            return DjangoFinder(model._default_manager)
        return AlchemyFinder(model, session) if is_mapped(model) else None
    if IFinder.providedBy(model):
        return model
    if is_queryset(model):
        return DjangoFinder(model)
    if isinstance(model, Mapping):
        return Container(model)
    if callable(model):
        return Function(model)
    raise MapError(
        f'{where}: {model!r:.80} has no way to find objects; allowed are a class, its '
        f'dotted name, a manager of Django, a mapping, a function of an attribute and '
        f'a value, and the finders of trackstore.models')
