"""A store in a file, what there is to see of it, and changes to it."""

import time

import pytest

from trackstore.tests.clients import Owner


class Place(Owner):
    """A store in a file, with one client."""

    def filled(self, count):
        """Save tracks in one transaction; return the store and what it has."""
        self.tracks.saveTracks(rows(count))
        self.commit()
        return self.tracks, summary(self.tracks)

    def commit(self):
        """Commit, and return the id of the last transaction for ``undo``."""
        self.manager.commit()
        return self.last()

    def last(self):
        log = self.db.undoLog(0, 1)
        return log[0]["id"] if log else None

    def undo(self, *ids):
        self.db.undoMultiple(ids, self.manager.get())
        self.manager.commit()

    def pack(self):
        self.db.pack(time.time() + 1)


def summary(store):
    """All that there is to see of a store."""
    assert store.verify() == []
    return ([(track.name, *track.metadata.values(), track.data)
             for track in store.values()],
            {name: {value: group.count
                    for value, group in store.groupBy(name).items()}
             for name in store.indexAttributes},
            [(run.id, run.start, run.end, run.finished)
             for runs in (store.runs, store.finishedRuns)
             for _, run in sorted(runs.items())],
            dict(store.currentRuns))


def rows(count, task="a", user="u"):
    return [(task, 0, user, {"n": n, "kind": "x"}, n) for n in range(count)]


SIZES = pytest.mark.parametrize("count", [1, 40, 6000])


def changes(store):
    """Each of the ways to change a store."""
    first = store["0000001"]
    yield lambda: store.saveUserTrack("a", 0, "u", {"n": 1})
    yield lambda: store.saveUserTrack("new", 0, "u", {"n": 1})
    yield lambda: store.saveUserTrack("a", 0, "u", {"m": 1}, update=True)
    yield lambda: store.saveTracks(rows(10, "new"))
    yield lambda: store.saveTracks(rows(6000, "new"))
    yield lambda: store.updateTrack(first, {"n": 7})
    yield lambda: store.setTrackData(first, {})
    yield lambda: first.data.pop("n", None)
    yield lambda: setattr(first, "userName", "other")
    yield lambda: setattr(first, "state", "done")
    yield lambda: store.removeTrack(first)
    yield lambda: store.removeTracks(taskId="a")
    yield lambda: store.startRun("a")
    yield lambda: store.stopRun("a")
    yield lambda: setattr(store.getRun("a"), "end", 99)
    yield lambda: store.reindexTracks()
