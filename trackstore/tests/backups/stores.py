"""A store that is backed up, and a clock that nobody waits for."""

import os
import time

from persistent.TimeStamp import TimeStamp

import trackstore


class Clock:
    """A clock for ZODB and repozo that goes on by itself a little."""

    strftime, strptime = time.strftime, time.strptime

    def __init__(self):
        self.now = time.time() - 3600

    def time(self):
        self.now += 0.001
        return self.now

    def gmtime(self, seconds=None):
        return time.gmtime(self.time() if seconds is None else seconds)

    def sleep(self, seconds):
        self.now += seconds


class Store:
    """A store that is open for writing, with what it had after each commit."""

    def __init__(self, path, clock):
        self.path, self.clock = path, clock
        self._open = trackstore.open(path)
        self.tracks = self._open.__enter__()
        self.manager = self.tracks._p_jar.transaction_manager
        self.states = []
        self.save()

    def save(self, count=1):
        """Save tracks; take down the moment and what there is then."""
        for _ in range(count):
            self.tracks.saveUserTrack('task', 0, 'ann', {'n': len(self.tracks)})
        self.manager.commit()
        serial = self.tracks._p_jar.db().storage.lastTransaction()
        self.states.append((TimeStamp(serial).timeTime(), len(self.tracks)))

    def pack(self):
        self.tracks._p_jar.db().pack(self.clock.time())

    def close(self):
        self._open.__exit__(None, None, None)


def count(path):
    """Return the number of tracks in a restored file, which has to be right."""
    assert os.path.exists(f'{path}.index')
    with trackstore.open(path, create=False) as tracks:
        assert tracks.verify() == []
        return len(tracks)
