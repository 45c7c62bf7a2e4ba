"""What is known of the tracks of a segment, and of a hurt block."""


import pytest
import transaction

from trackstore import merge
from trackstore.exceptions import DamagedError
from trackstore.tests.hurting import place_of
from trackstore.tests.hurtpages.pages import TEXT, hurt, texts


def test_what_was_overridden_and_removed_before_is_known_again(made):
    """Which tracks of a segment are dead: others have them, or it was noted before."""
    def fill(tracks):
        tracks.saveTracks(('t', 0, 'ann', {'text': TEXT.format(n)})
                          for n in range(1, 101))
        tracks.removeTrack(tracks['0000007'])
        merge.seal(tracks)
        transaction.commit()
        tracks.removeTrack(tracks['0000008'])
        tracks['0000009'].data['text'] = TEXT.format(9999)
        merge.seal(tracks)

    path, _ = made(fill)
    with hurt(path) as tracks:
        grave = tracks._directory.in_order()[0][1].grave._p_oid
    with hurt(path, place_of(path, grave) - 10) as tracks:
        assert tracks.verify()[0].startswith('segment 1-100, its removed tracks: is ')
        assert tracks.repair() == (
            ['segment 1-100, its removed tracks: were made anew; there again though '
             'removed: 1 of 3'], [])
        found = texts(tracks)
        assert 7 not in found and found[8] == '0008' and found[9] == '9999'


def test_a_change_of_a_hurt_block_is_a_damaged_error(made):
    path, _ = made(lambda tracks: tracks.saveTracks(
        ('t', 0, 'ann', {'n': n}) for n in range(600)))
    with hurt(path) as tracks:
        block = tracks._directory.in_order()[0][1].segment.blocks[0]._p_oid
    name = b'Block\nq\0.'  # after which the state begins
    with hurt(path, place_of(path, block, name) + len(name)) as tracks:
        track = next(iter(tracks.query(limit=1)))
        for change in (lambda: setattr(track, 'userName', 'bob'),
                       lambda: tracks.setTrackData(track, {}),
                       lambda: track.update({'a': 1})):
            with pytest.raises(DamagedError, match='^segment 1-600, block 0: '):
                change()
