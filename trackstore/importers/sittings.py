"""Sittings: the tracks of a user with no longer pause between two of them.

A log is not quite in order, so a track goes to the sitting that its own time
puts it in.  The run of a sitting is finished when its user has been idle for
a pause; a late track may still stretch it.

What is known of recent sittings is kept with the state of the import, so that a
sitting goes on where a log has grown or has been rotated.
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
    The runs of sittings that ended before ``finished`` are finished.
    ``shared`` are runs in which another source may have tracks too.
    """

    oldest = newest = finished = None
    shared = frozenset()

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
        changed, touched = {}, set()
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
                        touched.add(sitting[0])
                    elif time < sitting[1]:
                        sitting[1] = changed[sitting[0]] = time
                    break
            else:
                sitting = [storage.startRun(timeStamp=time), time, time]
                sittings.append(sitting)
                touched.add(sitting[0])
            runs[index] = sitting[0]
        for number, time in changed.items():
            storage.getRun(runId=number).start = time
        self.newest = times[order[-1]]
        self.oldest = self._limit(known)
        self._finish(storage, known, max(self.newest - idle, self.oldest), touched)
        self._keep(known)
        return zip(tasks, runs, users, data, times, strict=True)

    def inherit(self, others, first, last):
        """Take over the sittings of others that tracks of these times may go on."""
        known = {}
        for other in others:
            if (other.newest is not None and first <= other.newest + self.idle
                    and last >= other.oldest - self.idle):
                runs = frozenset(sitting[0] for sittings in other._known().values()
                                 for sitting in sittings)
                other.shared |= runs
                self.shared |= runs
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

    def _finish(self, storage, known, limit, touched):
        """Finish the runs of the sittings that ended before the limit.

        Those before the last limit are finished already, unless touched now.
        """
        before = self.finished
        for sittings in known.values():
            for run, _, end in sittings:
                if end < limit and (
                        before is None or end >= before or run in touched):
                    _stop(storage, run, end, run in self.shared)
        self.finished = limit

    def _limit(self, known):
        """Return the time before which a sitting that has ended is over."""
        limit = self.newest - WINDOW * self.idle
        ends = sorted(_last(sitting) for sittings in known.values()
                      for sitting in sittings)
        return max(limit, ends[-MOST]) if len(ends) > MOST else limit

    def _keep(self, known):
        """Keep the sittings that may go on."""
        for user, sittings in list(known.items()):
            sittings[:] = [sitting for sitting in sittings
                           if sitting[2] >= self.oldest]
            if not sittings:
                del known[user]
        if self.shared:
            self.shared &= {sitting[0] for sittings in known.values()
                            for sitting in sittings}
        self._v_known, self.window.packed = known, _pack(known)


def _stop(storage, number, last, shared):
    """Finish a run; one that is shared may have later tracks elsewhere."""
    run = storage.getRun(runId=number)
    if shared:
        last = max(last, run.end)
    if not (run.finished and run.end >= last):
        storage.stopRun(runId=number, timeStamp=last)


def _pack(known):
    return zlib.compress(pickle.dumps(known, 5), 1)
