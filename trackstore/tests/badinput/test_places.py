"""Ids, classes, formats and places that are none."""

from unittest import mock

import pytest

import trackstore
from trackstore import Track, TrackingStorage, parts
from trackstore.exceptions import (
    FormatError,
    OpenError,
)
from trackstore.tests.badinput.refusing import refused


@pytest.mark.parametrize("trackId", [
    "0000009", "x", "", "-1", "1", "00000001", " 000001", 1, None, ("a",), "²"])
def test_an_id_that_no_track_has(store, trackId):
    with pytest.raises(KeyError):
        store[trackId]
    with pytest.raises(KeyError):
        del store[trackId]
    assert trackId not in store
    assert store.get(trackId, "nothing") == "nothing"


def test_a_track_of_another_store(store):
    other = TrackingStorage()
    other.saveUserTrack("x", 0, "u", {})
    stranger = other["0000001"]
    for change in (store.removeTrack, lambda track: store.updateTrack(track, {"n": 9}),
                   lambda track: store.setTrackData(track, {"n": 9})):
        with pytest.raises((TypeError, ValueError)):
            change(stranger)


def test_a_track_factory_that_is_none():
    for factory in dict, "Track", None.__class__:
        with pytest.raises(TypeError, match="trackFactory"):
            TrackingStorage(trackFactory=factory)


def test_a_class_whose_metadata_leave_out_the_usual():
    with pytest.raises(TypeError, match=r"Bare.metadata_attributes.*'runId'"):
        class Bare(Track):
            metadata_attributes = ("taskId",)
            index_attributes = ("taskId",)


# formats

def test_a_store_of_a_newer_format(tmp_path):
    path = str(tmp_path / "tracks.fs")
    newer_release = mock.patch.object(parts, "FORMAT", parts.FORMAT + 1)
    with newer_release, trackstore.open(path) as newer:
        newer.saveUserTrack("a", 0, "u", {})
    words = f"format {parts.FORMAT + 1}", f"up to {parts.FORMAT}", "newer"
    with refused(FormatError, ValueError, *words), trackstore.open(path) as store:
        len(store)
    with newer_release, trackstore.open(path) as newer:
        assert len(newer) == 1


def opening(where):
    with trackstore.open(where):
        pass


def test_a_file_that_is_no_database(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("no database\n" * 100)
    with refused(OpenError, ValueError, "notes.txt"):
        opening(str(path))
    assert path.read_text() == "no database\n" * 100


def test_a_file_of_something_binary(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    before = path.read_bytes()
    with refused(OpenError, ValueError, "picture.png"):
        opening(str(path))
    assert path.read_bytes() == before


def test_a_folder_that_is_not_there(tmp_path):
    with refused(OpenError, ValueError, "nowhere"):
        opening(str(tmp_path / "nowhere" / "tracks.fs"))


def test_a_folder(tmp_path):
    with refused(OpenError, ValueError, str(tmp_path)):
        opening(str(tmp_path))


@pytest.mark.parametrize("where", [None, 5, ["a"]])
def test_a_place_that_is_no_path(where):
    with pytest.raises((OpenError, TypeError), match="where"):
        opening(where)


def test_a_place_without_a_name():
    with refused(OpenError, ValueError, "where: ''"):
        opening("")


def test_a_uri_of_an_unknown_scheme():
    with refused(OpenError, ValueError, "gopher"):
        opening("gopher://example.org/tracks")
