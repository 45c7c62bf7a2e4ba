"""What is said of damage, and what goes on beside it."""

import io
import json
import logging

import pytest
import transaction

from trackstore import merge, tail
from trackstore.exceptions import DamagedError
from trackstore.export import export_tracks
from trackstore.tests.damage.hurt import plain


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


def test_a_hurt_block_does_not_keep_the_runs_in_their_pages(hurt, monkeypatch):
    monkeypatch.setattr(merge, 'FANOUT', 2)
    monkeypatch.setattr(merge, 'LEAST', 2)
    with hurt('block') as tracks:
        for save in (transaction.commit, tracks.compact):
            for n in range(5 * tail.PAGE_SIZE):
                tracks.saveUserTrack(f'{save} {n}', 0, 'new', {})
            if save is tracks.compact:
                transaction.commit()
                with pytest.raises(DamagedError, match='^segment 1-400, block 2: '):
                    tracks.compact()
            transaction.commit()
            assert not any(page.records for page in tracks._runs.pages)


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
