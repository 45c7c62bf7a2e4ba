"""Flipped bytes: a clear error or the right answer, never a wrong one."""

import io
import json
import logging
import os
import random
from functools import partial

import pytest
import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage
from ZODB.FileStorage.FileStorage import FileIterator
from ZODB.utils import get_pickle_metadata

import trackstore
from trackstore import block, codec, index, merge, repair, segment, tail
from trackstore.exceptions import DamagedError
from trackstore.export import export_tracks

#: The bytes of a data record before its pickle.
HEADER = 42

#: The classes that a store is made of.
CLASSES = ('Block', 'IndexPage', 'Segment', 'Directory', 'Page', 'SharingPage', 'Dead',
           'RunTable', 'Ledger', 'Leaf')

#: Of so many bytes of each class, one after the other is flipped; more take longer.
FLIPS = int(os.environ.get('TRACKSTORE_FLIPS', 24))
SEED = int(os.environ.get('TRACKSTORE_SEED', 1))


@pytest.fixture(autouse=True)
def quiet():
    """The ZODB logs each object that it cannot load."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope='module')
def small_parts():
    """Blocks and pages of few tracks, so that a small store has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block, 'SIZE', 64)
        patch.setattr(segment, 'INDEXED', 256)
        patch.setattr(index, 'PAGE_VALUES', 8)
        patch.setattr(tail, 'PAGE_SIZE', 8)
        patch.setattr(tail, 'PAGES', 4)
        yield


def fill(tracks):
    """Save what makes at least one object of each class."""
    tracks.saveTracks((f't{n % 7}', 0, f'u{n % 31:02}', {'n': n, 'text': 'x' * (n % 9)},
                       1e9 + n) for n in range(400))
    transaction.commit()
    for n in range(10):
        tracks.stopRun('t1', timeStamp=2e9 + n)
        tracks.startRun('t1', timeStamp=2e9 + n)
    tracks.saveTracks(('t8', 0, f'v{n}', {'n': n}, 1e9 + n) for n in range(100))
    tracks.removeTracks(userName=['u05', 'v7'])
    tracks['0000011'].data['n'] = -1
    transaction.commit()
    seal(tracks)
    tracks.saveUserTrack('t3', 0, 'u04', {'n': 1000}, timeStamp=3e9)
    tracks.removeTrack(tracks['0000012'])
    tracks['0000450'].userName = 'changed'
    tracks.startRun('t5', timeStamp=3e9)
    transaction.commit()


def seal(tracks):
    merge.seal(tracks)
    tracks._runs.seal()
    transaction.commit()


@pytest.fixture(scope='module')
def whole(small_parts, tmp_path_factory):
    """The bytes of a file with a store, where its records are, and its answers."""
    path = tmp_path_factory.mktemp('whole') / 'whole.fs'
    path.touch()
    with Hurt(path, b'') as root:
        root['tracks'] = trackstore.TrackingStorage()
        transaction.commit()
        fill(root['tracks'])
        answers = [ask() for ask in questions(root['tracks'])]
        assert root['tracks'].verify() == []
    return path.read_bytes(), *records(path), answers


def records(path):
    """Return where the newest records are: start and end.

    By the names of their classes, and the end alone by object id.
    """
    newest = {}
    for trans in FileIterator(str(path)):
        for record in trans:
            name = get_pickle_metadata(record.data)[1]
            start = record.pos + HEADER
            newest[record.oid] = name, start, start + len(record.data)
    found = {}
    for name, start, end in newest.values():
        found.setdefault(name, []).append((start, end))
    return found, {oid: end for oid, (_, _, end) in newest.items()}


def plain(found):
    return [(track.__name__, track.metadata, dict(track.data)) for track in found]


def questions(tracks):
    """Return functions that ask the store for all it has, in many ways."""
    query = tracks.query
    return [
        lambda: plain(query()), lambda: len(tracks), lambda: plain(query(taskId='t3')),
        lambda: list(query(userName='u1*').ids),
        lambda: plain(query(timeFrom=1e9 + 350)),
        lambda: list(query(taskId=['t8', 't1'], timeTo=1e9 + 200).ids),
        lambda: list(query(userName=trackstore.Not('u0*'), taskId='t2').ids),
        lambda: tracks.count(userName='u05'), lambda: tracks.distinct('userName'),
        lambda: tracks.groupBy('taskId', of='n'), lambda: tracks.groupBy('userName'),
        lambda: tracks.histogram('year'),
        *(partial(lambda n: plain([tracks[n]]) if n in tracks else None, f'{n:07}')
          for n in range(1, 502, 10)),
        # from here on it is about runs
        lambda: plain([tracks.getLastUserTrack('t3', 0, 'u04')]),
        lambda: list(tracks.runs), lambda: list(tracks.finishedRuns),
        lambda: dict(tracks.currentRuns),
        *(partial(lambda n: run_of(tracks.getRun(runId=n)), n) for n in range(1, 22)),
    ]


#: So many of the questions are about tracks.
TRACKS = 12 + len(range(1, 502, 10))


def run_of(run):
    return run and (run.id, run.taskId, run.start, run.end, run.finished)


class Hurt:
    """A store some bytes of which are others."""

    def __init__(self, path, data, *places, mask=0x11):
        data = bytearray(data)
        for place in places:
            data[place] ^= mask
        path.write_bytes(data)
        for other in path.parent.glob(f'{path.name}.*'):
            other.unlink()
        self.database = DB(FileStorage(str(path)))

    def __enter__(self):
        self.connection = self.database.open()
        root = self.connection.root()
        return root.get('tracks', root)

    def __exit__(self, *args):
        transaction.abort()
        self.connection.close()
        self.database.close()


def asked(tracks, answers, allowed=DamagedError):
    """Ask all questions; return the errors that there were."""
    errors = []
    for number, (ask, answer) in enumerate(
            zip(questions(tracks), answers, strict=False)):
        try:
            assert ask() == answer, f'question {number}'
        except allowed as error:
            errors.append(error)
    return errors


def places_of(whole, name, most):
    """Return random places in the records of a class, with masks."""
    rng = random.Random(f'{name} {SEED}')
    places = [place for start, end in whole[1][name] for place in range(start, end)]
    return [(place, rng.randrange(1, 256))
            for place in sorted(rng.sample(places, min(most, len(places))))]


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
            told = any('runs without tracks' in sentence for sentence in repaired)
            errors = asked(tracks, answers[:TRACKS] if told else answers)
            assert bool(errors) <= bool(problems), (place, errors, problems)
    assert mended or name not in ('IndexPage', 'Segment', 'Directory', 'Leaf')


# what is said, and what goes on

@pytest.fixture
def hurt(whole, tmp_path):
    """Return a function that opens the store with flips in some parts of it."""

    def opened(*names):
        with Hurt(tmp_path / 'hurt.fs', whole[0]) as tracks:
            places = [whole[2][parts(tracks)[name]._p_oid] - 20 for name in names]
        return Hurt(tmp_path / 'hurt.fs', whole[0], *places)

    return opened


def parts(tracks):
    """Return objects of the store by the names that the tests give them."""
    entry = tracks._directory.in_order()[0][1]
    index = entry.segment.indexes['userName']
    return {
        'directory': tracks.directory, 'segment': entry.segment, 'dead': entry.grave,
        'block': entry.segment.blocks[2], 'index': list(index.pages())[1],
        'tail': tracks._pages[1], 'runs': tracks._runs.pages[0]}


def test_the_error_of_a_block_names_it_and_its_tracks(hurt):
    with hurt('block') as tracks:
        with pytest.raises(DamagedError) as caught:
            plain(tracks.query())
        error = caught.value
        assert str(error) == (
            'segment 1-400, block 2: is damaged: its checksum is not that of its '
            'bytes; "trackstore verify" tells what else is, and what can be repaired')
        assert (error.where, error.why) == (
            'segment 1-400, block 2', 'its checksum is not that of its bytes')
        assert (error.first, error.last) == (129, 192)
        assert tracks.verify() == [
            'segment 1-400, block 2: is damaged: its checksum is not that of its '
            'bytes (tracks 129-192)']
        assert isinstance(error, ValueError)


def test_queries_go_on_before_and_after_a_hurt_block(hurt, whole):
    everything = whole[-1][0]
    with hurt('block') as tracks:
        after = plain(tracks.query(after=192))
        before = plain(tracks.query(after=129, reverse=True))
        assert plain([tracks['0000128'], tracks['0000193']]) == [
            before[0], after[0]]
        assert [*before[::-1], *after] == [
            row for row in everything if not 129 <= int(row[0]) <= 192]
        assert tracks.count() == len(everything)
        tracks.saveUserTrack('t1', 0, 'new', {})
        transaction.commit()
        assert len(plain(tracks.query(after=192))) == len(after) + 1


def test_queries_go_on_before_and_after_a_hurt_segment(hurt, whole):
    everything = whole[-1][0]
    with hurt('segment') as tracks:
        for ask in (tracks.query, tracks.distinct):
            with pytest.raises(DamagedError, match='^segment 1-400: is damaged: '):
                ask('userName') if ask == tracks.distinct else ask()
        assert plain(tracks.query(after=400)) == [
            row for row in everything if int(row[0]) > 400]
        assert tracks.query(after=1, reverse=True) == []
        assert tracks.count(timeFrom=2e9) == 1
        [problem] = tracks.verify()
        assert problem.startswith('segment 1-400: is damaged: ')
        [repaired], problems = tracks.repair()
        assert repaired == ('segment 1-400: its indexes, times and entry were made '
                            'anew from 400 tracks')
        assert problems == [] and plain(tracks.query()) == everything


def test_an_index_is_made_anew(hurt, whole):
    with hurt('index') as tracks:
        [problem] = tracks.verify()
        assert problem == ('segment 1-400, index userName, page 1: is damaged: its '
                           'checksum is not that of its bytes')
        with pytest.raises(DamagedError, match='index userName, page 1: '):
            tracks.count(userName='u1*')
        assert tracks.count(userName='u01') == 13
        assert plain(tracks.query()) == whole[-1][0]
        assert len(tracks.repair().repaired) == 1
        assert asked(tracks, whole[-1]) == [] and tracks.verify() == []
        assert tracks.repair() == ([], [])


def test_an_index_is_not_made_anew_where_tracks_are_hurt(hurt):
    """It would not have these, and nobody would be told."""
    with hurt('index', 'block') as tracks:
        before = tracks.verify()
        assert len(before) == 2
        assert tracks.repair() == ([], before)


def test_the_directory_is_made_anew(hurt, whole):
    with hurt('directory') as tracks:
        with pytest.raises(DamagedError, match='^directory: is damaged: '):
            tracks.query()
        assert tracks.verify()[0].startswith('directory: is damaged: ')
        repaired, problems = tracks.repair()
        assert repaired[0].startswith('directory: was made anew from ')
        assert problems == [] and asked(tracks, whole[-1]) == []
        tracks.saveTracks(('t', 0, 'u', {}) for _ in range(100))
        merge.seal(tracks)
        transaction.commit()
        assert tracks.verify() == []


@pytest.mark.parametrize(('name', 'where'), [
    ('tail', 'tail, page 1'), ('runs', 'runs, page 0'),
    ('dead', 'segment 1-400, its removed tracks')])
def test_what_cannot_be_made_anew_stays(hurt, whole, name, where):
    with hurt(name) as tracks:
        ask = (lambda: list(tracks.runs)) if name == 'runs' else tracks.query
        with pytest.raises(DamagedError) as caught:
            ask()
        assert caught.value.where == where
        problems = tracks.verify()
        assert [problem for problem in problems if problem.startswith(f'{where}: ')]
        assert tracks.repair() == ([], problems)
        with pytest.raises(DamagedError):
            ask()


def test_nothing_is_saved_over_a_hurt_page_of_the_tail(hurt):
    with hurt('tail') as tracks:
        with pytest.raises(DamagedError, match='^tail, page 1: is damaged: '):
            tracks.saveUserTrack('t1', 0, 'new', {})
        with pytest.raises(DamagedError, match='^tail, page 1: is damaged: '):
            tracks.saveTracks([('t1', 0, 'new', {})])


@pytest.mark.parametrize('wrong', [
    {'count': 399}, {'first': 2}, {'last': 500}, {'low': 0.0}, {'high': 9e9}])
def test_a_wrong_entry_is_made_right(hurt, whole, wrong):
    with hurt() as tracks:
        directory = tracks.directory
        key, entry = directory.in_order()[0]
        directory.entries[key] = entry._replace(**wrong)
        directory._changed()
        transaction.commit()
        assert tracks.verify()
        repaired, problems = tracks.repair()
        assert len(repaired) == 1 and problems == []
        assert tracks._directory.in_order()[0][1][1:6] == entry[1:6]
        assert asked(tracks, whole[-1]) == []


def test_times_of_blocks_are_made_right(hurt, whole):
    with hurt() as tracks:
        directory = tracks.directory
        key, entry = directory.in_order()[0]
        old = entry.segment
        lows, highs = (list(times) for times in old.block_times)
        lows[1] = 5.0
        new = segment.Segment(
            old.span, old.numbers, old.blocks, old.marks, old.starts,
            tuple(map(codec.encode_column, (lows, highs))), old.indexes)
        directory.replace([key], [entry._replace(part=new)])
        transaction.commit()
        assert 'segment 1-400, block 1: its time span is not right' in tracks.verify()
        assert tracks.repair().problems == []
        assert asked(tracks, whole[-1]) == []


def test_a_repair_yields_to_writers(hurt, whole, monkeypatch):
    """It is tried again when what it repairs was changed by others meanwhile."""
    with hurt('index') as tracks:
        renew = repair.renew_segment
        calls = []

        def interrupted(storage, key):
            told = renew(storage, key)
            if not calls:
                tracks.removeTracks(taskId='t6')
                merge.seal(tracks)
                transaction.commit()
            calls.append(told)
            return told

        monkeypatch.setattr(repair, 'renew_segment', interrupted)
        count = len(tracks)
        repaired, problems = tracks.repair()
        assert len(calls) == 2 and len(repaired) == 1 and problems == []
        assert tracks.query(taskId='t6') == []
        assert len(tracks) < count


def test_upkeep_that_meets_damage_leaves_the_save_alone(
        hurt, whole, caplog, monkeypatch):
    monkeypatch.setattr(merge, 'FANOUT', 2)
    monkeypatch.setattr(merge, 'LEAST', 2)
    logging.disable(logging.NOTSET)
    with hurt('block') as tracks:
        count = len(tracks)
        tracks.saveTracks(('t1', 0, 'new', {}) for _ in range(100))
        transaction.commit()
        transaction.begin()
        assert len(tracks) == count + 100 and len(tracks._directory.entries) > 2
    assert [record.message for record in caplog.records if record.name == merge.__name__
            ] == ['upkeep failed, and is tried again after a later commit: segment '
                  '1-400, block 2: is damaged: its checksum is not that of its '
                  'bytes; "trackstore verify" tells what else is, and what can be '
                  'repaired']


# going on with what can be read

def exported(tracks, left_out):
    buffer = io.BytesIO()
    export_tracks(tracks, buffer, leftOut=left_out)
    found = [json.loads(line) for line in buffer.getvalue().splitlines()[1:]]
    return ({record['id']: record for record in found if 'id' in record},
            {record['run'] for record in found if 'run' in record})


@pytest.mark.parametrize(('name', 'lost', 'key'), [
    ('block', range(129, 193), 'segment 1-400, block 2: '),
    ('segment', range(1, 401), 'segment 1-400: '),
    ('tail', None, 'tail, page 1: '),
    ('dead', range(1, 401), 'segment 1-400, its removed tracks: '),
    ('directory', range(1, 500), 'directory: '),
    ('runs', (), 'runs, page 0: '), ('index', (), '')])
def test_an_export_leaves_out_what_is_hurt(hurt, whole, name, lost, key):
    with hurt() as tracks:
        everything, runs = exported(tracks, None)
    with hurt(name) as tracks:
        left_out = {}
        found, found_runs = exported(tracks, left_out)
        if name in ('block', 'segment', 'tail'):
            with pytest.raises(DamagedError):
                exported(tracks, None)
    assert (found_runs == runs) == (name != 'runs')
    assert [where.startswith(key) for where in left_out] == [True] * bool(key)
    if name == 'tail':  # the changes in it are not there, and nothing else is lost
        same = {number for number in found if found[number] == everything.get(number)}
        assert len(everything.keys() - same) <= 2 * tail.PAGE_SIZE
        assert left_out.popitem()[0].endswith(
            '; tracks are as they were before the changes in it')
        return
    assert found == {} if name == 'directory' else all(
        found[number] == everything[number] for number in found)
    kept = {number for number in everything if int(number) not in lost}
    assert name == 'directory' or found.keys() >= kept
    for count in left_out.values():  # removed ones are counted where that is hurt
        assert count is None or count >= len(everything) - len(found)
