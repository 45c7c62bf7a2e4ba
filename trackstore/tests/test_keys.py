"""Keys of classes of their own: what is stored is what every program can read."""

import datetime
import enum

import pytest
import transaction

from trackstore import Track, TrackingStorage
from trackstore.testing import memory_storage


class Task(str, enum.Enum):
    LOOPS = 'loops'


class Level(enum.IntEnum):
    HIGH = 7


class Text(str):
    def __str__(self):
        return 'something else'


class Number(float):
    pass


class Raw(bytes):
    pass


class Day(datetime.date):
    pass


class Moment(datetime.datetime):
    pass


NOON = (2026, 11, 21, 12, 30, 15, 7, datetime.timezone.utc)
KEYS = [(Task.LOOPS, 'loops'), (Level.HIGH, 7), (Text('ann'), 'ann'),
        (Number(1.5), 1.5), (Raw(b'\xff'), b'\xff'),
        (Day(2026, 11, 21), datetime.date(2026, 11, 21)),
        (Moment(*NOON, fold=1), datetime.datetime(*NOON, fold=1))]
keys = pytest.mark.parametrize('key, plain', KEYS, ids=[
    type(key).__name__ for key, _ in KEYS])


class Item(Track):
    metadata_attributes = (*Track.metadata_attributes, 'state')
    index_attributes = (*Track.metadata_attributes, 'state', 'kind')


def is_stored(found, plain):
    return type(found) is type(plain) and found == plain


@keys
def test_of_single_tracks(key, plain):
    with memory_storage() as tracks:
        tracks.saveUserTrack(key, 0, key, {})
        track = tracks['0000001']
        assert is_stored(track.taskId, plain) and is_stored(track.userName, plain)
        track.userName = 'ben'
        track.userName = key
        assert is_stored(track.userName, plain)
        assert is_stored(*tracks.getTaskIds(), plain)
        assert is_stored(*tracks.currentRuns, plain)
        assert tracks.getLastUserTrack(key, 0, key) is track


@keys
def test_of_many_tracks(key, plain):
    with memory_storage() as tracks:
        tracks.saveTracks([(key, 0, key, {}), ('other', 0, 'ann', {})] * 100)
        track = tracks['0000001']
        assert is_stored(track.taskId, plain) and is_stored(track.userName, plain)
        assert tracks.count(taskId=key, userName=plain) == 100
        assert tracks.verify() == []


@keys
def test_of_runs(key, plain):
    with memory_storage() as tracks:
        run = tracks.startRun(key)
        assert is_stored(tracks.getRun(runId=run).taskId, plain)
        assert tracks.stopRun(key) == run


@keys
def test_of_further_indexes(key, plain):
    with memory_storage() as root:
        tracks = TrackingStorage(trackFactory=Item)
        root._p_jar.root()['items'] = tracks
        tracks.saveUserTrack('a', 0, 'u', {'kind': key})
        track = tracks['0000001']
        track.state = key
        assert is_stored(track.state, plain)
        assert is_stored(*tracks.distinct('state'), plain)
        assert is_stored(*tracks.distinct('kind'), plain)


def test_no_class_of_a_key_is_in_the_database():
    with memory_storage() as tracks:
        for key, _ in KEYS:
            tracks.saveUserTrack(key, 0, key, {})
        tracks.saveTracks((key, 0, key, {}) for key, _ in KEYS)
        transaction.commit()
        written = [record.data for written in tracks._p_jar.db().storage.iterator()
                   for record in written]
        assert not any(b'test_keys' in data for data in written)
