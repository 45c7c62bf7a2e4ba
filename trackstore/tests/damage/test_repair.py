"""What a repair makes anew, and what it leaves."""

import pytest
import transaction

from trackstore import codec, merge, repair, segment
from trackstore.exceptions import DamagedError
from trackstore.tests.damage.hurt import asked, plain


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
