"""A store in a file."""

import pytest

from trackstore import TrackingStorage
from trackstore.tests.model import Item
from trackstore.tests.transactions.place import Place


@pytest.fixture
def place(tmp_path):
    place = Place(str(tmp_path / "tracks.fs"))
    place.root["tracks"] = TrackingStorage(trackFactory=Item)
    place.manager.commit()
    yield place
    place.close()
