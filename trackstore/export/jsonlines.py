"""Tracks and runs as JSON lines.

The first line names the format.  Then come the runs in the order of their
numbers, and then the tracks in the order of theirs.
"""

from itertools import islice

from trackstore.exceptions import DamagedError
from trackstore.export.exceptions import ExportError, ValueProblem
from trackstore.export.values import json_of, plain, text_of

HEADER = {'trackstore': 'export', 'version': 1}
METADATA = ('taskId', 'runId', 'userName', 'timeStamp')
RUNS = 1_000    # runs whose tracks are asked for at a time


def lines(storage, tracks, criteria):
    """Yield the lines of an export, without line ends."""
    yield json_of(HEADER)
    if tracks.left_out is None:
        for numbers in _chunks(_run_numbers(storage, criteria)):
            yield from _runs(storage, numbers)
    else:
        yield from _whole_runs(storage, tracks)
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
        # An open run ends with its last track, if nobody has said otherwise.
        last = groups[number].last if number in groups else run.start
        told = run.finished or run.end != max(run.start, last)
        yield json_of(_record_of(storage, run, run.end if told else None))


def _whole_runs(storage, tracks):
    """Yield the lines of the runs that can be read."""
    for runs in (storage.runs, storage.finishedRuns):
        try:
            for number in runs:
                # The end as it is stored: to look it up takes all tracks.
                end = storage._run_state(number).end
                yield json_of(_record_of(storage, runs[number], end))
        except DamagedError as e:
            tracks.note(e)


def _record_of(storage, run, end):
    record = {'run': run.id, 'start': run.start}
    current = storage.currentRuns.get(run.taskId) == run.id
    if run.taskId is not None:
        record['task'] = run.taskId
    if current or run.taskId is not None:
        record['current'] = current
    if end is not None:
        record['end'] = end
    record['finished'] = run.finished
    return record
