"""Whatever is in a store and wherever it lies, a query answers as the model does."""

import datetime
import os
from contextlib import contextmanager, nullcontext

import pytest
import transaction
from hypothesis import HealthCheck, Phase, example, given, note, settings
from hypothesis import strategies as st
from ZODB.DB import DB

from trackstore import TrackingStorage
from trackstore.criteria import Between, Equal, Not, Prefix
from trackstore.tests import strategies as tries
from trackstore.tests.model import Item, Model, differences, kind, small_segments

EXAMPLES = int(os.environ.get("TRACKSTORE_EXAMPLES", 25))
tried = settings(
    max_examples=2 * EXAMPLES, deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck))

records = st.lists(
    st.tuples(tries.tasks, st.just(0), tries.users, tries.datas, tries.times),
    max_size=12)
changes = st.lists(
    st.tuples(st.integers(0, 100),
              st.sampled_from(["remove", "taskId", "userName", "state",
                               "timeStamp", "data"]),
              tries.values, tries.times, tries.datas),
    max_size=6)
lives = st.tuples(st.sampled_from([2, 5, None]), st.lists(
    st.tuples(records, st.sampled_from([1, 1, 1, 7]), changes,
              st.sampled_from(["one by one", "in bulk"]),
              st.sampled_from(["", "commit", "compact"])),
    min_size=1, max_size=4))


@contextmanager
def lived(life):
    """Give a store to which all that has happened, and its model."""
    small, phases = life
    with small_segments(small) if small else nullcontext():
        yield from _lived(phases)


def _lived(phases):
    db = DB(None)
    manager = transaction.TransactionManager()
    connection = db.open(manager)
    store = connection.root()["store"] = TrackingStorage(trackFactory=Item)
    manager.commit()
    model = Model()
    try:
        for records, times, changes, way, end in phases:
            save(store, model, records * times, way)
            for change in changes:
                apply(store, model, *change)
            if end:
                manager.commit()
            if end == "compact":
                store.compact()
                manager.begin()
        yield store, model
    finally:
        manager.abort()
        connection.close()
        db.close()


def save(store, model, records, way):
    model.saveTracks(records)
    if way == "in bulk":
        store.saveTracks(records)
        return
    for task, run, user, data, when in records:
        store.saveUserTrack(task, run, user, data, timeStamp=when)


def apply(store, model, place, what, value, when, data):
    numbers = sorted(model.tracks)
    if not numbers:
        return
    number = numbers[place % len(numbers)]
    track = store[f"{number:07}"]
    if what == "remove":
        store.removeTrack(track)
        model.removeTrack(number)
    elif what == "data":
        track.data = data
        model.setTrackData(number, data)
    else:
        value = when if what == "timeStamp" else value
        setattr(track, what, value)
        model.setAttribute(number, what, value)


def in_order(values):
    """Tell whether values are sorted, as far as they compare."""
    kinds = {}
    for value in values:
        kinds.setdefault(kind(value), []).append(value)
    together = [kind(value) for value in values]
    return (all(members == sorted(members) for name, members in kinds.items()
                if name != "NoneType")
            and len(kinds) == 1 + sum(
                one != two
                for one, two in zip(together, together[1:], strict=False))
            or not values)


@tried
@given(lives, st.lists(st.tuples(tries.questions(), tries.pages), max_size=8))
def test_queries_answer_as_the_model_does(life, asked):
    with lived(life) as (store, model):
        for question, page in asked:
            criteria = {**question, **page}
            note(f"asked: {criteria}")
            expected = model.query(**criteria)
            found = store.query(**criteria)
            assert list(found.numbers) == expected
            assert list(found.ids) == [f"{number:07}" for number in expected]
            assert [int(track.name) for track in found] == expected
            assert len(found) == len(expected)
            assert store.count(**question) == model.count(**question)
            assert bool(found) == bool(expected)


@tried
@given(lives, tries.questions(), st.sampled_from(sorted(tries.INDEXES)))
def test_distinct_answers_as_the_model_does(life, question, name):
    with lived(life) as (store, model):
        found = store.distinct(name, **question)
        assert isinstance(found, list)
        assert set(found) == set(model.distinct(name, **question))
        assert len(found) == len(set(found))
        assert in_order(found)


@tried
@given(lives, tries.questions(), st.sampled_from(sorted(tries.INDEXES)),
       st.sampled_from([None, "n", "x"]))
def test_groups_are_those_of_the_model(life, question, name, of):
    with lived(life) as (store, model):
        groups = store.groupBy(name, of=of, **question)
        assert in_order(list(groups))
        expected = model.groupBy(name, of=of, **question)
        got = {value: (group.count, group.first, group.last, group.sum,
                       group.mean, group.minimum, group.maximum)
               for value, group in groups.items()}
        assert got.keys() == expected.keys()
        for value, group in got.items():
            assert group[:3] == expected[value][:3]
            assert group[3:] == pytest.approx(expected[value][3:])


@tried
@given(lives, tries.questions(), tries.pages, st.data())
def test_an_answer_is_like_a_list(life, question, page, data):
    with lived(life) as (store, _):
        found = store.query(**question, **page)
        tracks = list(found)
        assert found == tracks
        assert repr(found) == repr(tracks)
        assert list(reversed(found)) == tracks[::-1]
        bound = st.none() | st.integers(-len(tracks) - 2, len(tracks) + 2)
        part = slice(data.draw(bound), data.draw(bound),
                     data.draw(st.sampled_from([None, 1, 2, -1, -3])))
        assert list(found[part]) == tracks[part]
        assert len(found[part]) == len(tracks[part])
        assert list(found.ids[part]) == [track.name for track in tracks[part]]
        for place in range(-len(tracks), len(tracks)):
            assert found[place] is tracks[place]
        for place in len(tracks), -len(tracks) - 1:
            with pytest.raises(IndexError):
                found[place]


@tried
@given(lives, tries.questions(), st.booleans(), st.integers(1, 5))
def test_pages_make_up_the_whole(life, question, reverse, size):
    with lived(life) as (store, _):
        whole = list(store.query(**question, reverse=reverse).ids)
        paged, after = [], None
        while True:
            page = store.query(**question, reverse=reverse, limit=size,
                               **({"after": after} if after else {}))
            paged += page.ids
            if len(page) < size:
                break
            after = page.ids[-1]
        assert paged == whole


@tried
@given(lives, tries.questions(), changes)
def test_an_answer_stays_as_it_was_when_asked(life, question, changes):
    with lived(life) as (store, model):
        found = store.query(**question)
        expected = model.query(**question)
        for change in changes:
            apply(store, model, *change)
        store.saveUserTrack("a", 0, "u1", {})
        assert list(found.numbers) == expected
        assert len(found) == len(expected)


@tried
@given(lives)
def test_compacting_and_reindexing_change_no_answer(life):
    with lived(life) as (store, model):
        assert differences(store, model) == []
        store.reindexTracks()
        assert differences(store, model) == []
        transaction_of(store).commit()
        store.compact()
        transaction_of(store).begin()
        assert differences(store, model) == []
        assert store.verify() == []
        assert store.info()["changes"] == 0
        assert store.info()["tracks"] == len(model.tracks)


def transaction_of(store):
    return store._p_jar.transaction_manager


# histograms

ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata",
         "Australia/Lord_Howe", "Pacific/Apia"]
FIRST = 1_300_000_000
moments = st.integers(FIRST, FIRST + 3 * 366 * 86400) | st.floats(
    FIRST, FIRST + 40 * 86400)


def starts_interval(start, interval):
    """Tell whether an aware datetime is where an interval of the calendar is."""
    midnight = start.hour == start.minute == start.second == 0
    return {
        "minute": start.second == 0, "hour": start.second == 0,
        "day": midnight, "week": midnight and start.weekday() == 0,
        "month": midnight and start.day == 1,
        "year": midnight and start.day == start.month == 1,
    }[interval] and start.microsecond == 0


@tried
@given(st.lists(moments, max_size=12),
       st.sampled_from(["hour", "day", "week", "month", "year", 3600, 86400]),
       st.sampled_from(ZONES), st.booleans())
@example([1_332_633_600, 1_332_637_200], "day", "Europe/Berlin", True)
@example([1_325_239_200, 1_325_325_600], "day", "Pacific/Apia", True)
@example([1_300_000_000, 1_320_000_000], "hour", "Europe/Berlin", False)
def test_buckets_of_a_histogram(times, interval, zone, sealed):
    if interval == "hour" and times:
        times = [min(times) + (when - min(times)) % 864000 for when in times]
    phase = ([("a", 0, "u", {}, when) for when in times], 1, [], "in bulk",
             "compact" if sealed else "")
    with lived((None, [phase])) as (store, _):
        buckets = store.histogram(interval, zone)
    if not times:
        assert buckets == []
        return
    assert buckets[0].count and buckets[-1].count
    for one, two in zip(buckets, buckets[1:], strict=False):
        assert one.end.timestamp() == two.start.timestamp()
    for start, end, count in buckets:
        assert str(start.tzinfo) == str(end.tzinfo) == zone
        low, high = start.timestamp(), end.timestamp()
        assert low < high
        assert count == sum(low <= when < high for when in times)
        if isinstance(interval, str):
            assert starts_interval(start, interval)
        else:
            assert high - low == interval
    assert sum(bucket.count for bucket in buckets) == len(times)
    if interval in ("day", "week", "month", "year"):
        assert all(one_calendar_step(bucket, interval) for bucket in buckets)


def one_calendar_step(bucket, interval):
    """Tell whether a bucket is one day, week, month or year by the calendar."""
    start, end = bucket.start.date(), bucket.end.date()
    if interval == "day":  # Apia had no 30 December 2011
        return start < end <= start + datetime.timedelta(2)
    if interval == "week":
        return end - start == datetime.timedelta(7)
    months = (end.year - start.year) * 12 + end.month - start.month
    return months == (1 if interval == "month" else 12)


# what a value means

@pytest.fixture(params=["tail", "segment", "pages"])
def store(request):
    """Tracks for each value: in the tail, in a segment, in one of many pages."""
    phase = ([(value, 0, "u", {}, 1) for value in tries.VALUES], 1, [],
             "one by one", "" if request.param == "tail" else "compact")
    with lived((4 if request.param == "pages" else None, [phase])) as (store, _):
        yield store


def tasks(store, criterion):
    return [track.taskId for track in store.query(taskId=criterion)]


def test_values_are_equal_as_in_python(store):
    assert repr(tasks(store, 1)) == "[True, 1, 1.0]"
    assert repr(tasks(store, False)) == "[False, 0]"
    assert tasks(store, "a") == ["a"]
    assert tasks(store, b"a") == [b"a"]
    assert tasks(store, None) == [None]
    assert tasks(store, datetime.date(2024, 1, 1)) == [datetime.date(2024, 1, 1)]
    aware = datetime.datetime(2024, 1, 1, tzinfo=datetime.timezone.utc)
    assert len(tasks(store, aware)) == 2


def test_tracks_of_no_task_have_the_same_runs_one_by_one_and_in_bulk():
    """None is a task as any other, also for the run that it is in."""
    records = [(None, 0, "u", {}, 1), ("a", 0, "u", {}, 1), (None, 0, "u", {}, 1)]
    for way in "one by one", "in bulk":
        with lived((None, [(records, 2, [], way, "commit")])) as (store, _):
            assert [track.runId for track in store.query()] == [1, 2, 1, 1, 2, 1]


def test_a_prefix_finds_all_that_begins_so(store):
    expected = ["a", "a*", "ab", "abc", "az", "a{", "aé", "a\U0001f600", "a\0"]
    assert tasks(store, "a*") == tasks(store, Prefix("a")) == expected
    assert tasks(store, Equal("a*")) == ["a*"]
    assert tasks(store, Prefix(b"a")) == [b"a", b"ab", b"a\xff"]
    assert tasks(store, Prefix(b"\xff")) == [b"\xff"]
    assert tasks(store, "*") == [v for v in tries.VALUES if isinstance(v, str)]
    assert tasks(store, Equal("*")) == ["*"]


def test_a_range_keeps_to_its_kind(store):
    assert repr(tasks(store, Between(0, 1))) == "[False, True, 0, 1, 1.0]"
    assert tasks(store, Between("ab", "az")) == ["ab", "abc", "az"]
    assert tasks(store, Between(2)) == [2.5, 2**70, float("inf")]
    assert tasks(store, Between(high="a")) == ["", "a", "*"]
    assert tasks(store, Between(2, 1)) == []


def test_not_finds_all_the_others(store):
    for criterion in ("a", 1, None, "a*", Between(0), ["a", b"a", 2.5], Prefix(b"")):
        found = tasks(store, criterion) + tasks(store, Not(criterion))
        assert len(found) == len(tries.VALUES)
        assert sorted(map(repr, found)) == sorted(map(repr, tries.VALUES))


def test_not_finds_tracks_without_a_value(store):
    store.saveUserTrack("has", 0, "u", {"kind": "x"})
    store.saveUserTrack("has", 0, "u", {"kind": None})
    assert store.count(kind=Not("y")) == len(store)
    assert store.count(kind=Not("x")) == len(store) - 1
    assert store.count(kind=None) == 1
