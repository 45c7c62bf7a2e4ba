"""Flipped bytes: a clear error or the right answer, never a wrong one."""

import pytest

from trackstore.tests.damage.hurt import CLASSES, FLIPS, LOSS, asked, places_of
from trackstore.tests.hurting import Hurt


@pytest.mark.parametrize('name', CLASSES)
def test_a_flipped_byte_is_noticed(whole, name, tmp_path):
    """It does no harm, or what reads it says what is hurt, and so does verify."""
    data, _, _, answers = whole
    noticed = 0
    for place, mask in places_of(whole, name, FLIPS):
        with Hurt(tmp_path / 'hurt.fs', data, place, mask=mask) as tracks:
            errors = asked(tracks, answers)
            problems = tracks.verify()
        where = {error.where for error in errors}
        assert None not in where, place
        assert all(any(problem.startswith(name) for problem in problems)
                   for name in where), (place, where, problems)
        noticed += bool(problems)
    assert noticed, 'no flip did harm'


@pytest.mark.parametrize('name', CLASSES)
def test_a_repair_makes_anew_what_follows_from_the_tracks(whole, name, tmp_path):
    data, _, _, answers = whole
    mended = 0
    for place, mask in places_of(whole, name, FLIPS // 3):
        with Hurt(tmp_path / 'hurt.fs', data, place, mask=mask) as tracks:
            before = tracks.verify()
            repaired, problems = tracks.repair()
            assert bool(repaired) <= bool(before)
            assert problems == tracks.verify()
            assert name != 'IndexPage' or not problems
            mended += bool(repaired) and not problems
            if LOSS.search(' '.join(repaired)):
                answers = None
            errors = asked(tracks, answers)
            assert bool(errors) <= bool(problems), (place, errors, problems)
    assert mended or name in ('Block', 'RunTable')
