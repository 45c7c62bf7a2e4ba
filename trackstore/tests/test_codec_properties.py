"""Columns and mappings come back from bytes as they were."""

import datetime
import pickle
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackstore import codec, texts
from trackstore.codec import (
    ABSENT,
    Mappings,
    compress,
    decode_column,
    decompress,
    dump_mapping,
    encode_column,
    encode_mappings,
    is_lazy,
    smallest_array,
)
from trackstore.exceptions import DataError

WHOLE = st.integers() | st.sampled_from([
    edge + step for bits in (7, 8, 15, 16, 31, 32, 53, 63, 64)
    for edge in (1 << bits, -(1 << bits)) for step in (-1, 0, 1)])
TEXTS = st.text(st.characters(exclude_categories=[])) | st.sampled_from(
    ["", "\0", "a\0b", "\ud800", "\U0001f600"])
FLOATS = st.floats() | st.just(-0.0)
SIMPLE = st.one_of(
    WHOLE, TEXTS, FLOATS, st.booleans(), st.none(), st.binary(),
    st.dates(), st.datetimes(), st.datetimes(timezones=st.timezones()),
    st.just(Decimal("1.10")))
NESTED = st.recursive(
    SIMPLE, lambda each: st.lists(each, max_size=3) | st.tuples(each, each)
    | st.dictionaries(TEXTS, each, max_size=3), max_leaves=6)
COLUMNS = st.one_of(*[st.lists(values, min_size=1, max_size=20) for values in (
    WHOLE, TEXTS, FLOATS, st.booleans(), st.none(), SIMPLE, NESTED)])
KEYS = st.sampled_from(["a", "b", "", "é"]) | st.sampled_from(
    [1, True, 1.0, None, b"a", (1, 2)])
DEEP = st.recursive(SIMPLE, lambda each: st.dictionaries(KEYS, each, max_size=3))
MAPPINGS = st.lists(st.dictionaries(KEYS, NESTED | DEEP, max_size=4), max_size=40)


def decoded(blob):
    values = decode_column(blob)
    return [pickle.loads(value) if is_lazy(blob) else value for value in values]


@settings(deadline=None)
@given(COLUMNS, st.booleans())
def test_column_comes_back(values, rising):
    blob = encode_column(values, rising=rising)
    assert repr(decoded(blob)) == repr(values)


@settings(deadline=None)
@given(st.lists(WHOLE, min_size=1), st.booleans())
def test_rising_column_comes_back(values, rising):
    values.sort()
    assert list(decode_column(encode_column(values, rising=rising))) == values


def test_of_texts_few_are_kept(monkeypatch):
    kept = texts.Texts()
    monkeypatch.setattr(codec, "_texts", kept)
    monkeypatch.setattr(texts, "MOST_BYTES", 50_000)
    one, two = (decoded(encode_column(["ann", "ben" * 9, "ann"])) for _ in "12")
    assert one[0] is one[2] is two[2] and one[1] is two[1]
    decoded(encode_column([f"{n} is a page of text" * 100 for n in range(20)]))
    assert len(kept) == 2
    for n in range(100):  # few of them are long, or many are short
        decoded(encode_column([*map(str, range(200)), f"{n} is a page" * 1_000]))
        assert sum(map(len, kept)) <= texts.MOST_BYTES + 15_000
    monkeypatch.setattr(texts, "MOST", 1_000)
    for n in range(0, 10_000, 500):
        decoded(encode_column([*map(str, range(n, n + 500))]))
        assert len(kept) <= 1_500


@settings(deadline=None)
@given(MAPPINGS)
def test_mappings_come_back(mappings):
    block = Mappings(encode_mappings(mappings))
    back = [block[position] for position in range(len(mappings))]
    assert repr(back) == repr(mappings)


@settings(deadline=None)
@given(MAPPINGS.filter(bool), KEYS, st.data())
def test_values_of_a_key_come_back(mappings, key, data):
    block = Mappings(encode_mappings(mappings))
    positions = data.draw(st.lists(st.integers(0, len(mappings) - 1)))
    expected = [mappings[position].get(key, ABSENT) for position in positions]
    assert repr(list(block.values(key, positions))) == repr(expected)


@settings(deadline=None)
@given(st.dictionaries(KEYS, NESTED, max_size=4))
def test_one_mapping_comes_back(mapping):
    assert repr(pickle.loads(dump_mapping(mapping))) == repr(mapping)


@given(st.binary(max_size=300))
def test_compressed_bytes_come_back(raw):
    assert decompress(compress(raw)) == raw
    assert decompress(compress(raw * 50)) == raw * 50


@given(st.lists(WHOLE, min_size=1))
def test_smallest_array_holds_the_values_or_says_so(values):
    fits = all(-(1 << 63) <= value < 1 << 63 for value in values)
    if fits:
        assert list(smallest_array(values)) == values
    else:
        with pytest.raises(OverflowError):
            smallest_array(values)


@pytest.mark.parametrize("count", [1, 5, 40])
def test_changing_what_came_back_does_not_change_the_block(count):
    """Whether the mappings have one shape, a few, or one each."""
    mappings = [{f"key{n}": 1, "list": [1, {"deep": []}], "map": {"deep": {"a": n}}}
                for n in range(count)]
    block = Mappings(encode_mappings(mappings))
    first = block[0]
    first["list"][1]["deep"].append("changed")
    first["map"]["deep"]["more"] = 1
    first["more"] = 1
    block.values("list", [0])[0].append("changed")
    block.values("map", [0])[0]["deep"]["a"] = "changed"
    assert block[0] == mappings[0]


def test_a_dictionary_that_holds_itself_comes_back():
    endless = {"a": 1}
    endless["self"] = endless
    back = Mappings(encode_mappings([{"it": endless}] * 3))[1]["it"]
    for _ in range(50):
        assert list(back) == ["a", "self"]
        back = back["self"]


def test_a_key_of_a_dictionary_within_that_does_not_pickle_is_named():
    with pytest.raises(DataError, match=r"^data\['outer'\]: a value of type function "):
        encode_mappings([{"outer": {"inner": {"most": lambda: None}}}] * 2)


class Unpicklable:

    def __reduce__(self):
        raise RuntimeError("not me")


class LocalTime(datetime.tzinfo):
    """A time zone that does not pickle, on a type that otherwise does."""

    def __reduce__(self):
        raise RuntimeError("not me")

    def utcoffset(self, when):
        return datetime.timedelta(0)


@pytest.mark.parametrize("value", [
    Unpicklable(), [Unpicklable()], lambda: None, (n for n in "ab"),
    datetime.datetime(2024, 1, 1, tzinfo=LocalTime())])
@pytest.mark.parametrize("others", [0, 1, 30])
def test_what_does_not_pickle_is_named(value, others):
    """Whether the mappings have one shape, two, or one each."""
    mapping = {"fine": 1, "bad": value}
    with pytest.raises(DataError, match=r"data\['bad'\]: .* cannot be stored"):
        dump_mapping(mapping)
    mappings = [{f"key{n}": n} for n in range(others)]
    with pytest.raises(DataError, match=r"data\['bad'\]: .* cannot be stored"):
        encode_mappings([*mappings, mapping])
