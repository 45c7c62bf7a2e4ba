"""A store that a fault comes over."""

import pytest

from trackstore.tests.faults.place import Place


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path / "tracks.fs")
    yield place
    place.close()
