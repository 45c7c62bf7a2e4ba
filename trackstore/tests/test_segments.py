"""The directories of several writers, and small blocks within their segment."""

from random import Random

import pytest
import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage
from ZODB.utils import get_pickle_metadata

from trackstore import TrackingStorage, block, merge, numbering, segment
from trackstore.criteria import Not
from trackstore.directory import Directory
from trackstore.exceptions import DamagedError
from trackstore.tests import test_leases

database, processes = test_leases.database, test_leases.processes


def batch(name, count=100):
    return [(f't-{name}', 0, name, {'n': n}, 1e9 + n) for n in range(count)]


def save_together(processes, count=100):
    for n, process in enumerate(processes):
        process.manager.begin()
        process.tracks.saveTracks(batch(f'w{n}', count))
    for process in processes:
        process.manager.commit()


def start_runs(processes):
    for n, process in enumerate(processes):
        process.manager.begin()
        process.tracks.startRun(f't-w{n}')
        process.manager.commit()


def sizes(tracks):
    return [len(each.entries) for each in (tracks.directory, *tracks.directories)]


def test_each_writer_has_a_directory_of_its_own(processes, monkeypatch):
    def conflict(*states):
        raise AssertionError('two writers have changed one directory')

    start_runs(processes)
    monkeypatch.setattr(Directory, '_p_resolveConflict', conflict)
    for _ in range(3):
        save_together(processes)
    for process in processes:
        process.manager.begin()
        tracks = process.tracks
        assert sizes(tracks) == [0, 3, 3, 3, 0, 0, 0, 0, 0]
        assert [tracks.count(userName=f'w{n}') for n in range(3)] == [300] * 3
        assert tracks.verify() == []


def test_more_writers_than_directories_share_them(processes):
    start_runs(processes)
    for process in processes:
        process.shared.writer = 5
    save_together(processes)
    processes[0].manager.begin()
    assert sizes(processes[0].tracks)[6] == 3
    assert len(processes[0].tracks) == 300


def test_upkeep_takes_segments_out_of_the_directories_of_writers(processes):
    start_runs(processes)
    for _ in range(12):
        save_together(processes)
    first, other = processes[:2]
    first.manager.begin()
    other.manager.begin()
    tracks = first.tracks
    held = tracks[tracks.query(userName='w1', limit=1).ids[0]]
    assert held.data == {'n': 0}
    merge.keep_up(tracks)
    other.tracks.saveTracks(batch('w1'))  # at the same time
    first.manager.commit()
    other.manager.commit()
    first.manager.begin()
    assert sizes(tracks) == [1, 0, 1, 0, 0, 0, 0, 0, 0]
    assert held.data == {'n': 0} and held.userName == 'w1'
    assert [tracks.count(userName=f'w{n}') for n in range(3)] == [1200, 1300, 1200]
    assert tracks.verify() == []


def test_tracks_of_another_writer_are_changed_and_removed(processes):
    start_runs(processes)
    save_together(processes)
    first, other = processes[:2]
    other.manager.begin()
    tracks = other.tracks
    held = [tracks[each] for each in tracks.query(userName='w0').ids]
    tracks.removeTrack(held[0])
    held[1].data = {'n': 'changed'}
    merge.seal(tracks)
    other.manager.commit()
    first.manager.begin()
    assert len(first.tracks) == 299 and first.tracks.verify() == []
    assert first.tracks[held[1].__name__].data == {'n': 'changed'}
    assert sizes(first.tracks)[1] == 1
    first.tracks.removeTracks(userName='w0')
    merge.seal(first.tracks)
    first.manager.commit()
    other.manager.begin()
    assert sizes(other.tracks)[1] == 0 and len(tracks) == 200
    assert tracks.query(userName='w0') == [] and tracks.verify() == []


def test_who_is_alone_goes_on_above_the_numbers_of_writers(
        processes, database, monkeypatch):
    start_runs(processes)
    save_together(processes)
    monkeypatch.undo()
    with database.transaction() as connection:
        tracks = connection.root()['tracks']
        highest = max(map(int, tracks))
        [new] = tracks.saveTracks(batch('alone', 1))
        assert int(new) == highest + 1
    with database.transaction() as connection:
        tracks = connection.root()['tracks']
        tracks.compact()
        assert sizes(tracks) == [1] + [0] * 8 and len(tracks) == 301
        assert tracks.verify() == []


def test_leases_begin_in_different_pages_of_the_tail(processes):
    start_runs(processes)
    for _ in range(3):
        for process in processes:
            process.manager.begin()
            process.tracks.saveUserTrack('t', 0, 'u', {})
            process.manager.commit()
            process.shared.numberings['tracks']._end = 0  # the next lease is due
        pages = {
            process.shared.numberings['tracks']._high // 16 % 32
            for process in processes}
        assert len(pages) == 3


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A store that a process of several has written to, and whose records are there.

    As a function that opens it, with some bytes of a directory changed.
    """
    monkeypatch.setattr(numbering, 'EXCLUSIVE', ())
    path = tmp_path / 'served.fs'
    opened = []

    def connect():
        database = DB(FileStorage(str(path)))
        opened.append(database)
        return database.open()

    connection = connect()
    tracks = connection.root()['tracks'] = TrackingStorage()
    transaction.commit()
    tracks.startRun('t-a')
    for _ in range(5):
        tracks.saveTracks(batch('a'))
    tracks.removeTracks(userName='a', timeTo=1e9 + 9)
    merge.seal(tracks)
    tracks.saveUserTrack('t-a', 0, 'b', {})
    merge.seal(tracks)
    transaction.commit()
    assert sizes(tracks)[:2] == [1, 5]

    def reopened(place=None):
        transaction.abort()
        while opened:
            opened.pop().close()
        if place is not None:
            data = bytearray(path.read_bytes())
            data[place] ^= 0x11
            path.write_bytes(data)
        return connect().root()['tracks']

    yield reopened, path
    transaction.abort()
    for each in opened:
        each.close()


def place_of(path, thing):
    """Return where in a file the bytes of an object end."""
    data, _ = thing._p_jar._storage.load(thing._p_oid)
    place = path.read_bytes().rindex(data)
    return place + len(data)


def test_a_hurt_directory_of_a_writer_is_made_anew(served):
    opened, path = served
    tracks = opened()
    before = [(track.__name__, track.data) for track in tracks.query()]
    tracks = opened(place_of(path, tracks.directories[0]) - 20)
    with pytest.raises(DamagedError, match='^directory of writer 0: is damaged: '):
        tracks.query()
    assert tracks.verify()[0].startswith('directory of writer 0: is damaged: ')
    repaired, problems = tracks.repair()
    assert problems == []
    assert repaired == ['directory of writer 0: was made anew from 5 segments']
    assert [(track.__name__, track.data) for track in tracks.query()] == before
    assert sizes(tracks)[:2] == [1, 5]


def test_hurt_directories_are_made_anew_together(served):
    opened, path = served
    tracks = opened()
    ids = list(tracks)
    place = place_of(path, tracks.directory) - 20
    tracks = opened(place_of(path, tracks.directories[0]) - 20)
    tracks = opened(place)
    assert len(tracks.repair().repaired) == 1
    assert list(tracks) == ids and tracks.verify() == []
    tracks.compact()
    assert list(tracks) == ids and sizes(tracks) == [1] + [0] * 8


# small blocks

@pytest.fixture
def tracks(database):
    connection = database.open()
    yield connection.root()['tracks']
    transaction.abort()
    connection.close()


def classes(tracks, thing):
    """Return the names of the classes of what an object refers to."""
    reader = tracks._p_jar._reader
    data, _ = tracks._p_jar._storage.load(thing._p_oid)
    return get_pickle_metadata(data)[1], [
        type(part).__name__ for part in reader.getState(data)[0]]


@pytest.mark.parametrize(('count', 'parts'), [
    (100, ['tuple']), (segment.INLINE_TRACKS - 1, ['tuple']),
    (segment.INLINE_TRACKS, ['Block']), (1500, ['Block', 'Block'])])
def test_a_small_block_is_within_its_segment(tracks, count, parts):
    ids = tracks.saveTracks(batch('a', count))
    transaction.commit()
    [(_, entry)] = tracks._directory.in_order()
    assert classes(tracks, entry.segment) == ('Segment', parts)
    tracks._p_jar.cacheMinimize()
    assert [tracks[each].data['n'] for each in ids] == list(range(count))
    assert tracks.count(timeFrom=1e9 + 50) == count - 50
    assert tracks.verify() == []


def test_a_block_of_many_bytes_is_an_object(tracks):
    text = ''.join(map(chr, range(0x4e00, 0x4e00 + 9_000)))
    tracks.saveUserTrack('t', 0, 'u', {'text': text})
    transaction.commit()
    [(_, entry)] = tracks._directory.in_order()
    assert classes(tracks, entry.segment) == ('Segment', ['Block'])
    assert tracks['0000001'].data['text'] == text


def test_a_block_within_a_segment_is_merged(tracks, monkeypatch):
    """It is copied: what is aborted has left the old segment as it was."""
    monkeypatch.setattr('trackstore.rewrite.SMALL', 50)
    for name in 'abc':
        tracks.saveTracks(batch(name))
    transaction.commit()
    found = tracks._directory.in_order()
    for _ in range(2):
        merge.merge(tracks, found)
        transaction.savepoint()
        assert tracks.verify() == []
        for _, entry in tracks._directory.in_order():
            for each in entry.segment.blocks:
                each._p_deactivate()  # as the cache may do
        transaction.abort()
        assert tracks.verify() == [] and len(tracks) == 300
    merge.merge(tracks, found)
    transaction.commit()
    [(_, entry)] = tracks._directory.in_order()
    assert classes(tracks, entry.segment) == ('Segment', ['Block'] * 3)
    assert tracks.verify() == [] and tracks.count(userName='b') == 100


# blocks and times

@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(block, 'SIZE', 32)
    monkeypatch.setattr(segment, 'INDEXED', 100)


def many_blocks(tracks, times):
    tracks.saveTracks(
        [(f't{n % 3}', 0, f'u{n % 7}', {}, time) for n, time in enumerate(times)])
    merge.seal(tracks)
    [(_, entry)] = tracks._directory.in_order()
    assert len(entry.segment.blocks) >= 10
    return entry.segment


def test_what_is_of_another_time_is_not_looked_at(tracks, small, monkeypatch):
    held = many_blocks(tracks, range(640))
    looked = []
    original = segment.Segment.block

    def noted(self, number):
        looked.append(number)
        return original(self, number)

    monkeypatch.setattr(segment.Segment, 'block', noted)
    for criteria in ({}, {'taskId': 't0'}, {'taskId': 't0', 'userName': 'u0'},
                     {'taskId': Not('t0')}):
        for low, high in ((300, 302), (None, 2), (637, None)):
            tracks.count(timeFrom=low, timeTo=high, **criteria)
        assert 0 < len(set(looked)) <= 3 < len(held.blocks)
        looked.clear()


@pytest.mark.parametrize('seed', range(5))
def test_times_in_any_order(tracks, small, seed):
    """The times of blocks overlap, or come by turns, or rise and fall."""
    random = Random(seed)
    times = [n // 2 if n % 64 < 32 else 640 - n + random.randrange(9) ** seed
             for n in range(640)]
    held = many_blocks(tracks, times)
    for _ in range(60):
        low, high = (random.choice([None, random.choice(times)]) for _ in range(2))
        inside = [n for n, time in enumerate(times) if (low is None or low <= time)
                  and (high is None or time <= high)]
        reach = held.reach(low, high)
        assert set(inside) <= set(reach)
        assert list(held.within(low, high)) == inside
        some = sorted(random.sample(range(640), 50))
        assert list(held.within(low, high, some)) == sorted({*some} & {*inside})
        assert tracks.count(timeFrom=low, timeTo=high, taskId='t1',
                            userName=Not('u2')) == sum(
            n % 3 == 1 and n % 7 != 2 for n in inside)
