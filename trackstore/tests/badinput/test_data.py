"""Data that cannot be stored."""

import pytest

from trackstore.exceptions import (
    DataError,
    KeyValueError,
)
from trackstore.tests.badinput.refusing import (
    Unloadable,
    Unpicklable,
    refused,
    transaction_of,
)

BAD_VALUES = [Unpicklable(), Unloadable(), lambda: None, [Unpicklable()],
              {"deep": (1, lambda: None)}, (n for n in "ab")]
BAD_IDS = ["reduce", "attribute", "function", "list", "deep", "generator"]
bad_values = pytest.mark.parametrize("value", BAD_VALUES, ids=BAD_IDS)


@bad_values
def test_data_that_do_not_pickle(store, value):
    with refused(DataError, TypeError, "data['bad']", type(value).__name__):
        store.saveUserTrack("a", 0, "u1", {"good": 1, "bad": value})


@bad_values
def test_data_that_do_not_pickle_for_a_new_task(store, value):
    """The run that such a save would start is not left behind."""
    with refused(DataError, TypeError, "data['bad']"):
        store.saveUserTrack("new", 0, "u1", {"good": 1, "bad": value})


@bad_values
def test_updating_with_data_that_do_not_pickle(store, value):
    with refused(DataError, TypeError, "data['bad']"):
        store.saveUserTrack("a", 0, "u1", {"bad": value}, update=True)
    for trackId in store:
        with refused(DataError, TypeError, "data['bad']"):
            store.updateTrack(store[trackId], {"bad": value})
        with refused(DataError, TypeError, "data['bad']"):
            store[trackId].update({"bad": value}, overwrite=True)


@bad_values
def test_assigning_data_that_do_not_pickle(store, value):
    for trackId in store:
        track = store[trackId]
        with refused(DataError, TypeError, "data['bad']"):
            track.data = {"bad": value}
        with refused(DataError, TypeError, "data['bad']"):
            track.data["bad"] = value
        assert "bad" not in track.data
        with refused(DataError, TypeError, "data['bad']"):
            store.setTrackData(track, {"bad": value})
        with refused(DataError, TypeError, "note"):
            track.note = value
        assert not hasattr(track, "note")


@bad_values
def test_data_that_do_not_pickle_in_bulk(store, value):
    """The error names the record; the abort of the savepoint drops the rest."""
    savepoint = transaction_of(store).savepoint()
    records = [("a", 0, "u1", {"n": n}) for n in range(5)]
    records.append(("new", 0, "u1", {"bad": value}))
    with refused(DataError, TypeError, "data['bad']", "records[5]"):
        store.saveTracks(records)
    savepoint.rollback()


def test_a_persistent_object_in_data_is_refused(store):
    with refused(DataError, TypeError, "data['owner']", "persistent object"):
        store.saveUserTrack("a", 0, "u1", {"owner": store})


@pytest.mark.parametrize("data", [
    None, 1, "text", b"bytes", ["a", "b"], {1, 2}, [("key", 1)]])
def test_data_that_are_no_mapping(store, data):
    with refused(DataError, TypeError, "data", repr(data), "mapping"):
        store.saveUserTrack("a", 0, "u1", data)
    track = store["0000001"]
    with refused(DataError, TypeError, "mapping"):
        track.data = data
    with refused(DataError, TypeError, "mapping"):
        store.setTrackData(track, data)


@pytest.mark.parametrize("value", [[1], {"a": 1}, (1, 2), object, 1j, {1}])
def test_data_with_an_indexed_key_that_cannot_be_indexed(store, value):
    with refused(KeyValueError, TypeError, "data['kind']", repr(value)):
        store.saveUserTrack("new", 0, "u1", {"kind": value})
    for trackId in store:
        with refused(KeyValueError, TypeError, "data['kind']", repr(value)):
            store[trackId].data["kind"] = value
