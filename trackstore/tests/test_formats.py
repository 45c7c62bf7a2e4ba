"""Stores that were written by earlier releases open in this one."""

import gzip
from pathlib import Path

import pytest
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage

from trackstore.parts import FORMAT
from trackstore.tests import golden

FILES = sorted(Path(__file__).parent.joinpath("data").glob("format-*.fs.gz"))


@pytest.fixture(scope="module")
def expected():
    """What a store that is made now has."""
    database = DB(MappingStorage())
    root = database.open().root()
    golden.fill(root)
    yield {name: golden.content(root[name]) for name in ("plain", "visits")}
    database.close()


@pytest.fixture(params=FILES, ids=lambda path: path.name)
def root(request, tmp_path):
    path = tmp_path / "golden.fs"
    path.write_bytes(gzip.decompress(request.param.read_bytes()))
    database = DB(FileStorage(str(path)))
    yield database.open().root()
    database.close()


def test_there_is_a_file_of_the_present_format():
    assert FILES[-1].name == f"format-{FORMAT}.fs.gz"


@pytest.mark.parametrize("name", ["plain", "visits"])
def test_it_holds_what_was_saved(root, expected, name):
    tracks = root[name]
    assert tracks.verify() == []
    assert golden.content(tracks) == expected[name]


@pytest.mark.parametrize("name", ["plain", "visits"])
def test_it_goes_on_from_there(root, expected, name):
    tracks = root[name]
    count = len(tracks)
    last = int(tracks.keys()[-1])
    trackId = tracks.saveUserTrack("t1", 0, "new", {})
    assert int(trackId) == last + 1
    tracks.reindexTracks()
    assert tracks.verify() == []
    assert len(tracks) == count + 1
    tracks.removeTrack(tracks[trackId])
    assert golden.content(tracks)["tracks"] == expected[name]["tracks"]
