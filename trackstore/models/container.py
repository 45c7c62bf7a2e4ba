"""Finding objects in a container: a mapping, of the ZODB or not."""

from collections.abc import Mapping
from itertools import islice

from zope.interface import implementer

from trackstore.models.exceptions import LookupRefused, MapError
from trackstore.models.interfaces import IFinder
from trackstore.models.keytext import candidates, is_value
from trackstore.models.reading import Source

#: In how many objects of a container an attribute is searched.
SCANNED = 1000


@implementer(IFinder)
class Container:
    """Finds objects in a mapping, or in what a function without arguments returns.

    A function is right where the mapping is in a ZODB: objects belong to the
    connection that they were loaded by.

    An object under the key that is looked for is taken if it has that value, too.
    Other attributes are searched in the first ``scan`` objects; what is larger needs a
    ``Catalog``.  With ``by``, the name of the attribute whose values are the keys of
    the mapping, that attribute is never searched.
    """

    def __init__(self, container, by=None, scan=SCANNED):
        if not (callable(container) or is_container(container)):
            raise MapError(f'container: {container!r:.80} is no mapping; allowed are '
                           f'mappings of objects and functions that return one')
        if type(scan) is not int or scan < 0:
            raise MapError(f'scan: {scan!r:.80} is no number of objects; allowed are '
                           f'whole numbers from 0')
        self.container = container
        self.by = by
        self.scan = scan

    def find(self, path, value):
        """See ``IFinder``."""
        container = self.container
        if not is_container(container):
            container = container()
            if not is_container(container):
                raise TypeError(f'the function of the container returned '
                                f'{container!r:.80}; allowed are mappings of objects')
        source = Source(path, path)
        for key in candidates(value):
            obj = _under(container, key)
            if obj is not None and is_value(obj, source, value):
                return [obj]
        if path == self.by:
            return []
        return [obj for obj in self._searched(container, path)
                if is_value(obj, source, value)]

    def _searched(self, container, path):
        objects = list(islice(container.values(), self.scan + 1))
        if len(objects) > self.scan:
            raise LookupRefused(
                f'{path}: it is no key of the container, which has more than '
                f'{self.scan} objects and is not searched; use a Catalog, or a '
                f"function, or say by={path!r} if it is the container's key")
        return objects

    def problems(self, path):
        """See ``IFinder``: only the objects know their attributes."""
        return []


def is_container(value):
    """Return whether objects are there under keys."""
    return isinstance(value, Mapping) or (
        hasattr(value, '__getitem__') and hasattr(value, 'get')
        and hasattr(value, 'values'))


def _under(container, key):
    try:
        return container.get(key)
    except (TypeError, ValueError, OverflowError):  # a BTree with keys of a type
        return None
