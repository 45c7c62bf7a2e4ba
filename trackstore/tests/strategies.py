"""What hypothesis is to try: values, data, times, criteria, and whole queries."""

import datetime

from hypothesis import strategies as st

from trackstore.criteria import Between, Equal, Not, Prefix
from trackstore.tests.model import kind

UTC = datetime.timezone.utc
EAST = datetime.timezone(datetime.timedelta(hours=5, minutes=30))

#: Values of an index, among them some that are equal and some that are not.
VALUES = [
    None, False, True, 0, 1, 1.0, -1, 2.5, 2**70, -(2**63) - 1, float("inf"),
    "", "a", "a*", "ab", "abc", "az", "a{", "aé", "a\U0001f600", "a\0", "é", "*",
    b"", b"a", b"ab", b"a\xff", b"\xff",
    datetime.date(2024, 1, 1), datetime.date(1999, 12, 31),
    datetime.datetime(2024, 1, 1), datetime.datetime(2024, 1, 1, 0, 0, 0, 1),
    datetime.datetime(2024, 1, 1, tzinfo=UTC),
    datetime.datetime(2024, 1, 1, 5, 30, tzinfo=EAST),
    datetime.datetime(2024, 1, 1, 5, 30, tzinfo=UTC)]

values = st.sampled_from(VALUES)
tasks = st.sampled_from(["a", "ab", "a*", "é", 1, True, 2.5, b"a"]) | (
    values.filter(lambda value: value is not None))
users = st.sampled_from(["u1", "u2", "u3"]) | values
times = st.sampled_from([0, 1, 10, 10.0, 10.5, 11, -3, 1_700_000_000]) | (
    st.integers(0, 50))
_contents = st.dictionaries(
    st.sampled_from(["n", "x", "text", 7, ("t", 1)]),
    st.integers(-5, 5) | st.sampled_from(
        [0.5, 2**80, "a", None, True, [], [1], {"p": 1}, {"p": [1]}]), max_size=3)
_kinds = st.lists(values, max_size=1)


@st.composite
def _datas(draw):
    data = dict(draw(_contents))
    for value in draw(_kinds):
        data["kind"] = value
    return data


datas = _datas()


@st.composite
def ranges(draw):
    """Draw a ``Between``, of which a bound may be missing."""
    low = draw(values.filter(lambda value: value is not None))
    high = draw(st.sampled_from(
        [None, *[value for value in VALUES if kind(value) == kind(low)]]))
    return Between(low, high) if draw(st.booleans()) else Between(high, low)


singles = st.one_of(
    values, values.map(Equal), ranges(),
    st.sampled_from(["", "a", "ab", "é", "zz", b"", b"a", b"\xff"]).map(Prefix),
    st.sampled_from(["a*", "*", "ab*", "a**", "é*", "u*"]))
positives = singles | st.lists(singles, max_size=4).flatmap(
    lambda each: st.sampled_from([each, tuple(each)]))
criteria = positives | positives.map(Not)
run_criteria = st.one_of(
    st.none(), st.integers(0, 6), st.integers(1, 6).map(Not),
    st.lists(st.integers(0, 6), max_size=3),
    st.builds(Between, st.integers(0, 6), st.none() | st.integers(0, 6)))

INDEXES = {
    "taskId": criteria, "userName": criteria, "state": criteria,
    "kind": criteria, "runId": run_criteria,
    "size": criteria | st.integers(0, 4),
    "timeStamp": criteria | times}

CRITERIA = {
    **INDEXES, "timeFrom": times, "timeTo": times,
    "timeFromTo": st.tuples(times | st.none(), times | st.none())}

pages = st.fixed_dictionaries({}, optional={
    "limit": st.integers(0, 12), "reverse": st.booleans(),
    "after": st.integers(0, 60) | st.integers(0, 60).map("{:07}".format)})


@st.composite
def questions(draw):
    """Draw the criteria of a query: a few at most."""
    names = draw(st.lists(
        st.sampled_from(sorted(CRITERIA)), max_size=3, unique=True))
    return {name: draw(CRITERIA[name]) for name in names}
