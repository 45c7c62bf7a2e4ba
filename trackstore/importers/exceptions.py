"""The errors of importing."""

from trackstore.exceptions import TrackstoreError


class SourceError(TrackstoreError, ValueError):
    """A source that cannot be imported."""


class SourceMissing(SourceError, FileNotFoundError):
    """A source that is not there."""


class BadLine(TrackstoreError, ValueError):
    """A line that is not what the format expects; its text is the reason."""
