"""Whatever a value is, what is made of it can be written as JSON."""

import collections
import datetime
import enum
import fractions
import json
import math
import pathlib
import threading
import uuid
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from BTrees.OOBTree import OOBTree, OOTreeSet
from hypothesis import given, settings
from hypothesis import strategies as st
from persistent import Persistent
from persistent.mapping import PersistentMapping

from trackstore.exceptions import TrackstoreError
from trackstore.jsonsafe import (
    CYCLE,
    DEPTH_LIMIT,
    ITEM_LIMIT,
    TEXT_LIMIT,
    TOO_DEEP,
    json_safe,
)

UTC = datetime.timezone.utc
NOON = datetime.datetime(2026, 11, 21, 12, 0, 0, 5)


class Colour(enum.Enum):
    RED = 'red'


class Level(enum.IntEnum):
    HIGH = 3


class Word(str):
    def __str__(self):
        return self


class Name(str, enum.Enum):
    ANN = 'ann'


class Whole(int):
    pass


class Nothing:
    pass


class Described:
    def __str__(self):
        return f'one of {hex(id(self))} at 0x7f00 or so'


class Failing:
    def __str__(self):
        raise RuntimeError('no')


class Stored(Persistent):
    pass


class Zone(datetime.tzinfo):
    def utcoffset(self, moment):
        raise RuntimeError('no')


class Unreadable(collections.UserDict):
    def items(self):
        yield 'a', 1
        raise KeyError('b')


@dataclass
class Person:
    name: str
    born: datetime.date
    password: str = field(default='secret', repr=False)


Point = collections.namedtuple('Point', 'x y')

CASES = [
    (None, None), (True, True), ('é', 'é'), (7, 7), (1.5, 1.5),
    (2 ** 63 - 1, 2 ** 63 - 1), (-2 ** 63, -2 ** 63),
    (2 ** 63, '9223372036854775808'), (-2 ** 63 - 1, '-9223372036854775809'),
    (math.nan, 'NaN'), (math.inf, 'Infinity'), (-math.inf, '-Infinity'),
    (Word('a'), 'a'), (Whole(7), 7), (Level.HIGH, 3), (Colour.RED, 'red'),
    (Name.ANN, 'ann'), ('a\ud800b', 'a?b'), (collections.UserString('a'), 'a'),
    (NOON, '2026-11-21T12:00:00.000005+00:00'),
    (NOON.replace(tzinfo=UTC), '2026-11-21T12:00:00.000005+00:00'),
    (NOON.replace(tzinfo=ZoneInfo('Europe/Paris')), '2026-11-21T11:00:00.000005+00:00'),
    (datetime.datetime.min.replace(tzinfo=datetime.timezone(datetime.timedelta(hours=1))),
     '0001-01-01T00:00:00+01:00'),
    (NOON.replace(tzinfo=Zone()), '<datetime.datetime>'),
    (NOON.date(), '2026-11-21'), (datetime.time(12, 5), '12:05:00'),
    (datetime.timedelta(minutes=1, milliseconds=5), 60.005),
    (uuid.UUID(int=7), '00000000-0000-0000-0000-000000000007'),
    (Decimal('1.10'), '1.10'), (Decimal('NaN'), 'NaN'),
    (fractions.Fraction(1, 3), '1/3'), (1j, '1j'),
    (pathlib.PurePosixPath('/a/b'), '/a/b'),
    (b'\xff\0', '/wA='), (bytearray(b'a'), 'YQ=='), (memoryview(b'abc')[::2], 'YWM='),
    ((1, 'a'), [1, 'a']), (collections.deque([1]), [1]), (range(3), [0, 1, 2]),
    ({3, 1, 2}, [1, 2, 3]), (frozenset(['b', 'a']), ['a', 'b']),
    ({'b', 2, None}, [None, 2, 'b']), ({(1, 2), (1, 'a')}, [[1, 'a'], [1, 2]]),
    (OOTreeSet('ba'), ['a', 'b']), ({'b': 1, 'a': 2}.keys(), ['b', 'a']),
    (Point(1, Decimal(2)), {'x': 1, 'y': '2'}),
    (Person('Ann', NOON.date()), {'name': 'Ann', 'born': '2026-11-21'}),
    (MappingProxyType({'a': {1}}), {'a': [1]}), (OOBTree({1: 2}), {'1': 2}),
    (PersistentMapping(a=1), {'a': 1}), (collections.OrderedDict(b=1), {'b': 1}),
    ({1: 'c', None: 0}, {'1': 'c', 'null': 0}), ({False: 1}, {'false': 1}),
    ({Colour.RED: 1, (1, 2): 2, NOON.date(): 3, 1.5: 4, 'é': 5},
     {'red': 1, '[1, 2]': 2, '2026-11-21': 3, '1.5': 4, 'é': 5}),
    (ValueError('bad'), 'ValueError: bad'), (int, 'builtins.int'),
    (json.dumps, 'json.dumps'), (dict.get, "<method 'get' of 'dict' objects>"),
    (Nothing(), f'<{__name__}.Nothing>'), (Stored(), f'<{__name__}.Stored>'),
    (Failing(), f'<{__name__}.Failing>'), (Unreadable(), f'<{__name__}.Unreadable>'),
    ((part for part in ()), '<generator object <genexpr>>'),
]


@pytest.mark.parametrize(('value', 'expected'), CASES, ids=lambda case: repr(case)[:40])
def test_what_a_value_becomes(value, expected):
    for given_, wanted in [(value, expected), ([value], [expected]),
                           ({'a': value}, {'a': expected})]:
        result = json_safe(given_)
        assert repr(result) == repr(wanted)  # 1 and True are not the same


def test_equal_keys_keep_their_own_values():
    assert json_safe({'1': 'text', 1: 'number', 2: 'two', '2': 'text'}) == {
        '1': 'text', '1 (2)': 'number', '2 (2)': 'two', '2': 'text'}


def test_addresses_in_memory_are_left_out():
    value = Described()
    assert json_safe(value) == f'one of {hex(id(value))} or so'
    assert json_safe(threading.Lock()) == '<unlocked _thread.lock object>'


class Array:
    """What an array of numpy is to its user."""

    def __init__(self, parts):
        self.parts = parts

    def __array__(self):
        raise NotImplementedError

    def tolist(self):
        return self.parts


class Single(Array):
    def __repr__(self):
        return 'single'

    def tolist(self):
        return self


def test_arrays():
    assert json_safe([Array([[1], [math.nan]]), Array(Colour), Single(0)]) == [
        [[1], ['NaN']], f'<{__name__}.Array>', 'single']


def test_long_text_ends_in_a_mark():
    result = json_safe({'a': 'x' * 20_000, 'b': b'x' * 20_000, 'c': 10 ** 20_000})
    assert {key: len(part) for key, part in result.items()} == dict.fromkeys(
        'abc', TEXT_LIMIT)
    assert result['a'].endswith('xxx… (20000 characters)')
    assert result['b'].endswith('… (26668 characters)')
    assert result['c'].startswith('0x') and result['c'].endswith(' characters)')
    assert json_safe('x' * 64, text_limit=64) == 'x' * 64
    assert json_safe('x' * 65, text_limit=64) == 'x' * 47 + '… (65 characters)'
    assert json_safe('x' * 20_000, text_limit=None) == 'x' * 20_000


def test_long_keys_stay_apart():
    result = json_safe({'x' * 100 + 'a': 1, 'x' * 100 + 'b': 2}, text_limit=64)
    assert result == {'x' * 46 + '… (101 characters)': 1,
                      'x' * 43 + '… (64 characters)' + ' (2)': 2}


@pytest.mark.parametrize('limit', [63, 0, -1, True, 100.0, '100'])
def test_a_bad_limit(limit):
    with pytest.raises(TrackstoreError) as caught:
        json_safe('a', text_limit=limit)
    assert isinstance(caught.value, (TypeError, ValueError))
    assert str(caught.value) == (
        f'text_limit: {limit!r} is no limit; allowed are whole numbers from 64, and '
        f'None for no limit')


def test_cycles_end():
    loop = {'a': 1}
    loop['self'] = loop
    loop['list'] = [loop, (loop,)]
    assert json_safe(loop) == {'a': 1, 'self': CYCLE, 'list': [CYCLE, [CYCLE]]}


def test_what_is_there_twice_is_no_cycle():
    part = ['a']
    result = json_safe([part, part])
    assert result == [['a'], ['a']]
    assert result[0] is not result[1]


def test_an_error_inside_leaves_its_place_only():
    bad = {'a': {'b': Unreadable()}}
    assert json_safe([bad, bad]) == [{'a': {'b': f'<{__name__}.Unreadable>'}}] * 2


class Ending(collections.UserList):
    def __iter__(self):
        yield 1
        raise KeyError(2)


def test_errors_inside_do_not_add_up():
    assert json_safe([*[Ending('ab')] * 40, [1]])[39:] == [f'<{__name__}.Ending>', [1]]


def nested(depth):
    value = 'end'
    for _ in range(depth):
        value = [value]
    return value


def test_depth_is_bounded():
    assert json_safe(nested(DEPTH_LIMIT)) == nested(DEPTH_LIMIT)
    result = json_safe(nested(DEPTH_LIMIT + 100_000))
    for _ in range(DEPTH_LIMIT):
        [result] = result
    assert result == TOO_DEEP


def size(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return len(value) + sum(map(size, value))
    return 0


def test_the_number_of_values_is_bounded():
    value = 'end'
    for _ in range(30):
        value = [value, {'a': value}]  # doubles
    result = json_safe(value)
    assert size(result) == ITEM_LIMIT
    assert json_safe(result) == result


def test_a_long_list_and_a_large_mapping():
    result = json_safe(range(ITEM_LIMIT + 5))
    assert result == [*range(ITEM_LIMIT - 1), '… (6 more)']
    result = json_safe({'…': 0, **dict.fromkeys(range(ITEM_LIMIT), 0)})
    assert len(result) == ITEM_LIMIT
    assert result['… (2)'] == '… (2 more)'
    assert json_safe(OOBTree(dict.fromkeys(range(ITEM_LIMIT + 5))))['…'] == '… (6 more)'
    assert json_safe([[], [1] * ITEM_LIMIT, [1], {}])[2:] == ['… (1 more)', {}]


def test_a_dictionary_that_another_thread_changes():
    value = {}

    class Adding:
        def __str__(self):
            value[len(value)] = 'more'
            return 'added'

    value['a'] = value['b'] = Adding()
    assert json_safe(value) == {'a': 'added', 'b': 'added'}


TEXTS = st.text(st.characters(exclude_categories=[]))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-2 ** 63, 2 ** 63 - 1) | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=20)
HASHABLE = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), TEXTS, st.binary(),
    st.dates(), st.times(), st.datetimes(timezones=st.none() | st.timezones()),
    st.timedeltas(), st.uuids(), st.decimals(allow_nan=False), st.fractions(),
    st.complex_numbers(),
    st.sampled_from([Colour.RED, Level.HIGH, Nothing(), int, 'x' * 99]))
ANY = st.recursive(
    HASHABLE, lambda each: st.lists(each) | st.tuples(each, each)
    | st.dictionaries(HASHABLE, each) | st.sets(HASHABLE)
    | st.frozensets(HASHABLE).map(lambda values: {values}), max_leaves=20)


def strict(value):
    """Return the value as strict JSON, in UTF-8, and read again."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=False)
    return json.loads(text.encode())


@settings(deadline=None)
@given(PLAIN)
def test_what_is_safe_is_equal_afterwards(value):
    assert repr(json_safe(value)) == repr(value)


@settings(deadline=None)
@given(ANY, st.integers(64, 200))
def test_anything_can_be_written(value, limit):
    result = json_safe(value, text_limit=limit)
    assert repr(strict(result)) == repr(result)
    assert repr(json_safe(result, text_limit=limit)) == repr(result)


@settings(deadline=None)
@given(st.dictionaries(HASHABLE, st.none()))
def test_no_key_is_lost(value):
    assert len(json_safe(value)) == len(value)


def containers(value):
    if isinstance(value, (dict, list)):
        yield id(value)
        for part in value.values() if isinstance(value, dict) else value:
            yield from containers(part)


@settings(deadline=None)
@given(PLAIN)
def test_nothing_mutable_is_shared(value):
    assert not set(containers(json_safe(value))) & set(containers(value))
