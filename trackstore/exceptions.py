"""The errors of trackstore.

Each is also a subclass of the builtin error that one would expect, so that a
caller need not know this module.
"""

from ZODB.POSException import POSError


class TrackstoreError(Exception):
    """The base of the errors that trackstore defines."""


class RunError(TrackstoreError, ValueError):
    """A run that does not exist."""


class DataError(TrackstoreError, TypeError):
    """Data that cannot be stored."""


class KeyValueError(TrackstoreError, TypeError):
    """A task, user or other indexed value that cannot be a key of an index."""


class TimeStampError(TrackstoreError, TypeError, ValueError):
    """A time stamp that is no number, or none that is finite."""


class CriteriaError(TrackstoreError, TypeError):
    """A criterion that is unknown or has a value that it cannot take."""


class FormatError(TrackstoreError, ValueError):
    """A store that this release cannot read."""


class OpenError(TrackstoreError, ValueError):
    """A place that cannot be opened as a store."""


class DamagedError(TrackstoreError, POSError, ValueError):
    """Stored bytes that are not what was written.

    ``where`` names what is hurt, ``why`` says how that was noticed.  ``first`` and
    ``last`` are the lowest and the highest number of the tracks that are in it,
    None where that is not known.
    """

    # A POSError, since the ZODB lets these pass from where an object is loaded.
    where = why = first = last = None
