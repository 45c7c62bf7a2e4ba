"""Importing a file of lines: what is new in it since the last time."""

import os
from dataclasses import dataclass, field

from trackstore.exceptions import DamagedError, TrackstoreError
from trackstore.importers.exceptions import SourceError
from trackstore.importers.exported import set_more
from trackstore.importers.load import Batch, Import
from trackstore.importers.report import Rejects
from trackstore.importers.runs import RunRow
from trackstore.importers.sittings import Sittings
from trackstore.importers.source import SEAM, Block
from trackstore.importers.state import HEAD, SourceState, imports_of

MOST = 1 << 24      # bytes in a batch


@dataclass
class FileBatch(Batch):
    """A batch of a file, from one place to another.

    ``before`` has the bytes before ``end``, ``last`` the number of the last
    line.  ``open_line`` is the place and the number of the last record if it
    has no line end yet.
    """

    start: int = 0
    end: int = 0
    last: int = 0
    before: bytes = b''
    open_line: tuple = None
    blocks: list = field(default_factory=list)


class FileImport(Import):
    """The import of a ``Source`` with a reader of its format."""

    def __init__(self, storage, source, reader, runs, size=10_000, again=False,
                 rejects=None, progress=None):
        super().__init__(storage, source.path, reader.name, size, progress)
        self.source, self.reader, self.new_runs = source, reader, runs
        self.idle = getattr(runs(), 'idle', None)
        source.max_line = min(source.max_line, reader.max_line)
        prologue = _first_lines(source.beginning, reader.skip)
        self.head = source.beginning[:len(prologue) + HEAD]
        if source.stream:       # no file has a zero byte
            self.head = b'\0' + os.urandom(16)
        self.again = again or source.stream
        self.bare = len(source.beginning) <= len(prologue)
        self._find()
        if rejects is not None:
            self.rejects = Rejects(rejects, source.path, storage, prologue)
            if self.take_back and self._state.open_line[3]:
                length = self.offset - self.place
                self.rejects.take_back(source.before(self.offset, length))

    def run(self):
        try:
            report = super().run()
        finally:
            if self.source.stream:
                self._forget()
        report.problem = self.source.problem
        return report

    def _forget(self):
        """Drop the state of a stream, which was for its batches only."""
        imports = imports_of(self.storage)
        if self.offset is not None and imports is not None:
            imports.sources.pop(self.head, None)
            self._begin_again(self.manager.commit)

    def position(self):
        """Return how many bytes have been read on disk, and how many there are."""
        return self.source.position(), self.source.size

    # where to go on

    def _find(self):
        """Find out where the last import has ended."""
        self.place, self.lines = 0, 0
        self.offset, self.take_back = None, False
        imports = None if self.again or self.bare else imports_of(self.storage)
        state = self._state = imports and imports.find(self.source, self.head)
        if not state:
            return
        if state.format != self.reader.name:
            raise SourceError(
                f'{self.source.path} has been imported as {state.format}; it '
                f'cannot go on as {self.reader.name}; to import all of it anew, '
                f'say so (--again)')
        self.offset = self.place = state.offset
        self.lines = self.report.earlier = state.lines
        if state.open_line is not None:
            following = self.source.before(state.offset + 1, 1)
            if following == b'\n':
                self.place += 1
            elif following:
                self.place, number = state.open_line[:2]
                self.lines = number - 1
                self.take_back = True

    # reading

    def batches(self):
        if self.bare:
            return
        batch = self._batch(b'')
        if self.place:
            batch.before = self.source.before(self.place, SEAM)
        for block, rows, bad in self._parsed():
            batch.rows += rows
            batch.bad += bad
            batch.lines += len(block.lines)
            batch.blocks.append(block)
            self._end(batch, block, rows, bad)
            if batch.lines >= self.size or batch.end - batch.start >= MOST:
                yield batch
                batch = self._batch(batch.before)
        if batch.blocks:
            yield batch

    def _batch(self, before):
        return FileBatch(start=self.place, before=before)

    def _parsed(self):
        """Yield blocks of whole records with their rows and bad lines."""
        left = None
        for block in self.source.blocks(self.place, self.lines + 1):
            if block.long_end is not None:
                if left is not None:
                    yield left, *self.reader.rows(left, last=True)[:2]
                    left = None
                yield block, [], [(block.number, f'it is longer than '
                                   f'{self.source.max_line:,} bytes')]
                continue
            if left is not None:
                block = block._replace(number=left.number, start=left.start,
                                       lines=left.lines + block.lines)
            rows, bad, used = self.reader.rows(block, last=not block.whole)
            used, left = _split(block, used)
            if used.lines:
                yield used, rows, bad
        if left is not None:
            yield left, *self.reader.rows(left, last=True)[:2]

    def _end(self, batch, block, rows, bad):
        """Note where the batch ends now."""
        end = b'\n'.join(block.lines) + (b'\n' if block.whole else b'')
        if block.long_end is not None:
            end = block.long_end
        batch.before = (batch.before + end)[-SEAM:]
        batch.end = self.place = block.end
        batch.last = block.number + len(block.lines) - 1
        if not block.whole:
            number = max([record[5] for record in rows[-1:]]
                         + [number for number, _ in bad[-1:]], default=None)
            if number is not None:
                rest = block.lines[number - block.number:]
                size = sum(map(len, rest)) + len(rest) - 1
                if block.long_end is not None:
                    size = block.end - block.start
                batch.open_line = block.end - size, number

    def line(self, batch, number):
        """Return the bytes of a line of the batch."""
        for block in batch.blocks:
            if number < block.number + len(block.lines):
                return block.lines[number - block.number]
        raise LookupError(number)

    # saving

    def note(self, imports, batch):
        if self.offset is None:
            state = self._state = self._new_state(imports, batch)
            taken = not self.again and self.head in imports.sources
        else:
            state = self._state
            taken = (imports.sources.get(state.head) is not state
                     or state.offset != self.offset)
        if taken:
            raise SourceError(
                f'{self.source.path} is being imported by another process')
        if self.take_back:
            self._take_back(state)
        if self.idle is not None:
            state.runs.idle = self.idle
        imports.add(state, self.head)
        return state.runs

    def _new_state(self, imports, batch):
        state = SourceState(self.source.path, self.reader.name, self.new_runs())
        times = [row[4] for row in batch.rows]
        if times and isinstance(state.runs, Sittings):
            others = [other.runs for other in imports.sources.values()
                      if isinstance(other.runs, Sittings)]
            state.runs.inherit(others, min(times), max(times))
        state.rejected = self.report.rejected
        return state

    def _take_back(self, state):
        """Undo the last line, which had been read before it was complete."""
        _, _, track_id, bad = state.open_line
        track = self.storage.get(track_id) if track_id is not None else None
        if track is not None:
            self.storage.removeTrack(track)
            state.tracks -= 1
        state.rejected -= bad

    def noted(self, batch, ids, refused):
        state = self._state
        before = state.tracks
        more = getattr(self.reader, 'more', None)
        if more:
            ids = self._set_more(batch, ids, refused, more)
        state.open_line = None
        if batch.open_line is not None:
            place, number = batch.open_line
            numbers = [number for number, _ in batch.bad + refused]
            saved = ids and batch.rows[-1][5] == number
            bad = number in numbers
            state.open_line = (
                place, number, None if bad or not saved else ids[-1], bad)
        state.tracks += len(ids)
        state.rejected += len(batch.bad) + len(refused)
        state.advance(batch.end, batch.last, batch.before)
        return state.tracks - before

    def _set_more(self, batch, ids, refused, more):
        """Set the further metadata of tracks that have been saved.

        Returns the ids of those that take them; the others are refused after all.
        """
        without = {number for number, _ in refused}
        numbers = [row[5] for row in batch.rows
                   if not isinstance(row[1], RunRow) and row[5] not in without]
        kept = []
        for number, track_id in zip(numbers, ids, strict=True):
            track = self.storage[track_id]
            try:
                set_more(track, more.get(number, {}))
                kept.append(track_id)
            except DamagedError:
                raise
            except (TrackstoreError, AttributeError, TypeError, ValueError) as e:
                self.storage.removeTrack(track)
                refused.append((number, str(e)))
        return kept

    def is_worth(self, batch, refused):
        """Tell whether a row was saved, of this batch or earlier.

        As long as none was, nothing is remembered: what is wrong may be the
        format or a column, and then all is to be read again.
        """
        return self.offset is not None or len(batch.rows) > len(refused)

    def saved(self, batch):
        self.offset = batch.end
        self.again = self.take_back = False
        getattr(self.reader, 'more', {}).clear()


def _split(block, used):
    """Return a block of the first lines of a block, and one of the rest or None."""
    rest = block.lines[used:]
    if not rest:
        return block, None
    place = block.end - sum(map(len, rest)) - len(rest)
    return (block._replace(lines=block.lines[:used], end=place),
            Block(block.number + used, place, block.end, rest))


def _first_lines(data, count):
    """Return the first lines, with their line ends."""
    return b''.join(line + b'\n' for line in data.split(b'\n', count)[:count])
