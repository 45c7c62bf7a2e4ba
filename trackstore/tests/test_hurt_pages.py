"""Hurt pages of the tail and of the runs: what goes on, and what a repair keeps."""

import random
import re
from contextlib import contextmanager

import pytest
import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage
from ZODB.POSException import ConflictError

import trackstore
from trackstore import merge, salvage, tail
from trackstore.exceptions import DamagedError
from trackstore.tests.hurting import Hurt, place_of

pytestmark = pytest.mark.usefixtures('quiet')

#: What is in the bytes of the n-th track.
TEXT = 'track number {:04}'


def save(tracks, count):
    """Save tracks one by one, in a commit each."""
    for n in range(1, count + 1):
        tracks.saveUserTrack('t', 0, 'ann', {'text': TEXT.format(n)}, timeStamp=n)
        transaction.commit()


def texts(tracks):
    return {int(track.__name__): track.data['text'][-4:] for track in tracks.values()}


@pytest.fixture
def made(tmp_path):
    """Return a function that makes a store; it returns its path and object ids."""

    def make(fill, pack=False):
        path = tmp_path / 'made.fs'
        database = DB(FileStorage(str(path)))
        tracks = database.open().root()['tracks'] = trackstore.TrackingStorage()
        transaction.commit()
        fill(tracks)
        transaction.commit()
        if pack:
            database.pack()
        oids = {'tail': [page._p_oid for page in tracks._pages],
                'runs': [page._p_oid for page in tracks._runs.pages],
                'current': [page._p_oid for page in tracks._runs.current_pages],
                'done': tracks._runs.done._p_oid, 'storage': tracks._p_oid,
                'table': tracks._runs._p_oid, 'directory': tracks.directory._p_oid}
        database.close()
        return path, oids

    return make


@contextmanager
def hurt(path, *places):
    with Hurt(path, path.read_bytes(), *places) as tracks:
        yield tracks


def hurt_track(path, oids, number, n=None):
    """Return the place of a byte in the record of a track in the tail, the n-th one."""
    return place_of(path, oids['tail'][tail.page_number(number, tail.PAGES)],
                    TEXT.format(n or number).encode())


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


def stored(path, oid):
    storage = FileStorage(str(path), read_only=True)
    try:
        return storage.load(oid)[0]
    finally:
        storage.close()


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


# what goes on meanwhile

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


# runs

def start(tracks):
    """Start a run for each of forty tasks; stop some."""
    for n in range(1, 41):
        tracks.startRun(f'task {n}', timeStamp=n)
        transaction.commit()
    for n in (3, 18, 19):
        tracks.stopRun(f'task {n}', timeStamp=100 + n)
    tracks.saveUserTrack('task 20', 20, 'ann', {}, timeStamp=50)


def states(tracks):
    return {number: run for number in range(1, 50)
            if (run := tracks._runs.get(number)) is not None}


@pytest.mark.parametrize('pack', [False, True])
def test_all_but_the_hurt_run_is_kept(made, pack):
    path, oids = made(start, pack)
    with hurt(path) as tracks:
        whole, current = states(tracks), dict(tracks.currentRuns)
    place = place_of(path, oids['runs'][1], b'task 22')
    with hurt(path, place) as tracks:
        runs = tracks.startRun('more'), tracks.startRun('more')
        transaction.commit()
        assert runs == (2 ** 20 + 41, 2 ** 20 + 42)
        [told], problems = tracks.repair()
        assert problems == []
        found = states(tracks)
        if pack:
            assert told == 'runs, page 1: was made anew with 15 runs; lost: run 22'
            del whole[22], current['task 22']
            assert {task: run for task, run in tracks.currentRuns.items()
                    if run != 22 and task != 'more'} == current
        else:
            assert told == ('runs, page 1: was made anew with 16 runs; '
                            'as before the last change: run 22')
            assert tracks.currentRuns['task 22'] == 22
        assert found == whole


def test_a_run_that_has_tracks_is_made_anew(made):
    path, oids = made(start, pack=True)
    with hurt(path, place_of(path, oids['runs'][1], b'task 20')) as tracks:
        assert tracks.repair() == (['runs, page 1: was made anew with 16 runs; as the '
                                    'tracks tell: run 20'], [])
        assert tracks.getRun(runId=20).taskId == 'task 20'


def test_current_runs_follow_from_the_runs(made):
    path, oids = made(start, pack=True)
    with hurt(path) as tracks:
        current = dict(tracks.currentRuns)
        assert 'task 19' not in current and current['task 20'] == 20
    places = [place_of(path, oid) - 10 for oid in oids['current']]
    with hurt(path, *places) as tracks:
        assert len(tracks.repair().repaired) == 4
        assert dict(tracks.currentRuns) == current and tracks.verify() == []


def test_a_ledger_is_made_anew_from_its_leaves(made):
    def fill(tracks):
        start(tracks)
        tracks._runs.seal()

    path, oids = made(fill)
    with hurt(path) as tracks:
        whole = states(tracks)
    with hurt(path, place_of(path, oids['done']) - 12) as tracks:
        with pytest.raises(DamagedError, match='^the done runs: is damaged: '):
            list(tracks.finishedRuns)
        assert tracks.repair() == (
            ['the done runs: were made anew from 1 page'], [])
        assert states(tracks) == whole and list(tracks.finishedRuns) == [3, 18, 19]


# others

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
