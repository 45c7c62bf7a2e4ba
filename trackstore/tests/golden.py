"""What is in the golden files: a store of each format that was released.

``python -m trackstore.tests.golden PATH`` makes one of the present format.
"""

import datetime
import sys

import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

from trackstore import Track, TrackingStorage

START = 1_700_000_000


class Visit(Track):
    """A track with metadata and indexes of its own."""

    metadata_attributes = (*Track.metadata_attributes, "state")
    index_attributes = (*Track.index_attributes, "state", "size", "weekday")
    typeName = "Visit"
    state = "new"

    @property
    def weekday(self):
        return self.timeStamp // 86400 % 7


def records(first, count):
    """Return records for ``saveTracks``."""
    return [(f"t{n % 7}", 0, f"u{n % 101}", {"size": n % 5, "text": f"no {n}"},
             START + 60 * n) for n in range(first, first + count)]


ODD = {
    "text": "é\0\ud800", "bytes": b"\0\xff", "large": 2 ** 80, "none": None,
    "yes": True, "real": -0.5, "nested": {"list": [1, {"deep": (2, 3)}]},
    "date": datetime.date(2026, 2, 28), 5: "a key that is no text",
    "moment": datetime.datetime(2026, 2, 28, 12, tzinfo=datetime.timezone.utc)}


def fill(root):
    """Make the storages; each of them has all kinds of parts."""
    plain = root["plain"] = TrackingStorage()
    visits = root["visits"] = TrackingStorage(trackFactory=Visit)
    transaction.commit()
    for tracks in (plain, visits):
        tracks.saveTracks(records(0, 17_000))
        tracks.saveTracks(records(17_000, 500))
        transaction.commit()
        for n, record in enumerate(records(17_500, 20)):
            tracks.saveUserTrack(*record[:4], timeStamp=record[4] + n / 4)
        tracks.saveUserTrack("odd", 0, None, ODD, timeStamp=START)
        tracks["0000003"].data["changed"] = True
        tracks["0000004"].userName = 4
        tracks["0000005"].colour = "red"
        del tracks["0000006"], tracks["0017003"]
        tracks.removeTracks(userName="u7")
        tracks.stopRun("t1", timeStamp=START + 99)
        tracks.stopRun("t2", finish=False, timeStamp=START + 100)
        tracks.startRun(timeStamp=START + 101)
        transaction.commit()
    visits["0000009"].state = "seen"
    transaction.commit()


def content(tracks):
    """Return all that can be asked of a storage, as plain values."""
    return {
        "tracks": [
            (track.__name__, list(track.metadata.values()), dict(track.data))
            for track in tracks.query()],
        "colour": tracks["0000005"].colour,
        "distinct": {name: tracks.distinct(name)
                     for name in tracks.indexAttributes},
        "groups": tracks.groupBy("taskId", of="size"),
        "asked": [list(tracks.query(**criteria).ids) for criteria in (
            {"taskId": "t3", "userName": "u5"}, {"userName": ["u1*", 4, None]},
            {"timeFrom": START + 3000, "timeTo": START + 9000.25})],
        "runs": [(run.id, run.taskId, run.start, run.end, run.finished)
                 for runs in (tracks.runs, tracks.finishedRuns)
                 for run in runs.values()],
        "current": dict(tracks.currentRuns),
    }


def make(path):
    """Write a file of the present format."""
    database = DB(FileStorage(path))
    connection = database.open()
    fill(connection.root())
    connection.close()
    database.pack()
    database.close()


if __name__ == "__main__":
    from trackstore.tests import golden  # not __main__, for the class's sake

    golden.make(sys.argv[1])
