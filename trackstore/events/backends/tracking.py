"""The tracking storage as a backend: each event is a track."""

import datetime

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
    in a transaction of its own; ``name`` is the key of the storage in the root.

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
        self._place.change(lambda storage: self._save(storage, events))

    def send_again(self, events):
        events = list({event_of(event).id: event for event in events}.values())
        self._place.change(lambda storage: self._save(storage, [
            event for event in events if not self._holds(storage, event)]))
        if not self.joins:
            # another process may have saved the same ones after this one has looked;
            # who has committed last sees what both have saved
            self._place.change(lambda storage: self._remove_doubles(storage, events))

    def holds(self, event):
        """Tell whether the storage has a track of this event."""
        return self._place.change(lambda storage: self._holds(storage, event))

    def close(self):
        """Close the database that the backend has opened, if it has."""
        self._place.close()

    def _save(self, storage, events):
        tasks, sessions, users, mappings, times = self._form.columns(
            events, timestamps.clock())
        runs = _runs_of(storage, sessions, times)
        if len(events) == 1:  # cheaper than many of one
            storage.saveUserTrack(
                tasks[0], runs[0], users[0], mappings[0], timeStamp=times[0])
        else:
            storage.saveTracks(zip(tasks, runs, users, mappings, times, strict=True))

    def _holds(self, storage, event):
        return any(True for _ in self._tracks(storage, event))

    def _remove_doubles(self, storage, events):
        """Leave the first track of each event: whoever else looks, leaves the same."""
        places = {}
        for event in events:
            criteria = self._criteria(event)
            places.setdefault(criteria['taskId'], []).append(
                (criteria['timeFrom'], event))
        for task, found in places.items():
            times = [time for time, _ in found]
            # mostly there are these events in their time, and no others
            if None in times or storage.count(
                    taskId=task, timeFrom=min(times), timeTo=max(times)) != len(found):
                for _, event in found:
                    for track in list(self._tracks(storage, event))[1:]:
                        storage.removeTrack(track)

    def _tracks(self, storage, event):
        """Yield the tracks of an event, in the order of their ids."""
        for track in storage.query(**self._criteria(event)):
            if track.data.get(ID) == event_of(event).id:
                yield track

    def _criteria(self, event):
        (task,), _, _, _, (time,) = self._form.columns([event], None)
        return {'taskId': task, 'timeFrom': time, 'timeTo': time}


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
