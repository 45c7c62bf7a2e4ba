"""Criteria, indexes, intervals and zones that make no sense."""

import datetime

import pytest

from trackstore.criteria import Between, Equal, Not, Prefix
from trackstore.exceptions import (
    CriteriaError,
)
from trackstore.tests.badinput.refusing import (
    NAN,
    refused,
)


def asking(store):
    """Return the methods that take criteria, for all of them to refuse."""
    return [store.query, store.count, store.removeTracks,
            lambda **criteria: store.distinct("taskId", **criteria),
            lambda **criteria: store.groupBy("taskId", **criteria),
            lambda **criteria: store.histogram("day", "UTC", **criteria)]


def test_a_misspelt_criterion_lists_the_known_ones(store):
    for ask in asking(store):
        with refused(CriteriaError, TypeError, "taskID", "taskId", "userName",
                     "runId", "kind", "timeFrom"):
            ask(taskID="a")
    with refused(CriteriaError, TypeError, "limit", "reverse", "after"):
        store.query(taskID="a")


@pytest.mark.parametrize("value", [
    {"a": 1}, object(), NAN, 1j, lambda: None, ["a", {}], [object()],
    datetime.time(1)], ids=repr)
def test_a_criterion_that_no_value_can_be(store, value):
    for ask in asking(store):
        with refused(CriteriaError, TypeError, "taskId"):
            ask(taskId=value)


@pytest.mark.parametrize("limit", [-1, "5", 1.5, [1], True])
def test_a_limit_that_is_no_number_of_tracks(store, limit):
    with refused(CriteriaError, TypeError, "limit", repr(limit)):
        store.query(limit=limit)


@pytest.mark.parametrize("after", ["x", 1.5, [1], object(), "12x"])
def test_continuing_after_what_is_no_track(store, after):
    with refused(CriteriaError, TypeError, "after", repr(after)):
        store.query(after=after)


@pytest.mark.parametrize("pair", [1, (1,), (1, 2, 3), "ab", {"from": 1}])
def test_a_pair_of_times_that_is_none(store, pair):
    with refused(CriteriaError, TypeError, "timeFromTo", repr(pair)):
        store.query(timeFromTo=pair)


@pytest.mark.parametrize("make", [
    lambda: Between(), lambda: Between(1, "a"), lambda: Between([1], [2]),
    lambda: Between(NAN, 1), lambda: Between(object()),
    lambda: Between(datetime.date(2024, 1, 1), datetime.datetime(2024, 1, 1)),
    lambda: Prefix(1), lambda: Prefix(None), lambda: Prefix(["a"]),
    lambda: Equal([1]), lambda: Equal(NAN), lambda: Not({}), lambda: Not(NAN)])
def test_criteria_that_make_no_sense(make):
    with refused(CriteriaError, TypeError, "("):
        make()


def test_an_index_that_is_none(store):
    for ask in store.distinct, store.groupBy:
        with refused(CriteriaError, TypeError, "color", "taskId", "kind"):
            ask("color")


def test_removing_without_a_criterion(store):
    for criteria in {}, {"runId": None}:
        with refused(CriteriaError, TypeError, "criteri"):
            store.removeTracks(**criteria)


@pytest.mark.parametrize("interval", ["fortnight", 0, -1, None, NAN, [1]])
def test_an_interval_that_is_none(store, interval):
    with refused(CriteriaError, TypeError, "interval", repr(interval)):
        store.histogram(interval)


@pytest.mark.parametrize("interval", [1e13, 2**53, 10**400])
def test_an_interval_that_leaves_the_calendar(store, interval):
    with refused(CriteriaError, TypeError, "interval", repr(interval), "calendar"):
        store.histogram(interval)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", 5, None, "../etc/passwd"])
def test_a_time_zone_that_is_none(store, zone):
    with refused(CriteriaError, TypeError, "timeZone", repr(zone)):
        store.histogram("day", zone)
