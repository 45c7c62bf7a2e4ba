"""Which part of an event becomes which part of a track, for many events at once."""

import datetime
import decimal
import enum
import uuid

from trackstore import keys
from trackstore.events import paths
from trackstore.events.event import event_of
from trackstore.events.plain import plain_events
from trackstore.jsonsafe import json_safe

#: The key of the data under which a track has the id of its event.
ID = 'eventId'

#: The keys that an event has, as a tracker makes it.
_USUAL = frozenset(('name', 'timestamp', 'data', 'context'))

#: What identifies and is no key itself, and what needs no look.
_IDENTIFIERS = (uuid.UUID, decimal.Decimal, enum.Enum)
_PLAIN = frozenset((str, int, type(None)))

_utc = datetime.timezone.utc
_datetime = datetime.datetime

#: Further away, a time stamp does not tell the microseconds.
_FIRST, _LAST = (_datetime(year, 1, 1, tzinfo=_utc) for year in (1900, 2100))


class Form:
    """The options ``task``, ``session``, ``user`` and ``time``, as fields are read."""

    def __init__(self, task, session, user, time):
        self._task = paths.alternatives(task, 'task')
        self._session = paths.alternatives(session, 'session')
        self._user = paths.alternatives(user, 'user')
        self._time = paths.alternatives(time, 'time')
        self._named = self._task[0] == ('name',)
        self._timed = self._time[0] == ('timestamp',)
        self._usual = self._named and self._time == (('timestamp',),)

    def columns(self, events, now):
        """Return lists of the tasks, sessions, users, data and time stamps of events.

        ``now`` is the time stamp of an event that has no time.
        """
        events = [event_of(event) for event in events]
        sessions = keys.checked_all(
            _keys(paths.column(events, self._session)), 'session')
        tasks, times = self.tasks_and_times(events, now)
        data = self._data(plain_events(events), paths.column(events, self._time))
        return tasks, sessions, _keys(paths.column(events, self._user)), data, times

    def tasks_and_times(self, events, now):
        """Return lists of the tasks and the time stamps alone."""
        return (_keys(paths.column(events, self._task)),
                _stamps(paths.column(events, self._time), now))

    def _data(self, events, times):
        """Return events without what the task and the time say, but with their ids."""
        if (self._usual and set(map(len, events)) == {len(_USUAL)}
                and all(map(_USUAL.issuperset, events)) and _are_told(times)):
            return [{'data': event['data'], 'context': event['context'], ID: event.id}
                    for event in events]
        return list(map(self._data_of, events))

    def _data_of(self, event):
        data = dict(event)
        if self._named:
            data.pop('name', None)
        if self._timed and _are_told([data.get('timestamp')]):
            del data['timestamp']
        for key in reversed(like_id(data)):
            data[f'{key}_'] = data.pop(key)
        data[ID] = event.id
        return data


def like_id(data):
    """Return the keys that would be taken for the id, the shortest first.

    An event's own are stored with a further ``_``.
    """
    return sorted(key for key in data if type(key) is str and key.rstrip('_') == ID)


def _are_told(times):
    """Tell whether time stamps tell all of these times."""
    return (set(map(type, times)) == {_datetime}
            and all(time.tzinfo is _utc for time in times)
            and min(times) >= _FIRST and max(times) < _LAST)


def _stamps(times, now):
    """Return times as time stamps; those without a zone are UTC."""
    if set(map(type, times)) == {_datetime}:
        return [time.timestamp() if time.tzinfo is not None
                else time.replace(tzinfo=_utc).timestamp() for time in times]
    return [now if time is None else time if type(time) is not _datetime
            else _stamps([time], now)[0] for time in times]


def _keys(values):
    """Return a list of values as they can be indexed: identifiers as text."""
    if _PLAIN.issuperset(map(type, values)):
        return values
    return [json_safe(value) if isinstance(value, _IDENTIFIERS)
            and keys.kind_of(value) is None else value for value in values]
