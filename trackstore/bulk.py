"""Saving and removing many tracks at a time."""

import math
from collections.abc import Mapping
from itertools import islice

from trackstore import block, codec, keys, merge, saving, timestamps
from trackstore.directory import Entry
from trackstore.exceptions import DamagedError, DataError, TrackstoreError
from trackstore.layout import BASE
from trackstore.record import Row
from trackstore.segment import SegmentBuilder
from trackstore.track import Track
from trackstore.tracks import Chunk, Numbers

#: So many tracks at the most are saved to the tail, more make a segment.
TAIL_MOST = 64

#: The number of tracks after which a segment is written.
SEGMENT = 2 ** 16

_NAMES = frozenset((*BASE, 'data'))
_RUN_TYPES = frozenset((int, type(None)))


def save(storage, records):
    """Save an iterable of records; return the ``Numbers`` of the tracks."""
    records = iter(records)
    chunks = []
    builder = SegmentBuilder(storage._layout.columns)
    place = 0
    while True:
        batch = list(islice(records, block.SIZE))
        if builder and (not batch or len(builder) + len(batch) > SEGMENT):
            chunks.append(_finish(storage, builder))
            builder = SegmentBuilder(storage._layout.columns)
            if batch and storage._p_jar is not None:
                storage._p_jar.transaction_manager.savepoint(True)
        if not batch:
            break
        try:
            columns = _columns(storage, batch)
            if len(batch) <= TAIL_MOST and not builder:
                chunks.append(_save_to_tail(storage, *columns))
            else:
                start = len(builder)
                builder.add(range(start, start + len(batch)), *columns)
        except DamagedError:    # it names what is hurt
            raise
        except TrackstoreError:
            _explain(storage, batch, place)
            raise
        place += len(batch)
    return Numbers(chunks)


def _explain(storage, batch, place):
    """Raise the error of the first record that has one, with its place."""
    for n, record in enumerate(batch, place):
        try:
            _, mappings, _ = _columns(storage, [record])
            codec.dump_mapping(mappings[0])
        except DamagedError:
            raise
        except TrackstoreError as error:
            raise type(error)(f'records[{n}]: {error}') from error


def _finish(storage, builder):
    """Write what the builder has as a segment of new tracks."""
    count = len(builder)
    first = storage._take_number('tracks', count)
    builder.numbers.shift(first)
    segment, low, high = builder.build()
    storage._new_segments.add(
        Entry(segment, first, first + count - 1, count, low, high))
    merge.schedule_if_due(storage)
    return Chunk(None, None, range(first, first + count))


def _save_to_tail(storage, columns, mappings, extras):
    layout = storage._layout
    count = len(mappings)
    first = storage._take_number('tracks', count)
    rows = zip(*(columns[name] for name in layout.columns), strict=True)
    for n, values in enumerate(rows):
        row = Row(values, codec.dump_mapping(mappings[n]), extras and extras[n])
        saving.add(storage, first + n, row)
    return Chunk(None, None, range(first, first + count))


def _columns(storage, batch):
    """Return the columns, the data and the further attributes of records."""
    tasks, runs, users, mappings, times = _transposed(batch)
    if frozenset(map(type, mappings)) != {dict}:
        mappings = [codec.as_dict(data) for data in mappings]
    tasks = keys.checked_all(tasks, 'taskId')
    users = keys.checked_all(users, 'userName')
    times = _checked_times(times)
    runs = _resolved_runs(storage, tasks, runs, times)
    columns = dict(zip(BASE, (tasks, runs, users, times), strict=True))
    layout = storage._layout
    factory = storage.trackFactory
    if factory.__init__ is not Track.__init__ or layout.properties:
        return _made(storage, columns, mappings)
    for name in layout.stored[len(BASE):]:
        columns[name] = [layout.default(name)] * len(batch)
    if layout.derived:
        derived = zip(*map(layout.derived_values, mappings), strict=True)
        columns.update(zip(layout.derived, map(list, derived), strict=True))
    return columns, mappings, None


def _made(storage, columns, mappings):
    """Return the same from tracks that their class has made."""
    layout = storage._layout
    rows = []
    for n, (task, run, user, time) in enumerate(zip(*columns.values(), strict=True)):
        track = storage.trackFactory(task, run, user, mappings[n])
        track.timeStamp = time
        rows.append(saving.drafted(layout, track))
    values, mappings, extras = zip(*rows, strict=True)
    columns = dict(zip(
        layout.columns, map(list, zip(*values, strict=True)), strict=True))
    return columns, mappings, extras


def _transposed(batch):
    """Return tasks, runs, users, data and times as sequences."""
    lengths = set(map(len, batch)) if {tuple} == set(map(type, batch)) else ()
    if lengths in ({4}, {5}):
        columns = list(zip(*batch, strict=True))
    else:
        columns = list(zip(*map(_fields, batch), strict=True))
    if len(columns) == 4:
        columns.append([None] * len(batch))
    return columns


def _fields(record):
    """Return a record as a tuple of five."""
    if isinstance(record, Mapping):
        unknown = set(record) - _NAMES
        missing = [name for name in ('taskId', 'userName', 'data')
                   if name not in record]
        if not unknown and not missing:
            return (record['taskId'], record.get('runId', 0), record['userName'],
                    record['data'], record.get('timeStamp'))
    elif isinstance(record, (tuple, list)) and len(record) in (4, 5):
        return (*record, None)[:5]
    raise DataError(
        f'record: {record!r} is no record; allowed are tuples (taskId, runId, '
        f'userName, data) or (taskId, runId, userName, data, timeStamp), and '
        f'mappings with these names')


def _checked_times(times):
    types = frozenset(map(type, times))
    if (types <= {int, float} and min(times) >= -timestamps.LARGEST
            and max(times) <= timestamps.LARGEST
            and all(map(math.isfinite, times))):    # NaN may hide from min and max
        return times
    now = timestamps.getTimeStamp()
    return [now if time is None else timestamps.checked(time) for time in times]


def _resolved_runs(storage, tasks, runs, times):
    """Return the runs with the task's current one in place of 0."""
    table = storage._runs
    current, ends = table.known()
    if not _RUN_TYPES.issuperset(map(type, runs)):  # 1.0 and True are equal to 1
        for run in runs:
            if type(run) not in _RUN_TYPES:
                saving.existing_run(storage, run)
    wanted = set(runs)
    if None in wanted:
        runs = [run or 0 for run in runs]
        wanted = set(runs)
    for run in wanted.difference(ends, {0}):
        ends[run] = saving.existing_run(storage, run).end
    if wanted == {0}:
        _resolve_current(storage, first_times(tasks, times), current, ends)
        runs = list(map(current.__getitem__, tasks))
    elif 0 in wanted:
        chosen = [n for n, run in enumerate(runs) if not run]
        _resolve_current(storage, first_times(
            [tasks[n] for n in chosen], [times[n] for n in chosen]), current, ends)
        runs = [run or current[task]
                for run, task in zip(runs, tasks, strict=True)]
    if any(ends[run] is not None for run in set(runs)):
        _stretch(storage, runs, times, ends)
    table.keep(current, ends)
    return runs


def first_times(tasks, times):
    """Return the time of each task's first track, in the order of these."""
    moments = dict.fromkeys(tasks)
    moments.update(zip(reversed(tasks), reversed(times), strict=True))
    return moments


def current_runs(storage, moments):
    """Return a mapping that has the current run of each task, and maybe of others.

    ``moments`` says by task when a run is started where there is none.
    """
    current, ends = storage._runs.known()
    _resolve_current(storage, moments, current, ends)
    storage._runs.keep(current, ends)
    return current


def _resolve_current(storage, moments, current, ends):
    """See to it that each task has a current run, started at its moment."""
    missing = [task for task in moments if task not in current]
    if not missing:
        return
    storage._runs.prefetch_current(missing)
    for task in missing:
        number, state, new = saving.run_for(storage, task, 0, moments[task])
        if new:
            saving.start_run(storage, task, number, state)
        current[task] = number
        ends[number] = state.end


def _stretch(storage, runs, times, ends):
    """Move the ends of stopped runs that have later tracks now."""
    latest = {}
    for run, time in zip(runs, times, strict=True):
        if ends[run] is not None and time > latest.get(run, ends[run]):
            latest[run] = time
    for run, time in latest.items():
        saving.stretch_run(storage, run, storage._runs.get(run), time)
    ends.update(latest)
