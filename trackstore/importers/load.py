"""The import itself: batch after batch, each with its state in a transaction."""

import gc
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

from ZODB.POSException import ConflictError

from trackstore.exceptions import DamagedError, TrackstoreError
from trackstore.importers.exceptions import SourceError
from trackstore.importers.report import Report
from trackstore.importers.state import imports_of

TRIES = 10


@contextmanager
def uncollected():
    """Look for cycles of garbage between the batches only.

    Among the many objects of a batch there are none, and looking there would
    take a fifth of the time.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass
class Batch:
    """Rows of a source that are saved in one transaction.

    A row is ``(task, run, user, data, time, line number)``; ``bad`` are pairs
    of line number and reason.  ``lines`` is how many were read for it.
    """

    rows: list = field(default_factory=list)
    bad: list = field(default_factory=list)
    lines: int = 0


class Import:
    """An import into a storage.

    A subclass yields its batches in ``batches``, notes in ``note`` how far it
    has come and returns what gives the runs, and has ``line`` for the text of
    a line of a batch.
    """

    rejects = None

    def __init__(self, storage, name, format, size, progress=None):
        imports_of(storage)     # is it in a database?
        self.storage, self.size, self.progress = storage, size, progress
        self.manager = storage._p_jar.transaction_manager
        self.report = Report(name, format)
        self._begin_again(self.manager.commit)

    def run(self):
        """Import all that is new; return the ``Report``.

        What was committed when an exception ends it stays, and the next import
        goes on there.
        """
        started = time.perf_counter()
        try:
            with uncollected():
                for batch in self.batches():
                    self._save(batch)
                    gc.collect(1)
                    self.report.seconds = time.perf_counter() - started
                    if self.progress is not None:
                        self.progress(*self.position(), self.report)
        finally:
            self.report.seconds = time.perf_counter() - started
            if self.rejects is not None:
                self.rejects.close()
        return self.report

    def is_worth(self, batch, refused):
        """Tell whether there is something to remember of a batch."""
        return True

    def _begin_again(self, end):
        end()
        self.manager.begin()

    def _save(self, batch):
        """Save a batch in a transaction that is tried again if need be."""
        careful, tries, kept = False, 0, False
        while True:
            try:
                saved, refused = self._write(batch, careful)
                bad = [(number, reason, self.line(batch, number))
                       for number, reason in sorted(batch.bad + refused)]
                if self.rejects is not None and not kept:
                    self.rejects.write([line for _, _, line in bad])
                    kept = True
                worth = self.is_worth(batch, refused)
                self._begin_again(
                    self.manager.commit if worth else self.manager.abort)
                break
            except ConflictError:
                self._begin_again(self.manager.abort)
                tries += 1
                if tries == TRIES:
                    raise
            except (SourceError, DamagedError):  # no line is to blame
                self._begin_again(self.manager.abort)
                raise
            except (TrackstoreError, TypeError, ValueError):
                self._begin_again(self.manager.abort)
                if careful:
                    raise
                careful = True
            except BaseException:
                self._begin_again(self.manager.abort)
                raise
        if worth:
            self.saved(batch)
        self.report.add(batch.lines, saved, bad,
                        [row[4] for row in batch.rows if row[4] is not None])

    def _write(self, batch, careful):
        """Write the tracks and the state of a batch.

        Returns how many tracks there are more, and the refused lines.
        """
        imports = imports_of(self.storage, create=True)
        runs = self.note(imports, batch)
        records = runs.records(self.storage, batch.rows)
        refused = []
        if careful:
            rows = [row for row in batch.rows if not isinstance(row[1], tuple)]
            ids = self._save_each(list(records), rows, refused)
        else:
            ids = self.storage.saveTracks(records)
        return self.noted(batch, ids, refused), refused

    def _save_each(self, records, rows, refused):
        """Save all records that the storage takes; return their ids."""
        if not records:
            return []
        savepoint = self.manager.savepoint(optimistic=True)
        try:
            return list(self.storage.saveTracks(records))
        except DamagedError:    # of the store, whatever the record
            raise
        except (TrackstoreError, TypeError, ValueError) as e:
            savepoint.rollback()
            if len(records) == 1:
                refused.append((rows[0][5], str(e).removeprefix('records[0]: ')))
                return []
        half = len(records) // 2
        return (self._save_each(records[:half], rows[:half], refused)
                + self._save_each(records[half:], rows[half:], refused))
