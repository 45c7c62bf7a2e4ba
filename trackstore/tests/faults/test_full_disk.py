"""Disks that are full, and have space again."""

import logging
import os

import pytest

from trackstore.tests.faults.disk import LimitedFiles, SmallDisk
from trackstore.tests.faults.place import Place


@pytest.fixture(params=[LimitedFiles, SmallDisk], ids=["limit", "tmpfs"])
def disk(request, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        disk = request.param(folder)
    except (PermissionError, FileNotFoundError) as error:
        pytest.skip(f"no small disk can be mounted: {error}")
    yield disk
    disk.close()


@pytest.fixture
def full(disk):
    """A store with 1,000 tracks on a disk that can be filled."""
    place = Place(os.path.join(disk.path, "tracks.fs"))
    place.save(990)
    for _ in range(10):
        place.save()
    yield place
    disk.free()
    place.close()


def refused(disk, act):
    with pytest.raises(OSError) as caught:
        act()
    assert caught.value.errno == disk.errno
    assert os.strerror(disk.errno) in str(caught.value)  # it says so itself


def usable_again(disk, place):
    """Before there is space: to read.  After: to write, at once and reopened."""
    place.manager.abort()
    place.check()
    disk.free()
    place.save()
    place.check()
    place.save(200)
    place.reopen()
    place.save(5)
    place.check()


@pytest.mark.parametrize("room", [0, 5000])
@pytest.mark.parametrize("count", [1, 40, 3000])
def test_a_save_on_a_full_disk(disk, full, count, room):
    disk.fill(room)
    # each of them longer than the room that there is
    rows = full.rows(count, length=6000 if count == 1 else 400)

    def act():
        full.tracks.saveTracks(rows)
        full.manager.commit()

    for _ in range(3):
        refused(disk, act)
        full.manager.abort()
        full.check()
    usable_again(disk, full)


def test_changes_on_a_full_disk(disk, full):
    disk.fill()

    def act():
        full.tracks["0000005"].data["text"] = "x" * 10_000
        del full.tracks["0000006"]
        full.manager.commit()

    refused(disk, act)
    usable_again(disk, full)


def test_upkeep_on_a_full_disk(disk, full, caplog):
    """What was saved is saved; the upkeep is made up for when there is space."""
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            disk.fill(100_000)  # enough for a page of the tail, not for a segment
            full.save(8, length=500)
            if caplog.records:
                break
    record = caplog.records[0]
    assert record.name == "trackstore.merge"
    assert "upkeep failed, and is tried again after a later commit" in caplog.text
    assert os.strerror(disk.errno) in caplog.text
    usable_again(disk, full)
    for _ in range(200):
        full.save(5)
    assert full.tracks.info()["tail"] < 600
    full.check()


def test_compaction_on_a_full_disk(disk, full):
    disk.fill()
    refused(disk, full.tracks.compact)
    usable_again(disk, full)
    full.tracks.compact()
    full.check()


def test_a_pack_on_a_full_disk(disk, full):
    full.tracks.compact()
    if isinstance(disk, LimitedFiles):
        full.save(3000, length=100)
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, disk.before[1]))
    else:
        disk.fill(10_000)
    refused(disk, full.db.pack)
    usable_again(disk, full)
    full.db.pack()
    full.reopen()
    full.check()
