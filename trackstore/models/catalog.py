"""Finding objects by a catalog: indexes under names, which know objects by number."""

from itertools import islice

from zope.interface import implementer

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
        if resolve is not None and not callable(resolve):
            raise MapError(f'resolve: {resolve!r:.80} is no function; allowed is one '
                           f'that returns the object of a number')

    def find(self, path, value):
        """See ``IFinder``."""
        catalog = self._opened()
        source = Source(path, path)
        found = []
        for key in candidates(value):
            try:
                objects = list(islice(self._objects(catalog, path, key), ENOUGH))
            except TypeError:  # the index has values of another type
                continue
            found += [obj for obj in objects
                      if obj is not None and not any(obj is one for one in found)]
        return [obj for obj in found if is_value(obj, source, value)]

    def _opened(self):
        catalog = self.catalog
        return catalog if hasattr(catalog, 'searchResults') or hasattr(
            catalog, 'values') or not callable(catalog) else catalog()

    def _objects(self, catalog, path, key):
        if is_zcatalog(catalog):
            if path not in catalog.indexes():
                raise _lacking(path, catalog.indexes())
            for brain in catalog.searchResults(**{path: key}):
                yield brain.getObject()
            return
        if path not in catalog:
            raise _lacking(path, catalog)
        for number in _numbers(catalog[path], key):
            yield self._resolved(number)

    def _resolved(self, number):
        if self.resolve is None:
            raise LookupRefused('the catalog gives numbers of objects; give it '
                                'resolve=, a function that returns the object of one')
        return self.resolve(number)

    def problems(self, path):
        """See ``IFinder``."""
        catalog = self._opened()
        names = catalog.indexes() if is_zcatalog(catalog) else catalog
        return [] if path in names else [str(_lacking(path, names))]


def is_zcatalog(catalog):
    """Return whether a catalog answers with records that know their object."""
    return hasattr(catalog, 'searchResults') and hasattr(catalog, 'indexes')


def _numbers(index, value):
    if hasattr(index, 'applyEq'):
        return index.applyEq(value)
    return index.apply((value, value))  # a range


def _lacking(path, names):
    return LookupRefused(f'{path}: the catalog has no index of that name; it has '
                         f'{", ".join(map(repr, sorted(names))) or "none"}')
