"""What an import tells about itself, and where it keeps the bad lines."""

import os
from dataclasses import dataclass, field
from typing import NamedTuple

from trackstore.export.places import is_of_storage, is_same_file
from trackstore.importers.exceptions import SourceError
from trackstore.importers.source import text_of
from trackstore.opening import without_password

SHOWN = 100     # bad lines that a report holds
TEXT = 200      # characters of a bad line that a report holds


class Bad(NamedTuple):
    """A line that was not imported."""

    number: int
    reason: str
    text: str


@dataclass
class Report:
    """The outcome of an import.

    ``lines`` were read (of a git history: commits), ``tracks`` were saved and
    ``rejected`` lines were not; ``bad`` has the first of these.  ``earlier`` lines
    had been imported before.  ``first`` and ``last`` are time stamps.
    ``problem`` says what ended the reading before the end, or is None.
    """

    source: str
    format: str
    lines: int = 0
    tracks: int = 0
    rejected: int = 0
    earlier: int = 0
    first: float = None
    last: float = None
    seconds: float = 0.0
    problem: str = None
    bad: list = field(default_factory=list)

    @property
    def failed(self):
        """Whether nothing was saved, as all that was new was bad."""
        return bool(self.rejected and not self.tracks)

    @property
    def rate(self):
        """Tracks a second."""
        return self.tracks / self.seconds if self.seconds else 0.0

    def add(self, lines, tracks, bad, times):
        """Count what a batch has brought."""
        self.lines += lines
        self.tracks += tracks
        self.rejected += len(bad)
        for number, reason, line in bad[:max(0, SHOWN - len(self.bad))]:
            self.bad.append(Bad(number, reason, text_of(line[:TEXT])))
        if times:
            low, high = min(times), max(times)
            self.first = low if self.first is None else min(self.first, low)
            self.last = high if self.last is None else max(self.last, high)


class Rejects:
    """A file that the bad lines are added to, just as they were."""

    def __init__(self, path, source, storage, prologue=b''):
        self.path = os.fspath(path)
        if is_same_file(path, source):
            raise SourceError(
                f'the rejected lines cannot be kept in the source itself '
                f'({self.path})')
        if is_of_storage(path, storage):
            raise SourceError(
                f'the rejected lines cannot be kept in {self.path}, a file of the '
                f'store itself')
        try:
            self._file = open(path, 'a+b')  # noqa: SIM115
        except OSError as e:
            raise SourceError(
                f'the rejected lines cannot be kept in {without_password(self.path)}: '
                f'{e.strerror}') from None
        self._prologue = prologue

    def write(self, lines):
        """Add lines; before the first ones stands what a reader needs."""
        if lines and self._prologue and not self._file.tell():
            self._file.write(self._prologue)
        self._file.writelines(line + b'\n' for line in lines)
        self._file.flush()

    def take_back(self, line):
        """Remove a line, if it is the last one."""
        end = self._file.seek(0, os.SEEK_END)
        start = end - len(line) - 1
        if start >= 0:
            self._file.seek(max(0, start - 1))
            if (b'\n' * (not start) + self._file.read()) == b'\n' + line + b'\n':
                self._file.truncate(start)
            self._file.seek(0, os.SEEK_END)

    def close(self):
        self._file.close()
