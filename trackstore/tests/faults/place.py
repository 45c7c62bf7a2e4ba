"""A store that a fault comes over, and what was committed to it."""

from random import Random

from trackstore import TrackingStorage
from trackstore.tests.clients import Owner
from trackstore.tests.faults import check
from trackstore.tests.faults.work import Numbered
from trackstore.tests.model import Item, Model

START = 1_700_000_000


class Place(Owner):
    """A store in a file, with a client, and the model of what was committed."""

    def __init__(self, path):
        super().__init__(path)
        self.model = Model(now=START)
        self.root["tracks"] = TrackingStorage(trackFactory=Item)
        self.commit()

    def save(self, count=1, task="a", length=10, when=None):
        """Save tracks in one transaction, and take them down in the model."""
        rows = self.rows(count, task, length, when)
        Numbered(self.tracks).saveTracks(rows)
        self.manager.commit()
        self.model.saveTracks(rows)

    def rows(self, count=1, task="a", length=10, when=None):
        random = Random(f"{count} {length} {len(self.model.tracks)}")
        return [(task, 0, f"u{n % 5}", {"n": n, "text": random.randbytes(length)},
                 START + n if when is None else when) for n in range(count)]

    def check(self):
        assert check.problems(self.tracks, self.model) == []
