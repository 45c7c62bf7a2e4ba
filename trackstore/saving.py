"""Saving single tracks, and changing them."""

from trackstore import codec, damage, keys, merge, numbering, tail, timestamps
from trackstore.directory import Entry
from trackstore.exceptions import RunError
from trackstore.record import Row, encode_record
from trackstore.run import RunState
from trackstore.segment import SegmentBuilder
from trackstore.track import Track

#: A new track of more bytes is not put into the tail.
LARGE = 8192


def put(storage, number, record, new=False):
    """Put a record into the tail, None to remove a track."""
    page = storage._page(number)
    page.put(number, record, new)
    if len(page.records) > tail.PAGE_SIZE:
        merge.schedule(storage)


# runs

def put_run(storage, number, state, new=False):
    """Set the state of a run."""
    if storage._runs.put(number, state, new):
        merge.schedule(storage)


def set_current(storage, taskId, number):
    """Set the current run of a task, None for none."""
    if storage._runs.set_current(taskId, number):
        merge.schedule(storage)


def run_for(storage, taskId, runId, timeStamp):
    """Return the number and the state of the run that a track is to have.

    And whether it is new: then ``start_run`` is to be called.
    """
    if runId is None or (type(runId) is int and runId == 0):
        runId = storage._runs.get_current(taskId)
        if not runId:
            return *_new_run(storage, taskId, timeStamp), True
    return runId, existing_run(storage, runId), False


def existing_run(storage, runId):
    """Return the state of a run, or raise ``RunError``."""
    state = storage._run_state(runId)
    if state is None:
        raise RunError(
            f'runId: there is no run {runId!r}; allowed are 0 (the current run '
            f'of the task) and the numbers that startRun() has returned')
    return state


def _new_run(storage, taskId, timeStamp):
    """Return a run for a task: the one that another transaction is starting.

    So two that save the first track of a task at the same time make the same
    entries, and do not conflict.
    """
    state = RunState(taskId, timeStamp, None, False)
    if storage._p_jar is None:
        return storage._take_number('runs', 1), state
    shared = numbering.shared(storage)
    numbers, starting = shared.numberings['runs'], shared.starting
    mine = shared.started_in(storage._p_jar.transaction_manager.get())
    key = keys.sort_key(taskId)
    found = starting.get(key)
    if (found is not None and found is not mine.get(key)
            and storage._runs.get(found.number) is None
            and numbers.join(found.taken_back)):
        return found.number, found.state
    number = storage._take_number('runs', 1)
    mine[key] = starting[key] = numbering.Start(number, state, numbers.taken_back)
    return number, state


def start_run(storage, taskId, number, state):
    """Make a run the current one of the task."""
    put_run(storage, number, state, new=True)
    set_current(storage, taskId, number)


def stretch_run(storage, runId, state, moment):
    """A track that is later than the end of a stopped run moves that end."""
    if state.end is not None and state.end < moment:
        put_run(storage, runId, state._replace(end=moment))


# tracks

def save(storage, taskId, run, userName, data, moment):
    """Save a new track in a run as ``run_for`` tells; return its number.

    What cannot be stored is refused before anything is changed.
    """
    layout = storage._layout
    runId, state, new = run
    if layout.plain and storage.trackFactory.__init__ is Track.__init__:
        row = Row((taskId, runId, userName, moment), codec.dump_mapping(data))
    else:
        track = storage.trackFactory(taskId, runId, userName, data)
        track.timeStamp = moment
        values, data, extras = drafted(layout, track)
        row = Row(values, codec.dump_mapping(data), extras)
    if new:
        start_run(storage, taskId, runId, state)
    else:
        stretch_run(storage, runId, state, moment)
    number = storage._take_number('tracks', 1)
    add(storage, number, row)
    return number


def add(storage, number, row):
    """Add a new track: to the tail, where it is written again with others.

    A large one therefore makes a segment of its own.
    """
    layout = storage._layout
    record = encode_record(layout, row)
    if len(record) <= LARGE:
        put(storage, number, record, new=True)
        return
    builder = SegmentBuilder(layout.columns)
    columns = {name: [value]
               for name, value in zip(layout.columns, row.values, strict=True)}
    builder.add([number], columns, [codec.load_mapping(row.data)], [row.extras])
    segment, low, high = builder.build()
    storage._new_segments.add(Entry(segment, number, number, 1, low, high))
    merge.schedule_if_due(storage)


def drafted(layout, track):
    """Return the values, data and extras of a track that is not stored yet."""
    local = dict(track._local)
    data = codec.as_dict(local.pop('data'))
    values = [local.pop(name) if name in local else getattr(track, name)
              for name in layout.stored]
    values = layout.checked(values)
    extras = codec.dump_mapping(local) if local else None
    return (*values, *layout.derived_values(data, track)), data, extras


def rewrite(track, values=None, data=None, extras=None):
    """Store a track again, with some of its values changed.

    An extra that is ABSENT is taken out.  Nothing is written where nothing
    changes.
    """
    storage, number = track._storage, track._number
    layout = storage._layout
    source, position = track._source()
    damage.loaded(source)
    before = [source.value(name, position) for name in layout.columns]
    row = before[:len(layout.stored)]
    for name, value in (values or {}).items():
        row[layout.place[name]] = value
    row = _checked(storage, values or {}, row)
    old_data = source.data_at(position)
    data = old_data if data is None else data
    old_extras = codec.load_mapping(source.extras(position))
    extras = {name: value for name, value in {**old_extras, **(extras or {})}.items()
              if value is not codec.ABSENT}
    draft = None
    if layout.properties:  # these read from the track as it will be
        draft = Track.__new__(type(track))
        draft._local.update(extras, **dict(zip(layout.stored, row, strict=True)),
                            data=data)
    new = Row((*row, *layout.derived_values(data, draft)), codec.dump_mapping(data),
              codec.dump_mapping(extras) if extras else None)
    old = Row(before, codec.dump_mapping(old_data),
              codec.dump_mapping(old_extras) if old_extras else None)
    if not _same(new, old):
        put(storage, number, encode_record(layout, new))


def _checked(storage, values, row):
    row = storage._layout.checked(row)
    if 'runId' in values and storage._run_state(values['runId']) is None:
        raise RunError(
            f'runId: there is no run {values["runId"]!r}; allowed are the '
            f'numbers that startRun() has returned')
    return row


def _same(row, other):
    """Tell whether two rows are equal, the types of their values too."""
    return row[1:] == other[1:] and all(
        type(mine) is type(theirs) and mine == theirs
        for mine, theirs in zip(row.values, other.values, strict=True))


def update(track, data, overwrite, timeStamp):
    """Merge data into a track, or replace them, and renew its time stamp."""
    data = codec.as_dict(data)
    rewrite(track, values={'timeStamp': timestamps.given(timeStamp)},
            data=data if overwrite else {**track.data, **data})
