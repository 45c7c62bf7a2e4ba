"""What verification compares: indexes, numbers that are there twice, runs."""

import datetime
import random
from array import array
from itertools import accumulate

import pytest
import transaction
from ZODB.DB import DB
from ZODB.MappingStorage import MappingStorage

import trackstore
from trackstore import codec, merge, overlap, segment
from trackstore.agreement import Agreement, differences
from trackstore.checkruns import RunNumbers
from trackstore.index import Coded, SegmentIndex
from trackstore.intervals import Intervals, IntervalsBuilder
from trackstore.ledger import LEAF


@pytest.fixture
def tracks():
    database = DB(MappingStorage())
    root = database.open().root()
    root['tracks'] = trackstore.TrackingStorage()
    transaction.commit()
    yield root['tracks']
    transaction.abort()
    database.close()


# indexes

VALUES = [0, -1, -2, True, 1.5, -1.0, -2.0, 10 ** 15, 'a', '', 'é', None, b'a', b'',
          datetime.date(2026, 11, 21), codec.ABSENT]


def index_of(values):
    coded = Coded()
    coded.add(values, True)
    return SegmentIndex.of(coded, 'index')


def agreement_of(index, length):
    agreement = Agreement(length)
    for pages in index.kinds.values():
        for number in range(len(pages)):
            agreement.add(*pages.decoded(number))
    return agreement


def agrees(index, values):
    """Tell whether they agree, the values in blocks of seven."""
    agreement = agreement_of(index, len(values))
    for start in range(0, len(values), 7):
        part = values[start:start + 7]
        absent = all(value is codec.ABSENT for value in part)
        agreement.compare(start, start + len(part), None if absent else part)
    return agreement.complete()


def test_an_index_agrees_with_its_own_values_and_no_others():
    rng = random.Random(3)
    for _ in range(200):
        values = rng.choices(VALUES, k=rng.randrange(1, 40))
        index = index_of(values)
        assert agrees(index, values) and differences(index, values) == []
        place = rng.randrange(len(values))
        other = list(values)
        other[place] = rng.choice(VALUES)
        same = other[place] == values[place]
        assert agrees(index, other) == same, (values[place], other[place])
        assert bool(differences(index, other)) != same
        assert not agrees(index, [*values, 'a'])


def test_a_position_that_an_index_has_twice_or_that_is_not_there():
    for positions in ([0, 1, 1], [0, 1, 9]):
        agreement = Agreement(2)
        agreement.add(['a', 'b'], array('I', [0, 2, 3]), array('H', positions))
        agreement.compare(0, 2, ['a', 'b'])
        assert not agreement.complete()


def test_a_wrong_index_is_named(tracks, monkeypatch):
    monkeypatch.setattr(segment, 'INDEXED', 256)
    tracks.saveTracks(('t', 0, f'u{n % 9}', {}) for n in range(300))
    [(key, entry)] = tracks._directory.in_order()
    old = entry.segment
    values = [*old.column('userName', range(298)), 'nobody', 'u2']
    new = segment.Segment(
        old.span, old.numbers, old.blocks, old.marks, old.starts, old.times,
        {**old.indexes, 'userName': index_of(values)})
    tracks._directory.replace([key], [entry._replace(part=new)])
    transaction.commit()
    assert tracks.verify() == [
        f'segment 1-300, index userName: does not agree with the tracks on {value!r}'
        for value in ('nobody', 'u1')]
    assert tracks.repair().problems == [] and tracks.count(userName='u1') == 34


# numbers that are there twice

def member(name, numbers, hidden=()):
    builder = IntervalsBuilder()
    builder.add(sorted(numbers))
    builder.offsets.append(builder.count)
    return overlap.Member(name, Intervals(builder.starts, builder.offsets),
                          array('q', sorted(hidden)))


def test_numbers_that_two_segments_have(monkeypatch):
    rng = random.Random(4)
    monkeypatch.setattr(overlap, 'WINDOW', 16)
    for _ in range(300):
        live, members = [], []
        for name in range(rng.randrange(1, 6)):
            start = rng.choice([1, 30, 60, 10 ** 9])
            numbers = set(rng.sample(range(start, start + 60), rng.randrange(1, 50)))
            hidden = set(rng.sample(sorted(numbers), rng.randrange(len(numbers))))
            live.append(numbers - hidden)
            members.append(member(name, numbers, hidden))
        found = {(number, one.name, other.name)
                 for number, one, other in overlap.twice(members)}
        every = sorted(set().union(*live))
        assert {number for number, _, _ in found} == {
            number for number in every
            if sum(number in numbers for numbers in live) > 1}
        assert all(number in live[one] & live[other] and one != other
                   for number, one, other in found)


def test_a_track_that_is_in_two_segments_is_named(tracks):
    tracks.saveTracks(('t', 0, 'u', {}) for n in range(100))
    [(key, entry)] = tracks._directory.in_order()
    tracks.removeTrack(tracks['0000005'])
    tracks.saveTracks(('t', 0, 'u', {}) for n in range(80))
    tracks._directory.add(entry._replace(part=copy_of(tracks, 3, 6), first=3, last=6,
                                         count=4))
    transaction.commit()
    assert [problem for problem in tracks.verify() if 'is in' in problem] == [
        f'track {number:07}: is in segment 1-100 and in segment 3-6'
        for number in (3, 4, 6)]  # the fifth is removed


def copy_of(tracks, first, last):
    builder = segment.SegmentBuilder(tracks._layout.columns)
    numbers = range(first, last + 1)
    found = [tracks[tracks.idFromNum(4)].metadata] * len(numbers)
    builder.add(numbers, {name: [row[name] for row in found]
                          for name in tracks._layout.columns}, [{}] * len(numbers))
    return builder.build()[0]


def test_a_record_in_another_page_is_named(tracks):
    tracks.saveUserTrack('t', 0, 'u', {})
    page = tracks._pages[0]
    tracks._pages[3].put(1, page.records[1])
    assert tracks.verify() == [
        'tail, page 3: has track 1, which belongs to another page']


def test_numbers_of_intervals():
    assert member('', [1, 2, 3, 7, 8, 20]).last == 20
    for lengths, starts, rising in (
            ([3, 2], [1, 4], True), ([3, 2], [1, 3], False), ([3, 0], [1, 4], False),
            ([2], [5], True)):
        offsets = array('q', accumulate(lengths, initial=0))
        assert Intervals(array('q', starts), offsets).rising == rising


# runs

def test_the_numbers_of_runs():
    known = RunNumbers()
    assert 5 in known  # as long as nothing is known
    known.add_leaf(0, {3, 5, 255})
    known.add_leaf(2, None)
    known.add_leaf(7, {7 * LEAF + 1})
    known.finish()
    known.pages = {0: {32}, 1: None}
    assert [n for n in range(2000) if n in known and n // 16 % 2 == 0] == [
        3, 5, 32, *(n for n in range(2 * LEAF, 3 * LEAF) if n // 16 % 2 == 0),
        7 * LEAF + 1]
    assert all(n in known for n in range(16, 32))  # in the hurt page
    assert 0 not in known and '3' not in known and True not in known


def test_a_track_of_no_run_is_named(tracks):
    for n in range(600):
        tracks.startRun('t', timeStamp=n)
    tracks._runs.seal()
    tracks.saveUserTrack('t', 300, 'u', {})
    del tracks._runs.active.leaf(1).entries[300]
    merge.seal(tracks)
    transaction.commit()
    assert tracks.verify() == ['segment 1-1, block 0: run 300 does not exist']
