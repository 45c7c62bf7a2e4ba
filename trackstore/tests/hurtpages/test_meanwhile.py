"""What goes on while a page of the tail is hurt."""


import pytest
import transaction

from trackstore import merge, tail
from trackstore.exceptions import DamagedError
from trackstore.tests.hurtpages.pages import TEXT, hurt, hurt_track, save, texts


def test_a_query_says_what_is_hurt_and_misses_nothing(made):
    path, oids = made(lambda tracks: save(tracks, 40))
    with hurt(path, hurt_track(path, oids, 20)) as tracks:
        for ask in (tracks.query, tracks.count, tracks.keys, tracks.getTaskIds,
                    tracks.info, lambda: tracks.getLastUserTrack('t', 0, 'ann'),
                    lambda: tracks['0000020'], lambda: tracks.removeTracks(taskId='t')):
            with pytest.raises(DamagedError, match='^tail, page 1: is damaged: .*'
                               '"trackstore verify" tells'):
                ask()
        assert tracks['0000015'].data['text'] == TEXT.format(15)


def test_tracks_are_saved_beside_a_hurt_page(made):
    """To the other pages, under numbers that nothing can have; none is lost."""
    path, oids = made(lambda tracks: save(tracks, 40))
    place = hurt_track(path, oids, 20)
    for places in ([place], []):  # the second time in another process, as it were
        with hurt(path, *places) as tracks:
            saved = [tracks.saveUserTrack('t', 0, 'bob', {'text': '0000'})
                     for _ in range(600)]
            transaction.commit()
            saved += tracks.saveTracks(('t', 0, 'bob', {'text': '0000'})
                                       for _ in range(50))
            saved += tracks.saveTracks(('t', 0, 'bob', {'text': '0000'})
                                       for _ in range(700))
            transaction.commit()
            tracks[saved[0]].data['text'] = 'changed 0001'
            tracks.removeTrack(tracks[saved[1]])
            transaction.commit()
            assert len(set(saved)) == len(saved) and min(map(int, saved)) > 2 ** 20
            merge.seal(tracks)
            transaction.commit()
            assert tracks[saved[2]].userName == 'bob'
            assert len(tracks._directory.entries) >= 2
            with pytest.raises(DamagedError, match='^tail, page 1: '):
                tracks.query()
    with hurt(path) as tracks:
        assert len(tracks.repair().repaired) == 1
        found = texts(tracks)
        assert {n: found[n] for n in range(1, 41)} == {
            n: f'{n:04}' for n in range(1, 41)}
        assert len(found) == 40 + 2 * (600 + 50 + 700 - 1)
        assert tracks.verify() == []
        tracks.compact()
        assert texts(tracks) == found


def test_numbers_that_meet_a_hurt_page(made):
    path, oids = made(lambda tracks: save(tracks, 40))
    with hurt(path, hurt_track(path, oids, 20)) as tracks:
        assert tracks._pages_of('tracks') is tracks._pages
        assert tail.past_hurt(tracks._pages, 500, 1) is None
        assert tail.past_hurt(tracks._pages, 512 + 15, 1) is None
        assert tail.past_hurt(tracks._pages, 512 + 16, 1) == 512 + 32
        assert tail.past_hurt(tracks._pages, 512, 64) == 512 + 32
        assert tail.past_hurt(tracks._pages, 512 + 32, 480) is None
        assert tail.past_hurt(tracks._pages, 512, 496) == 512 + 32
        assert tail.past_hurt(tracks._pages, 512, 497) is None


def test_a_rebuild_needs_all_of_the_tail(made):
    path, oids = made(lambda tracks: save(tracks, 40))
    with hurt(path, hurt_track(path, oids, 20)) as tracks:
        with pytest.raises(DamagedError, match='^tail, page 1: '):
            tracks.reindexTracks()
        tracks.compact()
        assert tracks.repair().problems == []
        assert set(texts(tracks)) == set(range(1, 41))
