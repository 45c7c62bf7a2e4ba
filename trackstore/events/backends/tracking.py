"""The tracking storage as a backend: each event is a track."""

import datetime
from itertools import compress

from zope.interface import implementer

from trackstore import bulk, timestamps
from trackstore.events.backends.columns import ID, Form, like_id
from trackstore.events.backends.places import place_of
from trackstore.events.event import event_of
from trackstore.events.exceptions import EventError
from trackstore.events.interfaces import IRepeatingBackend

#: The task under which the run of a session is started.
SESSION = 'session:'

_utc = datetime.timezone.utc


@implementer(IRepeatingBackend)
class TrackingBackend:
    """Saves each event as a track.

    One of these says where to:

    ``storage``
        a callable, or its path, that returns the tracking storage of the caller's
        own connection: the event joins the caller's transaction, and is there if
        and when that is committed
    ``database``
        a callable, or its path, that returns an open ``ZODB.DB``
    ``where``
        the path or URI of a database that the backend opens

    With the latter two each event, or each batch of a queue, is committed at once,
    in a transaction of its own; ``name`` is the key of the storage in the root, or
    the path to it, as for ``trackstore.open``.

    ``task``, ``session``, ``user`` and ``time`` are paths of the fields that become
    these, or lists of paths of which the first with a value counts.  The tracks of a
    session have a run of their own; events without one are in the current run of
    their task.  The rest of the event is the track's data, with JSON or text in the
    place of objects: ``event_from(track)`` gives the event back.
    """

    #: It changes no event, so nobody need keep a copy to try again.
    leaves_events_alone = True

    def __init__(self, where=None, storage=None, database=None, name='tracks',
                 task='name', session=('context.session_id', 'context.session'),
                 user=('context.user_id', 'context.user'), time='timestamp'):
        self._place = place_of(where, storage, database, name)
        self._form = Form(task, session, user, time)

    @property
    def joins(self):
        """Whether events join the transaction of the caller."""
        return self._place.joins

    def send(self, event):
        self.send_many([event])

    def send_many(self, events):
        columns = self._columns(events)
        self._place.change(lambda storage: _save(storage, columns))

    def send_again(self, events):
        events = list({event_of(event).id: event for event in events}.values())
        columns, marks = self._columns(events), self._marks(events)
        self._place.change(lambda storage: _save_lacking(storage, columns, marks))
        if not self.joins:
            # another process may have saved the same ones after this one has looked;
            # who has committed last sees what both have saved
            self._place.change(lambda storage: _remove_doubles(storage, marks))

    def holds(self, event):
        """Tell whether the storage has a track of this event."""
        mark, = self._marks([event])
        return self._place.change(lambda storage: _holds(storage, mark))

    def rest(self):
        """Let go of the database until the next event."""
        self._place.rest()

    def close(self):
        """Close the database that the backend has opened, if it has."""
        self._place.close()

    # once for all tries, and before the place is locked: values may log what they are

    def _columns(self, events):
        return self._form.columns(events, timestamps.clock())

    def _marks(self, events):
        """Return by what the track of each event is found: task, time and id."""
        events = [event_of(event) for event in events]
        tasks, times = self._form.tasks_and_times(events, None)
        return list(zip(tasks, times, [event.id for event in events], strict=True))


def _save(storage, columns):
    tasks, sessions, users, mappings, times = columns
    runs = _runs_of(storage, sessions, times)
    if len(tasks) == 1:  # cheaper than many of one
        storage.saveUserTrack(
            tasks[0], runs[0], users[0], mappings[0], timeStamp=times[0])
    else:
        storage.saveTracks(zip(tasks, runs, users, mappings, times, strict=True))


def _save_lacking(storage, columns, marks):
    lacking = [not _holds(storage, mark) for mark in marks]
    _save(storage, [list(compress(column, lacking)) for column in columns])


def _holds(storage, mark):
    return any(True for _ in _tracks(storage, mark))


def _remove_doubles(storage, marks):
    """Leave the first track of each event: whoever else looks, leaves the same."""
    places = {}
    for mark in marks:
        places.setdefault(mark[0], []).append(mark)
    for task, found in places.items():
        times = [time for _, time, _ in found]
        # mostly there are these events in their time, and no others
        if None in times or storage.count(
                taskId=task, timeFrom=min(times), timeTo=max(times)) != len(found):
            for mark in found:
                for track in list(_tracks(storage, mark))[1:]:
                    storage.removeTrack(track)


def _tracks(storage, mark):
    """Yield the tracks of an event, in the order of their ids."""
    task, time, id = mark
    for track in storage.query(taskId=task, timeFrom=time, timeTo=time):
        if track.data.get(ID) == id:
            yield track


def event_from(track):
    """Return the event that was saved as this track.

    A track that no ``TrackingBackend`` has saved is an ``EventError``.
    """
    data = dict(track.data)
    id = data.pop(ID, None)
    if id is None:
        raise EventError(
            f'track: {track!r:.200} was not saved as an event: its data have no {ID!r}')
    for key in like_id(data):
        data[key[:-1]] = data.pop(key)
    told = {'name': track.taskId}
    if 'timestamp' not in data:
        told['timestamp'] = datetime.datetime.fromtimestamp(track.timeStamp, _utc)
    return event_of(told | data, id)


def _runs_of(storage, sessions, times):
    """Return the runs of sessions, started where there are none; 0 for no session."""
    moments = bulk.first_times(sessions, times)
    moments.pop(None, None)
    tasks = {session: f'{SESSION}{session}' for session in moments}
    current = bulk.current_runs(storage, {
        tasks[session]: timestamps.given(time) for session, time in moments.items()})
    runs = {None: 0, **{session: current[task] for session, task in tasks.items()}}
    return [runs[session] for session in sessions]
