"""For the tests of applications: a storage in memory, a clock that stands still, and
the events that were emitted.

>>> with memory_storage() as tracks, frozen_clock('2026-11-21 20:10') as clock:
...     trackId = tracks.saveUserTrack('loops', 0, 'ann', {'page': 'start'})
...     clock.advance(minutes=5)
...     tracks.updateTrack(tracks[trackId], {'page': 'end'})
...     tracks[trackId]
'0000001'
<Track ['loops', 1, 'ann', '2026-11-21 20:15']: {'page': 'end'}>
"""

import datetime
import numbers
from contextlib import contextmanager

import transaction
import ZODB
from ZODB.DemoStorage import DemoStorage

from trackstore import Track, TrackingStorage, timestamps
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.tracker import DEFAULT_TRACKER_NAME, TRACKERS, Tracker


class FrozenClock:
    """A clock that shows the same time until it is told to go on.

    It replaces the clock of trackstore inside a ``with`` block, or from
    ``start()`` to ``stop()``.  Calling it gives its time stamp.
    """

    def __init__(self, at):
        self.set(at)
        self._replaced = []

    def __repr__(self):
        return f'<FrozenClock {timestamps.timeStamp2ISO(self.now)}>'

    def __call__(self):
        return self.now

    def set(self, at):
        """Show that time: a time stamp, a datetime, or ISO text.

        Text and datetimes without a time zone are in UTC.
        """
        self.now = _seconds(at)

    def advance(self, **period):
        """Go on by ``seconds=``, ``minutes=``, ``hours=``, ``days=``, ``weeks=``.

        A negative period goes back.
        """
        seconds = datetime.timedelta(**period).total_seconds()
        self.now += int(seconds) if seconds.is_integer() else seconds

    def start(self):
        """Replace the clock of trackstore, and return this one."""
        self._replaced.append(timestamps.clock)
        timestamps.clock = self
        return self

    def stop(self):
        """Put back the clock that there was before ``start()``."""
        if not self._replaced:
            raise RuntimeError('FrozenClock.stop(): the clock was not started')
        timestamps.clock = self._replaced.pop()

    def __enter__(self):
        return self.start()

    def __exit__(self, *exception):
        self.stop()


def frozen_clock(at='2026-11-21 20:10'):
    """Return a ``FrozenClock`` that shows ``at``: see ``FrozenClock.set``."""
    return FrozenClock(at)


def _seconds(at):
    if isinstance(at, numbers.Real) and not isinstance(at, bool):
        return at
    moment = at
    if isinstance(at, str):
        moment = datetime.datetime.fromisoformat(at)
    if not isinstance(moment, datetime.datetime):
        raise TypeError(
            f'at: {at!r} is no time; allowed are a time stamp, a datetime, or text '
            f"like '2026-11-21 20:10'")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.timezone.utc)
    seconds = moment.timestamp()
    return int(seconds) if seconds.is_integer() else seconds


def memory_root():
    """Return the root mapping of a new, empty ZODB database in memory.

    Its connection belongs to the transactions of this thread, that is to
    ``transaction.commit()`` and ``transaction.abort()``.
    """
    # unlike a MappingStorage, this one lets writers save at the same time
    return ZODB.DB(DemoStorage()).open().root()


@contextmanager
def memory_storage(trackFactory=Track):
    """Yield a new storage in a database in memory, which ends with the block.

    ``trackFactory`` is the class of its tracks.  What has not been committed at
    the end of the block is aborted.
    """
    root = memory_root()
    connection = root._p_jar
    root['tracks'] = TrackingStorage(trackFactory=trackFactory)
    transaction.commit()
    try:
        yield root['tracks']
    finally:
        transaction.abort()
        connection.close()
        connection.db().close()


@contextmanager
def capture_events(tracker=None):
    """Yield a list to which the events of the block are added, and sent nowhere else.

    ``tracker`` is the one whose events are wanted; without it, the default tracker,
    for which another stands in if none is registered.  Its processors do their work,
    its backends are put back at the end of the block.

    >>> from trackstore.events import emit
    >>> with capture_events() as events:
    ...     emit('order.placed', {'order': 17})
    >>> [(event['name'], event['data']) for event in events]
    [('order.placed', {'order': 17})]
    """
    missing = tracker is None and DEFAULT_TRACKER_NAME not in TRACKERS
    if missing:
        TRACKERS[DEFAULT_TRACKER_NAME] = Tracker()
    routing = (tracker or TRACKERS[DEFAULT_TRACKER_NAME]).routing_backend
    captured = MemoryBackend(limit=None)
    captured.events = events = []
    before, routing.backends = routing.backends, {'captured': captured}
    try:
        yield events
    finally:
        routing.backends = before
        if missing:
            del TRACKERS[DEFAULT_TRACKER_NAME]
