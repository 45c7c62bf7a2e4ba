"""Events on disk: none is lost, whatever happens to process and disk."""

import datetime
import decimal
import os
import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstore.events.carriers import records
from trackstore.events.carriers.reading import Reader
from trackstore.events.carriers.spill import LOCK, SpillFolder, SpillFull
from trackstore.events.event import event_of
from trackstore.jsonsafe import json_safe
from trackstore.tests.faults.disk import LimitedFiles

UTC = datetime.timezone.utc
MOMENT = datetime.datetime(2026, 11, 21, 20, 10, 0, 5, tzinfo=UTC)


def event(number, **data):
    moment = datetime.datetime(2026, 11, 21, tzinfo=UTC)
    return event_of({'name': 'n', 'timestamp': moment, 'context': {},
                     'data': {'n': number, **data}}, f'id-{number}')


def numbers(events):
    return [each['data']['n'] for each in events]


# records

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=[])) | st.binary() | st.uuids()
    | st.decimals(allow_nan=False) | st.dates()
    | st.datetimes(timezones=st.none() | st.just(UTC)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    | st.tuples(inner, inner) | st.dictionaries(st.integers(), inner),
    max_leaves=10)


@given(st.dictionaries(st.text(), VALUES), st.integers(0, 2 ** 63))
def test_a_record_is_lossless(data, number):
    whole = event_of({'name': 'n', 'data': data, 'timestamp': MOMENT}, 'id')
    line = records.line_of(number, records.json_of_event(whole))
    assert line.count(b'\n') == 1 and line.endswith(b'\n')
    found, value = records.value_of(line)
    again = records.event_in(value)
    assert (found, again, again.id, type(again)) == (number, whole, 'id', type(whole))


@pytest.mark.parametrize('value', [
    {'$date': 'x'}, [{'$a': 1}], [[(1,)]], {'a': {1: 2}}, float('inf'), 10 ** 5000,
    10 ** 3000, 2.5, [1, {'b': [None, True]}], '\ud800', 'é'], ids=lambda value: '')
@pytest.mark.parametrize('moment', [
    MOMENT, MOMENT.replace(tzinfo=None), None, 5, MOMENT.replace(tzinfo=None, fold=1)])
def test_records_of_odd_values(value, moment):
    whole = event_of({'name': 'n', 'data': {'v': value}, 'timestamp': moment}, 'id')
    line = records.line_of(1, records.json_of_event(whole))
    again = records.event_in(records.value_of(line)[1])
    assert again == whole and type(again['data']['v']) is type(value)
    assert getattr(again['timestamp'], 'fold', 0) == getattr(moment, 'fold', 0)


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_hurt_record_is_none(place, byte):
    line = records.line_of(7, records.json_of_event(event(1, text='é')))
    place %= len(line) - 1
    hurt = line[:place] + bytes([byte]) + line[place + 1:]
    assert records.value_of(hurt) in (None, records.value_of(line))


class Odd:
    def __str__(self):
        return 'odd'


class Nowhere(datetime.tzinfo):
    def utcoffset(self, moment):
        raise ValueError('nowhere')


def test_only_objects_become_text():
    whole = event(1, odd=Odd(), price=decimal.Decimal('1.10'), pair=(1, b'x'))
    line = records.line_of(1, records.json_of_event(whole))
    again = records.event_in(records.value_of(line)[1])
    assert again == {**whole, 'data': {**whole['data'], 'odd': 'odd'}}


def test_values_that_no_file_takes_are_kept_as_text(caplog):
    records._slow._next.clear()
    odd = datetime.datetime(2026, 11, 21, 12, tzinfo=Nowhere())
    whole = event(1, odd=odd, price=decimal.Decimal('1.10'))
    line = records.line_of(1, records.json_of_event(whole))
    again = records.event_in(records.value_of(line)[1])
    assert again['data'] == {'n': 1, 'odd': json_safe(odd), 'price': '1.10'}
    assert "event 'n' has values that no file takes as they are" in caplog.text


# files

@pytest.fixture
def folder(tmp_path):
    return SpillFolder(tmp_path / 'spill', 'queue', 10 ** 9)


def append(spill, start, stop):
    for number in range(start, stop):
        spill.append(number, [records.line_of(
            number, records.json_of_event(event(number)))])


def read(spill, after=0, until=None, count=1000, size=10 ** 9):
    reader = Reader(spill, after)
    found, _ = reader.read(count, size, until)
    while len(found) < count and not until and size > 1 and not reader.ended():
        found += reader.read(count - len(found), size)[0]
    assert [number for number, _ in found] == numbers(e for _, e in found)
    return [number for number, _ in found]


def test_what_is_written_is_read(folder):
    spill = folder.new()
    append(spill, 1, 10)
    assert read(spill) == list(range(1, 10))
    assert read(spill, after=4, until=7) == [5, 6, 7]
    assert read(spill, count=2) == [1, 2]
    assert read(spill, size=1) == [1]
    spill.remove()
    assert os.listdir(folder.path) == []


def test_files_and_folders_are_private(folder):
    before = os.umask(0)
    try:
        spill = folder.new()
        append(spill, 1, 2)
        spill.note({('a',): 0})
    finally:
        os.umask(before)
    modes = {name: stat.S_IMODE(os.stat(os.path.join(spill.path, name)).st_mode)
             for name in os.listdir(spill.path)}
    assert modes == {'0000000000000001.events': 0o600, 'position': 0o600}
    for path, mode in ((folder.path, 0o700), (spill.path, 0o700),
                       (spill.path + '.lock', 0o600)):
        assert stat.S_IMODE(os.stat(path).st_mode) == mode
    spill.remove()


def test_files_are_removed_as_their_events_are_delivered(folder, monkeypatch):
    monkeypatch.setattr('trackstore.events.carriers.spill.SEGMENT', 200)
    spill = folder.new()
    append(spill, 1, 10)
    firsts = [int(name[:16], 16) for name in spill.segments]
    assert firsts == [1, 3, 5, 7, 9]
    spill.drop(3)
    assert [int(name[:16], 16) for name in spill.segments] == [3, 5, 7, 9]
    assert len(spill) == sum(entry.stat().st_size for entry in os.scandir(spill.path))
    assert read(spill, after=4) == [5, 6, 7, 8, 9]
    spill.drop(100)
    assert [int(name[:16], 16) for name in spill.segments] == [9]
    spill.clear()
    assert os.listdir(spill.path) == []
    append(spill, 10, 12)
    assert read(spill) == [10, 11]
    spill.remove()


def test_a_set_is_taken_over_when_its_owner_is_gone(folder):
    spill = folder.new()
    append(spill, 1, 5)
    spill.note({('a', 'b'): 2, ('c',): 10 ** 6})
    spill.note({('a', 'b'): 3, ('c',): 4})
    assert list(folder.orphans()) == []
    spill.close()
    [found] = folder.orphans()
    assert list(folder.orphans()) == []
    assert found.positions() == {('a', 'b'): 3, ('c',): 4}
    assert read(found) == [1, 2, 3, 4]
    found.remove()
    assert os.listdir(folder.path) == []


def test_a_set_that_cannot_be_read_hides_no_other(folder, monkeypatch, caplog):
    paths = []
    for _ in range(3):
        append(spill := folder.new(), 1, 2)
        paths.append(spill.path)
        spill.close()
    paths.sort()
    os.rename(paths[0] + LOCK, paths[0] + '.was')
    os.mkdir(paths[0] + LOCK)
    os.mkdir(os.path.join(paths[1], '0.events'))
    before = len(os.listdir('/proc/self/fd'))
    for _ in range(2):
        assert [found.path for found in folder.orphans() if not found.close()] == [
            paths[2]]
    assert len(os.listdir('/proc/self/fd')) == before
    assert 'spilled events cannot be taken over' in caplog.text


def test_sets_of_others_are_left_alone(folder, tmp_path):
    for name in 'other', 'queue.x', 'queu':
        append(spill := SpillFolder(folder.path, name, 10 ** 9).new(), 1, 2)
        spill.close()
    (tmp_path / 'spill' / 'queue').mkdir()
    (tmp_path / 'spill' / 'queue.1.txt').touch()
    assert list(folder.orphans()) == []
    [found] = SpillFolder(folder.path, 'queue.x', 10 ** 9).orphans()
    found.close()


def test_a_lock_without_its_set_is_cleared(folder):
    folder.new().close()
    [name] = [name for name in os.listdir(folder.path) if not name.endswith('.lock')]
    os.rmdir(os.path.join(folder.path, name))
    assert list(folder.orphans()) == []
    assert os.listdir(folder.path) == []


@pytest.mark.parametrize('cut', [1, 5, 60])
def test_a_last_record_that_was_not_written_whole(folder, cut, caplog):
    spill = folder.new()
    append(spill, 1, 4)
    spill.close()
    path = os.path.join(spill.path, '0000000000000001.events')
    with open(path, 'rb+') as file:
        file.truncate(os.path.getsize(path) - cut)
    [found] = folder.orphans()
    assert read(found) == [1, 2]
    assert 'ends within an event, which is left out' in caplog.text
    found.remove()


def test_damaged_records_are_left_out_and_told(folder, caplog):
    spill = folder.new()
    append(spill, 1, 5)
    path = os.path.join(spill.path, '0000000000000001.events')
    with open(path, 'rb+') as file:
        data = file.read().replace(b'"n": 2', b'"n": 7')
        file.seek(0)
        file.write(data)
    assert read(spill) == [1, 3, 4]
    assert 'is damaged, and is left out' in caplog.text
    spill.remove()


def test_a_damaged_position_is_none(folder):
    spill = folder.new()
    spill.note({('a',): 5})
    with open(os.path.join(spill.path, 'position'), 'rb+') as file:
        file.seek(12)
        file.write(b'9')
    assert spill.positions() == {}
    spill.remove()


def test_no_more_bytes_than_allowed(tmp_path):
    spill = SpillFolder(tmp_path, 'queue', 500).new()
    with pytest.raises(SpillFull):
        append(spill, 1, 100)
    assert len(spill) <= 500
    found = read(spill)
    assert found == list(range(1, len(found) + 1)) and found
    spill.remove()


def test_a_disk_that_is_full_leaves_no_half_record(folder):
    spill = folder.new()
    append(spill, 1, 3)
    disk = LimitedFiles(spill.path)
    try:
        disk.fill(room=20)
        with pytest.raises(OSError):
            append(spill, 3, 4)
        disk.free()
        append(spill, 3, 5)
    finally:
        disk.close()
    assert read(spill) == [1, 2, 3, 4]
    spill.remove()
