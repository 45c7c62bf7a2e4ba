"""Attributes of tracks and runs are written through."""

import pytest

from trackstore import Track, TrackingStorage


def test_attributes_and_their_indexes(client, store):
    track = store["0000001"]
    track.taskId = "moved"
    track.userName = "other"
    track.timeStamp = 5.5
    track.state = "done"
    assert store.query(taskId="moved", userName="other", state="done",
                       timeFromTo=(5.5, 5.5)) == [track]
    assert store.getTaskIds() in (["moved"], ["a", "moved"])
    assert store.getUserNames("moved") == ["other"]
    assert track.metadata == {
        "taskId": "moved", "runId": 1, "userName": "other", "timeStamp": 5.5,
        "state": "done"}
    client.manager.commit()
    assert store.count(state="done") == 1
    track.state = "open"
    assert store.count(state="done") == 0


class Task(Track):
    """A class with a default for what it has an index of."""

    metadata_attributes = Track.metadata_attributes + ("state", "owner")
    index_attributes = Track.index_attributes + ("state", "owner")
    state = "new"


@pytest.mark.parametrize("count", [1, 100])
def test_a_default_is_what_the_index_has(client, count):
    store = client.connection.root()["tasks"] = TrackingStorage(trackFactory=Task)
    store.saveTracks([("a", 0, "u", {})] * count)
    client.manager.commit()
    track = store["0000001"]
    assert (track.state, track.owner) == ("new", None)
    assert (track.indexdata["state"], track.indexdata["owner"]) == ("new", None)
    assert store.count(state="new") == store.count(owner=None) == count
    track.state = "done"
    assert (store.distinct("state"), store.count(state="new")) == (
        ["done", "new"] if count > 1 else ["done"], count - 1)
    assert store.verify() == []


def test_any_other_attribute(client, other, store):
    track = store["0000001"]
    track.note = {"deep": [1]}
    client.manager.commit()
    other.manager.begin()
    assert other.tracks["0000001"].note == {"deep": [1]}
    assert "note" not in track.data
    assert "note" not in track.metadata
    track.note = None
    assert track.note is None
    client.manager.commit()
    store.compact()
    client.manager.begin()
    assert track.note is None
    with pytest.raises(AttributeError, match="nothing"):
        track.nothing  # noqa: B018


def test_deleting_an_attribute(client, store):
    track = store["0000001"]
    track.note = 1
    client.manager.commit()
    del track.note
    assert not hasattr(track, "note")
    client.manager.commit()
    assert not hasattr(track, "note")


def test_a_run_is_written_through_and_never_stale(client, other, store):
    run = store.getRun("a")
    run.start = 3
    run.end = 7
    client.manager.commit()
    other.manager.begin()
    theirs = other.tracks.getRun("a")
    assert (theirs.start, theirs.end, theirs.finished) == (3, 7, False)
    other.tracks.stopRun("a", timeStamp=9)
    other.manager.commit()
    client.manager.begin()
    assert (run.end, run.finished) == (9, True)
    run.finished = False
    assert run.id in store.runs
    assert run.id not in store.finishedRuns
    client.manager.abort()
    assert run.finished is True
    assert run.id in store.finishedRuns
