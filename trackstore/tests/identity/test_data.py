"""The data of a track: a dictionary that is written through."""

import copy
import pickle


def test_data_are_a_dict(store):
    data = store["0000001"].data
    assert isinstance(data, dict)
    assert data == {"n": 0, "list": [1]}
    assert repr(data) == "{'n': 0, 'list': [1]}"
    assert {**data} == dict(data) == data.copy() == {"n": 0, "list": [1]}
    assert data | {"m": 1} == {"n": 0, "list": [1], "m": 1}
    assert list(data) == ["n", "list"]


def test_each_way_to_change_data_is_written_through(client, other, store):
    track = store["0000001"]
    ways = [
        (lambda data: data.__setitem__("x", 1), lambda d: d.update(x=1)),
        (lambda data: data.update({"y": 2}, z=3), lambda d: d.update(y=2, z=3)),
        (lambda data: data.setdefault("w", 4), lambda d: d.setdefault("w", 4)),
        (lambda data: data.setdefault("w", 5), lambda d: None),
        (lambda data: data.pop("x"), lambda d: d.pop("x")),
        (lambda data: data.pop("gone", None), lambda d: None),
        (lambda data: data.__delitem__("y"), lambda d: d.pop("y")),
        (lambda data: data.popitem(), lambda d: d.popitem()),
        (lambda data: data.__ior__({"v": 6}), lambda d: d.update(v=6)),
        (lambda data: data.clear(), lambda d: d.clear()),
        (lambda data: data.update([("u", 7)]), lambda d: d.update(u=7))]
    expected = dict(track.data)
    for change, also in ways:
        change(track.data)
        also(expected)
        assert track.data == expected
        assert track.size == len(expected)
        assert store.query(size=len(expected), timeTo=10) == [track]
        client.manager.commit()
        other.manager.begin()
        assert other.tracks["0000001"].data == expected
        assert list(other.tracks["0000001"].data) == list(expected)


def test_what_changes_nothing_writes_nothing(client, store):
    track = store["0000001"]
    for read in (lambda: track.data["n"], lambda: track.data.get("gone"),
                 lambda: track.data.setdefault("n", 1),
                 lambda: track.data.pop("gone", None),
                 lambda: list(track.data.items()), lambda: repr(track),
                 lambda: track.update({}), lambda: track.data.update({}),
                 lambda: store.saveUserTrack("a", 1, "u", {}, update=True),
                 lambda: track.metadata, lambda: track.indexdata,
                 lambda: list(store.query(taskId=["a", "b"], size=2)),
                 lambda: store.getUserNames("a"), lambda: store.verify(),
                 lambda: store.info(), lambda: store.groupBy("kind", of="n"),
                 lambda: store.stopRun("nothing"), lambda: store.getRun("a"),
                 lambda: setattr(track, "taskId", "a"),
                 lambda: track.data.__setitem__("n", 0),
                 lambda: setattr(track, "data", {"n": 0, "list": [1]}),
                 lambda: setattr(store.getRun("a"), "start", 10),
                 lambda: store.indexTrack(0, track),
                 lambda: store.removeTracks(taskId="none")):
        read()
        assert not client.connection._registered_objects


def test_what_is_inside_of_a_value_is_not_shared(client, store):
    track = store["0000001"]
    track.data["list"].append(2)
    if "0000002" in store:
        assert store["0000002"].data["list"] == [1]
    given = {"list": [1]}
    track.data["given"] = given
    first = store[store.saveUserTrack("c", 0, "u", given)]
    second = store[store.saveUserTrack("c", 0, "u", given)]
    given["list"].append("later")
    assert first.data == {"list": [1]}
    first.data["list"].append("mine")
    assert second.data == {"list": [1]}
    client.manager.commit()
    client.connection.cacheMinimize()
    assert track.data["given"] == first.data == second.data == {"list": [1]}


def test_setting_a_changed_value_again_writes_it(client, store):
    track = store["0000001"]
    changed = track.data["list"]
    changed.append(2)
    track.data["list"] = changed
    client.manager.commit()
    client.connection.cacheMinimize()
    assert track.data["list"] == [1, 2]


def test_the_dict_that_was_given_stays_the_callers(store):
    given = {"n": 5}
    track = store["0000001"]
    track.data = given
    track.data["m"] = 1
    assert given == {"n": 5}
    given["k"] = 1
    assert track.data == {"n": 5, "m": 1}


def test_a_copy_of_data_is_a_plain_dict(store):
    data = store["0000001"].data
    for made in (copy.copy(data), copy.deepcopy(data), data.copy(),
                 pickle.loads(pickle.dumps(data))):
        assert type(made) is dict
        made["n"] = "changed"
        assert data["n"] == 0


def test_data_of_one_track_given_to_another(store):
    track = store["0000001"]
    other = store[store.saveUserTrack("c", 0, "u", track.data)]
    assert other.data == track.data
    other.data["n"] = "other"
    assert track.data["n"] == 0
    other.data = track.data
    assert other.data["n"] == 0
