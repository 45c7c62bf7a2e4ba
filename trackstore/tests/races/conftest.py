"""Databases that clients share."""

from contextlib import nullcontext

import pytest

from trackstore import TrackingStorage
from trackstore.tests.model import Item, small_segments


@pytest.fixture(params=["usual", "small"])
def db(request, places, tmp_path):
    """A database with a store, and one whose segments are very small.

    By default in a FileStorage; also in one of another kind.
    """
    size, _, kind = request.param.partition(" over ")
    with (small_segments(4) if size == "small" else nullcontext(),
          places.database(kind or "FileStorage", tmp_path) as db):
        db.setPoolSize(20)
        with db.transaction() as connection:
            connection.root()["store"] = TrackingStorage(trackFactory=Item)
        yield db
