"""Files that were cut off."""

import os
import shutil
from random import Random

import pytest
from click.testing import CliRunner
from ZODB.FileStorage import FileStorage

import trackstore
from trackstore.cli.command import command
from trackstore.testing import frozen_clock
from trackstore.tests.faults import check
from trackstore.tests.faults.place import START, Place
from trackstore.tests.faults.work import Numbered, perform, planned
from trackstore.tests.model import small_segments


def ends(path):
    """Return where the transactions in a file end."""
    storage = FileStorage(path, read_only=True)
    found = [4]
    for record in storage.iterator():
        found.append(record._tend + 8)
    storage.close()
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / "tracks.fs"
    random = Random(8)
    with small_segments(4), frozen_clock(START):
        place = Place(path)
        place.save(300)
        states = [(place.db.getSize(), place.model.copy())]
        while len(states) < 30:
            operation = planned(random, place.model)
            perform(operation, place.model)
            perform(operation, Numbered(place.tracks))
            place.manager.commit()
            states.append((place.db.getSize(), place.model.copy()))
        place.close()
    return path, states


@pytest.fixture
def states(made):
    """A file, and the size that it had with each of its last states."""
    with small_segments(4):
        yield made


def cuts(path, states):
    """Return where to cut: anywhere, and right after whole transactions."""
    random = Random(9)
    first, last = states[0][0], os.path.getsize(path)
    assert last == states[-1][0]
    found = [random.randrange(first, last) for _ in range(14)]
    whole = [end for end in ends(str(path)) if first < end < last]
    for beyond in 0, 1, 7, 22, 23, 24:
        found.append(random.choice(whole) + beyond)
    return found


@pytest.mark.parametrize("index", ["with its index", "without it"])
def test_a_file_that_was_cut_off(states, tmp_path, index):
    path, states = states
    whole = ends(str(path))
    for n, cut in enumerate(cuts(path, states)):
        copy = tmp_path / f"{n}.fs"
        copy.write_bytes(path.read_bytes()[:cut])
        if index == "with its index":
            shutil.copy(f"{path}.index", f"{copy}.index")
        # upkeep follows a commit, so a state is reached somewhat earlier
        reached = max(n for n, (size, _) in enumerate(states) if size <= cut)
        allowed = [model for _, model in states[reached:reached + 2]]
        with trackstore.open(copy, create=False) as tracks:
            assert any(check.problems(tracks, model) == [] for model in allowed), cut
            tracks.saveUserTrack("after", 0, "u", {})
        with trackstore.open(copy, create=False) as tracks:
            assert tracks.verify() == []
            assert tracks.count(taskId="after") == 1
        beyond = cut - max(end for end in whole if end <= cut)
        kept = tmp_path / f"{n}.fs.tr0"
        assert kept.exists() == (beyond >= 23)  # less has nothing to be kept
        if beyond >= 23:
            assert kept.read_bytes()[-beyond:] == copy_of(path, cut, beyond)


def copy_of(path, end, length):
    return path.read_bytes()[end - length:end]


def test_the_command_says_that_a_file_was_cut_off(states, tmp_path):
    path, states = states
    end = [end for end in ends(str(path)) if end > states[0][0]][5]
    copy = tmp_path / "cut.fs"
    copy.write_bytes(path.read_bytes()[:end + 50])
    for _ in range(2):  # to look changes nothing
        result = CliRunner().invoke(command, ["verify", str(copy)])
        assert result.exit_code == 0, result.output
        assert "0 problems" in result.stdout
        assert (f"Warning: {copy} ends in the middle of a transaction (the last 50 "
                f"bytes); after making a copy, open it for writing once") in (
                    result.stderr)
    result = CliRunner().invoke(command, ["compact", str(copy)])
    assert "that was cut off, and is kept beside it (.tr0)" in result.stderr
    assert len((tmp_path / "cut.fs.tr0").read_bytes()) >= 50
    result = CliRunner().invoke(command, ["verify", str(copy)])
    assert result.exit_code == 0 and result.stderr == ""


def test_the_command_does_not_say_that_nothing_is_kept(states, tmp_path):
    """So few bytes that not even the head of a transaction is there."""
    path, states = states
    end = [end for end in ends(str(path)) if end > states[0][0]][5]
    copy = tmp_path / "cut.fs"
    copy.write_bytes(path.read_bytes()[:end + 22])
    result = CliRunner().invoke(command, ["compact", str(copy)])
    assert "(the last 22 bytes); that was cut off\n" in result.stderr
    assert not (tmp_path / "cut.fs.tr0").exists()
