"""The errors of exporting."""

from trackstore.exceptions import DataError, TrackstoreError


class ExportError(TrackstoreError, ValueError):
    """An export that cannot be made."""


class ValueProblem(DataError):
    """A value that cannot be exported, or is no exported value."""
