"""Processes that are killed, above all while they pack."""

import os
import shutil

import pytest

import trackstore
from trackstore.exceptions import OpenError
from trackstore.tests.commands import run_faults


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_kill():
    printed = run_faults("kill", "--rounds", "12", "--seed", "a test")
    assert "rounds                               12" in printed
    assert "problems                              0" in printed


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_kill_while_copying():
    printed = run_faults("kill", "--rounds", "6", "--seed", "a copy",
                         "--aim", "copying", "--aim", "writing to the copy")
    assert "killed while writing to the copy" in printed
    assert "problems                              0" in printed


def cut_short(path):
    """Leave the files as a pack does that ends between its two renamings."""
    with trackstore.open(path) as tracks:
        tracks.saveTracks(("a", 0, "u", {}) for _ in range(100))
    shutil.copy(path, f"{path}.pack")
    os.rename(path, f"{path}.old")


def test_a_pack_that_ended_between_its_renamings_is_taken_back(tmp_path):
    path = tmp_path / "tracks.fs"
    cut_short(path)
    with pytest.raises(OpenError) as caught:
        trackstore.open(path, readOnly=True).__enter__()
    assert str(caught.value) == (
        f"where: '{path}' was being packed when its process ended, and is "
        f"'{path}.old' now; open it for writing once, to move it back")
    with trackstore.open(path, create=False) as tracks:
        assert len(tracks) == 100
        assert tracks.verify() == []
        tracks._p_jar.db().pack()
    with trackstore.open(path, readOnly=True) as tracks:
        assert len(tracks) == 100


def test_a_pack_is_taken_back_by_its_uri(tmp_path):
    pytest.importorskip("zodburi")
    path = tmp_path / "tracks.fs"
    cut_short(path)
    with trackstore.open(f"file://{path}?connection_pool_size=2") as tracks:
        assert len(tracks) == 100


def test_a_pack_of_somebody_else_is_left_alone(tmp_path):
    path = tmp_path / "tracks.fs"
    cut_short(path)
    shutil.copy(f"{path}.old", path)
    with trackstore.open(path):
        os.remove(path)  # the other one is between its renamings
        with pytest.raises(OpenError, match="is open already"):
            trackstore.open(path).__enter__()
    assert os.path.exists(f"{path}.old")


def test_an_old_file_alone_is_no_store(tmp_path):
    """Who has moved a store away gets a new one."""
    path = tmp_path / "tracks.fs"
    cut_short(path)
    os.remove(f"{path}.pack")
    with trackstore.open(path) as tracks:
        assert len(tracks) == 0
