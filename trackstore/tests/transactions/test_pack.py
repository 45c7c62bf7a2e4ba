"""Pack and copies, as with any object in ZODB."""

import shutil

from ZODB.FileStorage import FileStorage

from trackstore import TrackingStorage
from trackstore.tests.transactions.place import SIZES, Place, changes, rows, summary


@SIZES
def test_pack_at_any_time_changes_nothing(place, count):
    store = place.tracks
    store.saveTracks(rows(count))
    for change in list(changes(store))[:10]:
        change()
        place.commit()
        before = summary(store)
        place.pack()
        assert summary(store) == before
        place.connection.cacheMinimize()
        assert summary(store) == before
    store.compact()
    place.manager.begin()
    assert summary(store) == before
    place.pack()
    place.reopen()
    assert summary(place.tracks) == before


def test_pack_amid_a_transaction(place):
    store = place.tracks
    store.saveTracks(rows(100))
    place.commit()
    store.saveTracks(rows(6000, "b"))
    del store["0000050"]
    place.manager.savepoint()
    place.pack()
    store.saveUserTrack("c", 0, "u", {})
    before = summary(store)
    place.commit()
    place.pack()
    place.reopen()
    assert summary(place.tracks) == before


def test_pack_gives_back_the_space_of_what_was_merged(place):
    store = place.tracks
    for n in range(20):
        store.saveTracks(rows(1000, f"task{n}"))
        place.commit()
    store.compact()
    place.manager.begin()
    place.pack()
    packed = place.db.getSize()
    store.removeTracks(taskId="task*")
    place.commit()
    store.compact()
    place.manager.begin()
    place.pack()
    assert place.db.getSize() < packed / 4
    assert summary(store)[0] == []


# copies

def test_a_copy_of_the_database_is_the_same_store(place, tmp_path):
    store = place.tracks
    store.saveTracks(rows(6000))
    store.saveUserTrack("b", 0, "u", {})
    del store["0000002"]
    place.commit()
    path = str(tmp_path / "copy.fs")
    copied = FileStorage(path)
    copied.copyTransactionsFrom(place.db.storage)
    copied.close()
    copy = Place(path)
    try:
        assert summary(copy.tracks) == summary(store)
        assert copy.tracks.saveUserTrack("c", 0, "u", {}) == "0006002"
        copy.commit()
        assert "0006002" not in store
        assert copy.tracks.verify() == []
    finally:
        copy.close()


def test_a_copy_of_the_file_is_the_same_store(place, tmp_path):
    place.tracks.saveTracks(rows(50))
    place.commit()
    place.tracks["0000007"].state = "seen"
    place.commit()
    expected = summary(place.tracks)
    shutil.copy(place.path, tmp_path / "copied.fs")
    copy = Place(str(tmp_path / "copied.fs"))
    try:
        assert summary(copy.tracks) == expected
    finally:
        copy.close()


def test_two_stores_in_one_database_have_nothing_in_common(place):
    one = place.tracks
    two = place.root["two"] = TrackingStorage()
    one.saveTracks(rows(40))
    two.saveTracks(rows(30, "b"))
    place.commit()
    assert one.saveUserTrack("a", 0, "u", {}) == "0000041"
    assert two.saveUserTrack("a", 0, "u", {}) == "0000031"
    assert two.getTaskIds() == ["a", "b"]
    assert one["0000001"] is not two["0000001"]
    two.removeTracks(taskId="b")
    assert len(one) == 41
    assert len(two) == 1


def test_a_store_exported_and_imported(place, tmp_path):
    place.tracks.saveTracks(rows(6000))
    place.tracks.saveUserTrack("b", 0, "u", {})
    place.commit()
    with open(tmp_path / "store.zexp", "w+b") as file:
        place.connection.exportFile(place.tracks._p_oid, file)
        file.seek(0)
        place.root["copy"] = copy = place.connection.importFile(file)
    place.commit()
    assert summary(copy) == summary(place.tracks)
    copy.saveUserTrack("new", 0, "u", {})
    place.commit()
    assert len(copy) == len(place.tracks) + 1
    assert place.tracks.verify() == copy.verify() == []
