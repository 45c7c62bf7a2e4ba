"""Tracks and runs as JSON lines.

The first line names the format.  Then come the runs in the order of their
numbers, and then the tracks in the order of theirs.
"""

from itertools import islice

from trackstore.export.exceptions import ExportError, ValueProblem
from trackstore.export.values import json_of, plain, text_of

HEADER = {'trackstore': 'export', 'version': 1}
METADATA = ('taskId', 'runId', 'userName', 'timeStamp')
RUNS = 1_000    # runs whose tracks are asked for at a time


def lines(storage, tracks, criteria):
    """Yield the lines of an export, without line ends."""
    yield json_of(HEADER)
    for numbers in _chunks(_run_numbers(storage, criteria)):
        yield from _runs(storage, numbers)
    for track in tracks:
        yield text_of(record_of(track))


def record_of(track):
    """Return a track as a dictionary that JSON can write."""
    metadata = track.metadata
    record = {'id': track.__name__}
    for name in METADATA:
        record[name] = metadata.pop(name)
    record['data'] = dict(track.data)
    if metadata:
        record['more'] = metadata
    try:
        return {name: plain(value) for name, value in record.items()}
    except ValueProblem as e:
        raise ExportError(f'track {track.__name__!r}: {e}') from None


def _run_numbers(storage, criteria):
    if criteria:
        return iter(storage.distinct('runId', **criteria))
    return iter(sorted([*storage.runs, *storage.finishedRuns]))


def _chunks(numbers):
    while chunk := list(islice(numbers, RUNS)):
        yield chunk


def _runs(storage, numbers):
    """Yield the lines of some runs."""
    groups = storage.groupBy('runId', runId=numbers)
    for number in numbers:
        run = storage.getRun(runId=number)
        record = {'run': number, 'start': run.start}
        current = storage.currentRuns.get(run.taskId) == number
        if run.taskId is not None:
            record['task'] = run.taskId
        if current or run.taskId is not None:
            record['current'] = current
        # An open run ends with its last track, if nobody has said otherwise.
        last = groups[number].last if number in groups else run.start
        if run.finished or run.end != max(run.start, last):
            record['end'] = run.end
        record['finished'] = run.finished
        yield json_of(record)
