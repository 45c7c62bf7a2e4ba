"""The errors of the tracking map.

A ``MapError`` is of the map itself, and is raised when it is made.  All others are
``TellingError``: a map with ``missing='report'`` reports them and goes on.
"""

from trackstore.exceptions import TrackstoreError


class MapError(TrackstoreError, TypeError, ValueError):
    """A tracking map that says something that cannot be."""


class TellingError(TrackstoreError):
    """Something that the map asks for and that is not there, or not clear."""


class UnknownClassError(TellingError, LookupError):
    """An object, or a name, of a class that the map lacks."""


class MissingAttributeError(TellingError, AttributeError):
    """An attribute or child that the map has and the object lacks."""


class ReadingError(TellingError, RuntimeError):
    """An attribute, a child or a look-up whose own code has failed."""


class ClashError(TellingError, ValueError):
    """Two objects whose values would have the same names."""


class TooManyError(TellingError, ValueError):
    """More objects than an event may have."""


class LookupRefused(TellingError, ValueError):
    """A look-up that the map does not allow, or cannot make."""


class NotFoundError(TellingError, LookupError):
    """A look-up that finds nothing."""


class SeveralFoundError(TellingError, LookupError):
    """A look-up that finds more than one object."""


class AddressError(TellingError, ValueError):
    """An object that cannot be written into a URL, or parameters that are too many."""
