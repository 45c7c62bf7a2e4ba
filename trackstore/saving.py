"""Saving single tracks, and changing them."""

import weakref

from trackstore import codec, keys, merge, numbering, tail, timestamps
from trackstore.exceptions import RunError
from trackstore.record import Row, encode_record
from trackstore.run import RunState
from trackstore.track import Track


def put(storage, number, record):
    """Put a record into the tail, None to remove a track."""
    page = storage._page(number)
    page.put(number, record)
    if len(page.records) > tail.PAGE_SIZE:
        merge.schedule(storage)


# runs

def put_run(storage, number, state):
    """Set the state of a run."""
    if storage._runs.put(number, state):
        merge.schedule(storage)


def set_current(storage, taskId, number):
    """Set the current run of a task, None for none."""
    if storage._runs.set_current(taskId, number):
        merge.schedule(storage)


def run_for(storage, taskId, runId, timeStamp):
    """Return the number and the state of the run that a track is to have."""
    if runId is None or (type(runId) is int and runId == 0):
        runId = storage._runs.get_current(taskId)
        if not runId:
            return _start_run_of(storage, taskId, timeStamp)
    state = storage._run_state(runId)
    if state is None:
        raise RunError(
            f'runId: there is no run {runId!r}; allowed are 0 (the current run '
            f'of the task) and the numbers that startRun() has returned')
    return runId, state


def _start_run_of(storage, taskId, timeStamp):
    """Start a run, the same one that another transaction is starting now.

    So two that save the first track of a task at the same time make the same
    entries, and do not conflict.
    """
    state = RunState(taskId, timeStamp, None, False)
    if storage._p_jar is None:
        number = storage._take_number('runs', 1)
    else:
        transaction = storage._p_jar.transaction_manager.get()
        starting = numbering.shared(storage).starting
        key = keys.sort_key(taskId)
        other, number, theirs = starting.get(key, (lambda: None, 0, None))
        if (other() in (None, transaction)
                or storage._runs.get(number) is not None):
            number = storage._take_number('runs', 1)
            starting[key] = weakref.ref(transaction), number, state
        else:
            state = theirs
    put_run(storage, number, state)
    set_current(storage, taskId, number)
    return number, state


def stretch_run(storage, runId, state, moment):
    """A track that is later than the end of a stopped run moves that end."""
    if state.end is not None and state.end < moment:
        put_run(storage, runId, state._replace(end=moment))


# tracks

def save(storage, taskId, runId, userName, data, moment):
    """Save a new track in a run that exists; return its number."""
    layout = storage._layout
    if layout.plain and storage.trackFactory.__init__ is Track.__init__:
        row = Row((taskId, runId, userName, moment), codec.dump_mapping(data))
    else:
        track = storage.trackFactory(taskId, runId, userName, data)
        track.timeStamp = moment
        values, data, extras = drafted(layout, track)
        row = Row(values, codec.dump_mapping(data), extras)
    number = storage._take_number('tracks', 1)
    put(storage, number, encode_record(layout, row))
    return number


def drafted(layout, track):
    """Return the values, data and extras of a track that is not stored yet."""
    local = dict(track._local)
    data = codec.as_dict(local.pop('data'))
    values = [local.pop(name, codec.ABSENT) for name in layout.stored]
    layout.check(values)
    extras = codec.dump_mapping(local) if local else None
    return (*values, *layout.derived_values(data, track)), data, extras


def rewrite(track, values=None, data=None, extras=None):
    """Store a track again, with some of its values changed."""
    storage = track._storage
    layout = storage._layout
    source, position = track._source()
    row = [source.value(name, position) for name in layout.stored]
    if values:
        before = list(row)
        for name, value in values.items():
            row[layout.place[name]] = value
        if data is None and extras is None and _same(row, before):
            return
        _check(storage, values, row)
    if data is None:
        data = dict(source.items(position))
    stored = {**codec.load_mapping(source.extras(position)), **(extras or {})}
    draft = Row((*row, *layout.derived_values(data)), codec.dump_mapping(data),
                codec.dump_mapping(stored) if stored else None)
    put(storage, track._number, encode_record(layout, draft))
    if layout.properties:  # these read from the track as it is now
        derived = layout.derived_values(data, track)
        put(storage, track._number, encode_record(
            layout, draft._replace(values=(*row, *derived))))


def _check(storage, values, row):
    storage._layout.check(row)
    if 'runId' in values and storage._run_state(values['runId']) is None:
        raise RunError(
            f'runId: there is no run {values["runId"]!r}; allowed are the '
            f'numbers that startRun() has returned')


def _same(values, others):
    """Tell whether the values are equal and of the same types."""
    return values == others and list(map(type, values)) == list(map(type, others))


def update(track, data, overwrite, timeStamp):
    """Merge data into a track, or replace them, and renew its time stamp."""
    data = codec.as_dict(data)
    rewrite(track, values={'timeStamp': timestamps.given(timeStamp)},
            data=data if overwrite else {**track.data, **data})
