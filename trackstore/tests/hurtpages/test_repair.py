"""What a repair keeps of hurt pages of the tail."""

import random
import re

import pytest
import transaction
from ZODB.POSException import ConflictError

from trackstore import merge, salvage, tail
from trackstore.tests.hurting import place_of
from trackstore.tests.hurtpages.pages import TEXT, hurt, hurt_track, save, stored, texts

# what is salvaged

def test_what_is_salvaged_of_a_page_was_in_it():
    """Whatever is flipped, no record comes out that was not there."""
    rng = random.Random(5)
    page = tail.Page('tail, page 3')
    for key in [1, 70, 300, 66_000, 2 ** 31, 2 ** 33 + 7, 2 ** 62]:
        page.put(key, rng.randbytes(rng.choice([10, 90, 400])), new=key % 2)
    page.put(70, None)
    blob, = page.__getstate__()
    entries, changed, complete = salvage._followed(blob[1:-4])
    assert dict(entries) == page.records and complete
    assert set(changed) == page.changed
    assert dict(salvage._whole_records(blob)) == {
        key: record for key, record in page.records.items() if record is not None}
    kept = 0
    for place in range(len(blob)):
        for count in (1, 40):
            bad = bytearray(blob)
            for other in range(place, min(place + count, len(blob))):
                bad[other] ^= rng.randrange(1, 256)
            found = dict(salvage._whole_records(bytes(bad)))
            assert found.items() <= page.records.items()
            kept += len(found)
            entries, changed, complete = salvage._followed(bytes(bad[1:-4]))
            if complete:
                assert {key for key, record in entries
                        if record is None and key in changed} <= {70}
    assert kept > len(blob) * 2 * 4  # of six


def test_a_checksum_is_that_of_the_key_too():
    page = tail.Page('tail, page 0')
    page.put(1, b'record', new=True)
    assert tail.is_whole(1, page.records[1])
    assert not any(tail.is_whole(key, page.records[1]) for key in (0, 2, 257, 2 ** 32))


# repair

def test_all_but_the_hurt_record_is_kept(made):
    """Also after a pack, when there is no earlier revision."""
    path, oids = made(lambda tracks: save(tracks, 40), pack=True)
    with hurt(path, hurt_track(path, oids, 20)) as tracks:
        assert tracks.verify() == [
            'tail, page 1: is damaged: its checksum is not that of its bytes']
        repaired, problems = tracks.repair()
        assert repaired == [
            'tail, page 1: was made anew with 15 records; lost: track 20']
        assert problems == [] and tracks.verify() == []
        assert texts(tracks) == {
            n: f'{n:04}' for n in range(1, 41) if n != 20}
        assert tracks.saveUserTrack('t', 0, 'ann', {}) == '0000041'


def test_an_earlier_revision_has_what_is_hurt(made):
    path, oids = made(lambda tracks: save(tracks, 40))
    with hurt(path, hurt_track(path, oids, 20)) as tracks:
        repaired, problems = tracks.repair()
        assert repaired == ['tail, page 1: was made anew with 16 records; '
                            'as before the last change: track 20']
        assert problems == []
        assert texts(tracks) == {n: f'{n:04}' for n in range(1, 41)}


def test_the_last_track_is_named_when_it_is_lost(made):
    """Its number is not given to another one."""
    path, oids = made(lambda tracks: save(tracks, 40))
    with hurt(path, hurt_track(path, oids, 40)) as tracks:
        assert tracks.repair().repaired == [
            'tail, page 2: was made anew with 8 records; lost: track 40']
        assert set(texts(tracks)) == set(range(1, 40))
        transaction.commit()
    with hurt(path) as tracks:
        assert tracks.saveUserTrack('t', 0, 'ann', {}) == '0000041'


def test_a_page_of_which_nothing_can_be_read(made):
    path, oids = made(lambda tracks: save(tracks, 40), pack=True)
    page = oids['tail'][1]
    first = place_of(path, page, TEXT.format(16).encode()) - 100
    with hurt(path, *range(first, place_of(path, page))) as tracks:
        [told], problems = tracks.repair()
        assert told.startswith('tail, page 1: was made anew with ')
        assert problems == []
        lost = set(range(1, 41)) - set(texts(tracks))
        named = re.search(r'lost: tracks? ([-, 0-9]+), so far as there were such; '
                          'what else others in it had changed or removed is as before',
                          told)[1]
        assert lost and lost == numbers(named)


def test_the_newest_page_of_which_nothing_can_be_read(made):
    path, oids = made(lambda tracks: save(tracks, 512), pack=True)
    page = oids['tail'][0]
    first = place_of(path, page, TEXT.format(512).encode()) - 40
    with hurt(path, *range(first, place_of(path, page))) as tracks:
        [told], problems = tracks.repair()
        assert 'lost: tracks 512-527, so far as there were such' in told
        assert problems == [] and set(texts(tracks)) == set(range(1, 512))
        assert tracks.saveUserTrack('t', 0, 'ann', {}) == '0000528'


def numbers(text):
    found = set()
    for part in text.split(', '):
        first, _, last = part.partition('-')
        found.update(range(int(first), int(last or first) + 1))
    return found


def test_removed_tracks_stay_removed(made):
    def fill(tracks):
        save(tracks, 32)
        merge.seal(tracks)
        for n in (17, 18, 19):
            tracks.removeTrack(tracks[f'{n:07}'])
        tracks['0000020'].data['text'] = TEXT.format(2020)
        tracks['0000021'].data['text'] = TEXT.format(2121)

    path, oids = made(fill, pack=True)
    place = place_of(path, oids['tail'][1], TEXT.format(2020).encode())
    with hurt(path, place) as tracks:
        assert tracks.repair() == ([
            'tail, page 1: was made anew with 4 records; '
            'as before the last change: track 20'], [])
        found = texts(tracks)
        assert not {17, 18, 19} & found.keys()
        assert (found[20], found[21]) == ('0020', '2121')


def test_a_repaired_page_is_sealed_like_any(made):
    path, oids = made(lambda tracks: save(tracks, 40))
    with hurt(path, hurt_track(path, oids, 20)) as tracks:
        tracks.repair()
        before = texts(tracks)
        tracks['0000021'].data['text'] = 'changed 9999'
        merge.seal(tracks)
        transaction.commit()
        assert texts(tracks) == {**before, 21: '9999'} and tracks.verify() == []


def test_who_had_read_the_page_cannot_write_it_over_the_repaired_one(made):
    path, oids = made(lambda tracks: save(tracks, 40))
    place = hurt_track(path, oids, 20)
    with hurt(path) as tracks:
        tracks['0000021'].data['text'] = 'theirs'  # not committed yet
        data = bytearray(path.read_bytes())
        with path.open('r+b') as file:
            file.seek(place)
            file.write(bytes([data[place] ^ 1]))
        manager = transaction.TransactionManager()
        other = tracks._p_jar.db().open(manager)
        other._cache.minimize()
        tracks._p_jar.db().storage._files.flush()  # what it has read of the file
        mine = other.root()['tracks']
        [told] = mine.repair().repaired
        assert told.startswith('tail, page 1: ')
        with pytest.raises(ConflictError):
            transaction.commit()
        transaction.abort()
        other.close()


def test_a_page_to_which_the_reference_is_hurt_is_found_again(made):
    path, oids = made(lambda tracks: save(tracks, 40))
    for part, name in (('tail', 'tail, page 1'), ('runs', 'runs, page 1')):
        oid = oids[part][1]
        owner = next(oid for oid in (oids['storage'], oids['table'])
                     if oids[part][1] in stored(path, oid))
        place = place_of(path, owner, oid)
        with hurt(path, place) as tracks:
            [problem] = tracks.verify()
            assert problem.startswith(f'{name}: is damaged: ')
            assert tracks.repair() == ([f'{name}: was found again'], [])
            assert texts(tracks) == {n: f'{n:04}' for n in range(1, 41)}
            assert list(tracks.runs) == [1]


def test_a_repair_goes_on_after_what_it_cannot_repair(made):
    def fill(tracks):
        save(tracks, 40)
        merge.seal(tracks)
        save(tracks, 1)

    path, oids = made(fill)
    name = b'Directory\nq\0.'  # after which the state begins
    with hurt(path, place_of(path, oids['directory'], name) + len(name),
              hurt_track(path, oids, 41, 1)) as tracks:
        before = tracks.verify()
        assert len(before) == 2 and tracks.repair() == ([], before)
