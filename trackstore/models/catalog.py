"""Finding objects by a catalog: indexes under names, which know objects by number."""

from itertools import islice

from zope.interface import implementer

from trackstore.models.container import is_container
from trackstore.models.exceptions import LookupRefused, MapError
from trackstore.models.interfaces import IFinder
from trackstore.models.keytext import candidates, is_value
from trackstore.models.reading import Source

#: More objects than this are not loaded to see which of them is meant.
ENOUGH = 10


@implementer(IFinder)
class Catalog:
    """Finds objects by the indexes of a catalog.

    ``catalog`` is a mapping from the names of attributes to indexes, as those of
    hypatia, repoze.catalog and zope.catalog are, or a ZCatalog; or a function
    without arguments that returns it.  ``resolve`` is a function that returns the
    object of a number that an index gives, for instance ``intids.getObject``; a
    ZCatalog needs none.
    """

    def __init__(self, catalog, resolve=None):
        self.catalog = catalog
        self.resolve = resolve
        if not (callable(catalog) or is_zcatalog(catalog) or is_container(catalog)):
            raise MapError(f'catalog: {catalog!r:.80} is no catalog; allowed are '
                           f'mappings of indexes, a ZCatalog, and functions that '
                           f'return one')
        if resolve is not None and not callable(resolve):
            raise MapError(f'resolve: {resolve!r:.80} is no function; allowed is one '
                           f'that returns the object of a number')

    def find(self, path, value):
        """See ``IFinder``."""
        catalog = self._opened()
        source = Source(path, path)
        for key in candidates(value):
            found = [obj for obj in self._objects(catalog, path, key)
                     if obj is not None and is_value(obj, source, value)]
            if found:
                return found
        return []

    def _opened(self):
        catalog = self.catalog
        return catalog if is_zcatalog(catalog) or is_container(catalog) else catalog()

    def _objects(self, catalog, path, key):
        names = _names(catalog)
        if path not in names:
            raise _lacking(path, names)
        if is_zcatalog(catalog):
            records = islice(catalog.searchResults(**{path: key}), ENOUGH)
            return [record.getObject() for record in records]
        if self.resolve is None:
            raise LookupRefused('the catalog gives numbers of objects; give it '
                                'resolve=, a function that returns the object of one')
        return [self.resolve(number) for number in _numbers(catalog[path], key)]

    def problems(self, path):
        """See ``IFinder``."""
        names = _names(self._opened())
        return [] if path in names else [str(_lacking(path, names))]


def is_zcatalog(catalog):
    """Return whether a catalog answers with records that know their object."""
    return hasattr(catalog, 'searchResults') and hasattr(catalog, 'indexes')


def _names(catalog):
    return catalog.indexes() if is_zcatalog(catalog) else catalog


def _numbers(index, value):
    """Return the numbers that an index has for a value."""
    try:
        if hasattr(index, 'applyEq'):
            found = index.applyEq(value)
        else:
            found = index.apply((value, value))  # a range
    except TypeError:  # its values are of another type
        return []
    return list(islice(found or (), ENOUGH))


def _lacking(path, names):
    return LookupRefused(f'{path}: the catalog has no index of that name; it has '
                         f'{", ".join(map(repr, sorted(names))) or "none"}')
