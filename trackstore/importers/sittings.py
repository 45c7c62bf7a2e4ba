"""Sittings: the tracks of a user with no longer pause between two of them.

A log is not quite in order, so a track goes to the sitting that its own time
puts it in.  What is known of recent sittings is kept with the state of the
import, so that a sitting goes on where a log has grown or has been rotated.
"""

import pickle
import zlib
from operator import itemgetter

from persistent import Persistent

IDLE = 30 * 60      # seconds
WINDOW = 4          # pauses after which a sitting is over for good
MOST = 10_000       # sittings that are kept in a window

_last = itemgetter(2)


class Window(Persistent):
    """The sittings that are kept, packed; an object of its own, as it is large."""

    def __init__(self):
        self.packed = _pack({})


class Sittings(Persistent):
    """Gives each row the run of its user's sitting.

    ``oldest`` and ``newest`` are the time stamps between which sittings are
    known: those that ended at most ``WINDOW`` pauses before the newest track.
    """

    oldest = newest = None

    def __init__(self, idle=IDLE):
        self.idle = idle
        self.window = Window()

    def records(self, storage, rows):
        """Return the records of the rows, for ``saveTracks``.

        Rows of one call may be in any order.  A row that comes later than
        that goes to a sitting that it is near to; if it lies between two, to
        the later one.
        """
        if not rows:
            return []
        known = self._known()
        changed = {}
        tasks, _, users, data, times, _ = zip(*rows, strict=True)
        runs = [0] * len(rows)
        idle = self.idle
        order = sorted(range(len(rows)), key=times.__getitem__)
        for index in order:
            user, time = users[index], times[index]
            sittings = known.get(user)
            if sittings is None:
                sittings = known[user] = []
            for sitting in reversed(sittings):
                if sitting[1] - idle <= time <= sitting[2] + idle:
                    if time > sitting[2]:
                        sitting[2] = time
                    elif time < sitting[1]:
                        sitting[1] = changed[sitting[0]] = time
                    break
            else:
                sitting = [storage.startRun(timeStamp=time), time, time]
                sittings.append(sitting)
            runs[index] = sitting[0]
        for number, time in changed.items():
            storage.getRun(runId=number).start = time
        self._keep(storage, known, times[order[-1]])
        return zip(tasks, runs, users, data, times, strict=True)

    def inherit(self, others, first, last):
        """Take over the sittings of others that tracks of these times may go on."""
        known = {}
        for other in others:
            if (other.newest is not None and first <= other.newest + self.idle
                    and last >= other.oldest - self.idle):
                for user, sittings in other._known().items():
                    mine = {sitting[0]: sitting for sitting in known.get(user, ())}
                    for run, start, end in sittings:
                        _, low, high = mine.get(run, (run, start, end))
                        mine[run] = [run, min(low, start), max(high, end)]
                    known[user] = sorted(mine.values(), key=_last)
        self._v_known, self.window.packed = known, _pack(known)

    def _known(self):
        """Return a dictionary from user to lists of run, first and last time."""
        known = self.__dict__.get('_v_known')
        if known is None:
            known = self._v_known = pickle.loads(
                zlib.decompress(self.window.packed))
        return known

    def _keep(self, storage, known, newest):
        """Keep the sittings that may go on; end the runs of the others."""
        limit = newest - WINDOW * self.idle
        ends = sorted(_last(sitting) for sittings in known.values()
                      for sitting in sittings)
        if len(ends) > MOST:
            limit = max(limit, ends[-MOST])
        for user, sittings in list(known.items()):
            over = [sitting for sitting in sittings if sitting[2] < limit]
            for sitting in over:
                _stop(storage, sitting[0], sitting[2])
                sittings.remove(sitting)
            if not sittings:
                del known[user]
        self.oldest, self.newest = limit, newest
        self._v_known, self.window.packed = known, _pack(known)


def _stop(storage, number, last):
    """Finish a run, unless a source that shares it has done so later than that."""
    run = storage.getRun(runId=number)
    if not (run.finished and run.end >= last):
        storage.stopRun(runId=number, timeStamp=last)


def _pack(known):
    return zlib.compress(pickle.dumps(known, 5), 1)
