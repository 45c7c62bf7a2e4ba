"""What classes of tracks may be, and what happens when they change."""

import pytest
import transaction
from ZODB.DB import DB

import trackstore
from trackstore import Track, TrackingStorage
from trackstore.exceptions import (
    CriteriaError,
    DataError,
    FormatError,
    KeyValueError,
    OpenError,
)


def stored(cls):
    manager = transaction.TransactionManager()
    return DB(None).open(manager).root().setdefault(
        "tracks", TrackingStorage(trackFactory=cls))


class Stateful:
    state = "new"
    colour = "white"


class Mixed(Stateful, Track):
    metadata_attributes = (*Track.metadata_attributes, "state")
    index_attributes = (*Track.index_attributes, "state")


class Late(Track):

    def __init__(self, taskId, runId, userName, data=None):
        self.early = 5
        super().__init__(taskId, runId, userName, data)


class Total(Track):
    index_attributes = (*Track.index_attributes, "total")

    @property
    def total(self):
        return self.data["a"] + self.data["b"]


def test_defaults_of_a_mixin():
    tracks = stored(Mixed)
    tracks.saveUserTrack("a", 0, "u", {})
    track = tracks["0000001"]
    assert (track.state, track.colour) == ("new", "white")
    assert tracks.count(state="new") == 1
    track.state, track.colour = "done", "red"
    assert (track.state, track.colour, track.metadata["state"]) == (
        "done", "red", "done")
    assert tracks.count(state="done") == 1
    assert Stateful.state == "new"


def test_an_attribute_before_the_init_of_the_class():
    tracks = stored(Late)
    tracks.saveUserTrack("a", 0, "u", {"n": 1})
    assert (tracks["0000001"].early, tracks["0000001"].data) == (5, {"n": 1})


def test_what_belongs_to_the_class_is_not_set():
    tracks = stored(Track)
    tracks.saveUserTrack("a", 0, "u", {})
    with pytest.raises(AttributeError, match="update: cannot be set to 5"):
        tracks["0000001"].update = 5
    with pytest.raises(AttributeError, match="note: cannot be set to Ellipsis"):
        tracks["0000001"].note = ...


def test_a_property_that_fails_changes_nothing():
    tracks = stored(Total)
    tracks.saveUserTrack("a", 0, "u", {"a": 1, "b": 2})
    track = tracks["0000001"]
    with pytest.raises(DataError, match=(
            "total: the property of Total that is indexed failed with KeyError: 'b'; "
            "it may return None where there is no value")):
        track.data = {"a": 1}
    with pytest.raises(TypeError, match="total"):
        track.data = {"a": [], "b": []}
    assert track.data == {"a": 1, "b": 2}
    assert tracks.count(total=3) == 1
    with pytest.raises(DataError, match="total: the property"):
        tracks.saveUserTrack("b", 0, "u", {"a": 1})
    assert len(tracks) == 1 and "b" not in tracks.currentRuns
    with pytest.raises(DataError, match=r"records\[1\]: total: the property"):
        tracks.saveTracks([("b", 0, "u", {"a": 1, "b": 1}), ("b", 0, "u", {"a": 1})])


def test_a_class_that_lost_an_index():
    tracks = stored(Mixed)
    tracks.saveUserTrack("a", 0, "u", {})
    tracks.trackFactory = Track
    with pytest.raises(CriteriaError, match="state: is no criterion; known are task"):
        tracks.query(state="new")
    assert tracks.count(taskId="a") == 1
    tracks.setupIndexes()
    assert "state" not in tracks.indexAttributes
    assert tracks.verify() == []


def test_a_class_that_is_gone():
    tracks = stored(Track)
    tracks.trackFactory = type("Broken", (), {})
    with pytest.raises(FormatError, match="Broken.*cannot be imported"):
        len(tracks)


def test_a_store_keeps_its_class(tmp_path):
    path = tmp_path / "t.fs"
    with trackstore.open(path, trackFactory=Mixed) as tracks:
        assert tracks.trackFactory is Mixed
    with (pytest.raises(OpenError, match="trackFactory: .* has tracks of"),
          trackstore.open(path, trackFactory=Total)):
        pass
    with trackstore.open(path, trackFactory=Mixed) as tracks:
        assert len(tracks) == 0


def test_reading_what_is_not_there(tmp_path):
    with (pytest.raises(OpenError, match="there is no database"),
          trackstore.open(tmp_path / "no.fs", readOnly=True)):
        pass
    with trackstore.open(tmp_path / "t.fs"):
        pass
    with (pytest.raises(OpenError, match="has nothing under 'other'"),
          trackstore.open(tmp_path / "t.fs", "other", readOnly=True)):
        pass


def test_slots_are_refused_since_they_would_not_be_stored():
    with pytest.raises(TypeError) as error:
        class Slotted(Track):
            __slots__ = ("colour",)
    assert "Slotted.__slots__: has names" in str(error.value)
    assert "leave it out" in str(error.value)


def test_empty_slots_are_harmless():
    class Slotless(Track):
        __slots__ = ()
    store = stored(Slotless)
    store.saveUserTrack("a", 0, "u", {"x": 1})
    assert type(store["0000001"]) is Slotless
    assert store["0000001"].data == {"x": 1}


@pytest.mark.parametrize("name, why", [
    ("name", "is an attribute that every track has"),
    ("typeName", "is an attribute that every track has"),
    ("data", "is an attribute that every track has"),
    ("__name__", "is an attribute that every track has"),
    ("limit", r"is an option of query\(\)"),
    ("timeFrom", r"is an option of query\(\)")])
def test_indexes_that_could_not_be_asked(name, why):
    with pytest.raises(TypeError, match=(
            f"Bad.index_attributes: '{name}' {why}; give the index another name")):
        type("Bad", (Track,), {
            "index_attributes": (*Track.index_attributes, name)})


def test_a_property_may_hide_an_attribute_of_tracks():
    class Named(Track):
        index_attributes = (*Track.index_attributes, "name")

        @property
        def name(self):
            return self.data["name"].upper()

    tracks = stored(Named)
    tracks.saveUserTrack("a", 0, "u", {"name": "ann"})
    assert tracks.count(name="ANN") == 1


class Placed(Track):
    index_attributes = (*Track.index_attributes, "room")


def test_a_new_index_that_a_track_stands_in_the_way_of():
    manager = transaction.TransactionManager()
    root = DB(None).open(manager).root()
    root["tracks"] = tracks = TrackingStorage()
    tracks.saveTracks(("a", 0, "u", {"room": f"r{n % 3}"}) for n in range(30))
    tracks["0000030"].data = {"room": ["r1", "r2"]}
    manager.commit()
    tracks.trackFactory = Placed
    with pytest.raises(KeyValueError, match=r"track '0000030': data\['room'\]"):
        tracks.setupIndexes()
    manager.commit()  # of an application that goes on
    assert "room" not in tracks.indexAttributes
    with pytest.raises(CriteriaError, match="room: is no criterion"):
        tracks.count(room="r1")
    tracks["0000030"].data = {"room": "r1"}
    tracks.setupIndexes()
    assert (tracks.count(room="r1"), tracks.verify()) == (11, [])
