"""A long time, shortened, and what may not grow in it."""

import pytest

from trackstore.tests.commands import run_faults
from trackstore.tests.faults import soak


def test_soak():
    printed = run_faults("soak", "--minutes", "0.02", "--tracks", "1000")
    assert "problems 0" in printed
    assert len(printed.splitlines()) > 10


def samples(**last):
    """Return samples of a process in which nothing grows but what is given."""
    usual = soak.Sample(60, 100, 1000, 10, 50 * 2 ** 20, 10, 20_000)
    return [usual] * 20 + [usual._replace(**last)]


@pytest.mark.parametrize(("last", "sentence"), [
    ({}, None),
    ({"memory": 60 * 2 ** 20}, None),
    ({"memory": 80 * 2 ** 20},
     "bytes of memory: 83,886,080, more than 77,070,336"),
    ({"files": 12}, None),
    ({"files": 13}, "open files: 13, more than 12"),
    ({"size": 40_000, "tracks": 2000}, None),
    ({"size": 40_000}, "bytes a track and run after a pack: 40, more than 25")])
def test_the_bounds_of_a_soak(last, sentence):
    assert soak.growth(samples(**last), 60) == ([sentence] if sentence else [])
