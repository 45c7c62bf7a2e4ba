"""A track is one object over a connection, and never stale."""

import gc

import pytest

from trackstore import Track


def test_a_track_is_one_object_whichever_way_it_is_asked_for(store):
    track = store["0000001"]
    assert store["0000001"] is track
    assert store.get("0000001") is track
    assert store.query(taskId="a")[0] is track
    assert store.query(timeTo=10)[:1][0] is track
    assert next(iter(store.query(userName="u"))) is track
    assert store.values()[0] is track
    assert next(iter(store.items()))[1] is track
    assert store.getUserTracks("a", 0, "u")[0] is track
    assert store.getUserTracks("a", 1, "u")[0] is track
    track.timeStamp = 10**6
    assert store.getLastUserTrack("a", 0, "u") is track


def test_a_track_stays_one_object_over_transactions(client, store):
    track = store["0000001"]
    store.saveUserTrack("b", 0, "u", {})
    client.manager.commit()
    assert store["0000001"] is track
    track.taskId = "moved"
    client.manager.abort()
    assert store["0000001"] is track
    store.compact()
    client.manager.begin()
    assert store["0000001"] is track
    client.connection.cacheMinimize()
    assert store["0000001"] is track


def test_each_connection_has_its_own(client, other, store):
    other.manager.begin()
    assert other.tracks["0000001"] is not client.tracks["0000001"]
    assert other.tracks["0000001"].__parent__ is other.tracks
    assert client.tracks["0000001"].__parent__ is client.tracks


def test_tracks_that_nobody_holds_take_no_memory(store):
    for track in store.query():
        assert track.taskId == "a"
    del track
    gc.collect()
    # not isinstance(): it asks lazy objects of others for their class
    held = [each for each in gc.get_objects() if issubclass(type(each), Track)]
    assert len(held) <= 2


# never stale

def test_after_an_abort(client, store):
    track = store["0000001"]
    track.data["n"] = "changed"
    track.taskId = "moved"
    track.note = "mine"
    track.timeStamp = 99
    assert (track.data["n"], track.taskId, track.note) == (
        "changed", "moved", "mine")
    client.manager.abort()
    assert (track.taskId, track.timeStamp) == ("a", 10)
    assert track.data == {"n": 0, "list": [1]}
    assert not hasattr(track, "note")


def test_after_a_rollback(client, store):
    track = store["0000001"]
    track.data["n"] = "kept"
    savepoint = client.manager.savepoint()
    track.data["n"] = "dropped"
    track.state = "dropped"
    savepoint.rollback()
    assert track.data["n"] == "kept"
    assert store.count(state="dropped") == 0
    client.manager.commit()
    assert track.data["n"] == "kept"


def test_after_a_change_by_another_client(client, other, store):
    track = store["0000001"]
    assert track.data["n"] == 0
    other.manager.begin()
    other.tracks["0000001"].data["n"] = "theirs"
    other.tracks["0000001"].taskId = "moved"
    other.manager.commit()
    assert (track.data["n"], track.taskId) == (0, "a")
    client.manager.begin()
    assert (track.data["n"], track.taskId) == ("theirs", "moved")


def test_a_change_through_data_that_were_read_before(client, other, store):
    """It is made to the data as they are now, not as they were then."""
    track = store["0000001"]
    data = track.data
    other.manager.begin()
    other.tracks["0000001"].data["theirs"] = 1
    other.manager.commit()
    client.manager.begin()
    data["mine"] = 2
    assert track.data == data == {"n": 0, "list": [1], "theirs": 1, "mine": 2}
    client.manager.abort()
    data.update(n=5)
    assert track.data == data == {"n": 5, "list": [1], "theirs": 1}


def test_after_another_client_has_compacted(client, other, store):
    track = store["0000001"]
    track.data["n"] = "changed"
    client.manager.commit()
    other.manager.begin()
    other.tracks.compact()
    assert track.data["n"] == "changed"
    client.manager.begin()
    assert track.data["n"] == "changed"
    track.data["n"] = "again"
    client.manager.commit()
    other.manager.begin()
    assert other.tracks["0000001"].data["n"] == "again"


def test_after_a_change_through_the_store(store):
    track = store["0000001"]
    store.updateTrack(track, {"more": 1})
    assert track.data["more"] == 1
    store.setTrackData(track, {"only": 1})
    assert track.data == {"only": 1}
    store.saveUserTrack(
        "new", 1, "u", {"first": 1}, timeStamp=5)
    trackId = store.saveUserTrack("new", 1, "u", {"more": 2}, update=True)
    assert store[trackId].data == {"first": 1, "more": 2}


def test_a_track_that_was_created_and_aborted(client, store):
    track = store[store.saveUserTrack("b", 0, "u", {})]
    client.manager.abort()
    for name in "taskId", "timeStamp", "data":
        with pytest.raises(KeyError, match=track.name):
            getattr(track, name)


def test_a_track_that_was_removed(client, store):
    track = store["0000001"]
    data = track.data
    store.removeTrack(track)
    for read in (lambda: track.taskId, lambda: track.data, lambda: track.note,
                 lambda: track.metadata, lambda: track.indexdata):
        with pytest.raises(KeyError, match="0000001"):
            read()
    for write in (lambda: track.update({"n": 1}),
                  lambda: setattr(track, "taskId", "b"),
                  lambda: setattr(track, "data", {}),
                  lambda: data.update(n=1)):
        with pytest.raises(KeyError, match="0000001"):
            write()
    assert "0000001" in repr(track)
    store.removeTrack(track)
    client.manager.abort()
    assert track.data["n"] == 0


def test_tracks_that_change_while_one_goes_through_them(client):
    """Each shows what it holds when it is looked at, not when it was found."""
    store = client.tracks
    store.saveTracks(("many", 0, "u", {"n": n}, n) for n in range(2000))
    client.manager.commit()
    seen = 0
    for track in store.query(taskId="many"):
        assert track.data.get("seen", 0) == seen
        seen = track.data["n"] + 1
        following = store.query(taskId="many", timeFrom=seen, timeTo=seen)
        for other in following:
            other.data["seen"] = seen
        if seen == 700:
            client.manager.commit()
    assert seen == 2000


def test_handles_of_a_dropped_answer_do_not_pile_up(client):
    store = client.tracks
    store.saveTracks(("many", 0, "u", {}, n) for n in range(5000))
    client.manager.commit()
    kept = store["0004000"]
    list(store.query(taskId="many"))
    list(store.query(taskId="many", timeTo=10))
    assert len(store._v_handles) < 100
    assert store["0004000"] is kept


def test_handles_that_are_kept_stay_the_same_while_others_come_and_go(client):
    store = client.tracks
    store.saveTracks(("many", 0, "u", {}, n) for n in range(5000))
    client.manager.commit()
    kept = list(store.query(taskId="many", timeTo=1999))
    for _ in range(3):
        list(store.query(taskId="many"))
    assert all(mine is theirs for mine, theirs in zip(
        kept, store.query(taskId="many"), strict=False))
