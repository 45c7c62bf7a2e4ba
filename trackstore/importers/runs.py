"""Runs that have a name in the source: months, sessions, runs of an export."""

from typing import NamedTuple

from BTrees.OOBTree import OOBTree
from persistent import Persistent

from trackstore import saving
from trackstore.run import RunState


class RunRow(NamedTuple):
    """A run that an export describes; in a row it stands in the run's place."""

    name: object
    task: object = None
    start: object = None
    end: object = None
    finished: bool = False
    current: bool = False


class NamedRuns(Persistent):
    """The runs of a source by name; a new name starts a run."""

    #: Whether an earlier track moves the start of its run.
    moves = True

    def __init__(self):
        self.numbers = OOBTree()

    def records(self, storage, rows):
        """Return the records of the rows, for ``saveTracks``."""
        self._start(storage, rows)
        known = {None: 0}
        records = []
        for task, name, user, data, time, _ in rows:
            number = known.get(name)
            if number is None:
                if isinstance(name, RunRow):
                    continue
                number = known[name] = self.numbers[str(name)]
            records.append((task, number, user, data) if time is None
                           else (task, number, user, data, time))
        return records

    def _start(self, storage, rows):
        """Start the runs that are new, each at the first time of its tracks."""
        first = {}
        for _, name, _, _, time, _ in rows:
            if isinstance(name, RunRow):
                self.define(storage, name)
            elif name is not None and (
                    name not in first or time is not None and time < first[name]):
                first[name] = time
        if all(type(name) is int for name in first):
            first = dict(sorted(first.items()))
        for name, time in first.items():
            number = self.numbers.get(str(name))
            if number is None:
                self.numbers[str(name)] = storage.startRun(timeStamp=time)
            elif time is not None and self.moves:
                run = storage.getRun(runId=number)
                if time < run.start:
                    run.start = time

    def define(self, storage, row):
        """Start a run as a ``RunRow`` describes it.

        What is the current run of a task already stays it.
        """
        number = self.numbers[str(row.name)] = storage._take_number('runs', 1)
        state = RunState(row.task, row.start, row.end, row.finished)
        saving.put_run(storage, number, state, new=True)
        if row.current and storage._runs.get_current(row.task) is None:
            saving.set_current(storage, row.task, number)


class DescribedRuns(NamedRuns):
    """The runs of an export, which says when they start and end."""

    moves = False
