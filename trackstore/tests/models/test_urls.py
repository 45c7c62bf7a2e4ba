"""URLs that name objects, and what comes from outside."""

import datetime
import json
import string
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trackstore.models import TrackingMap
from trackstore.models.exceptions import (
    AddressError,
    ClashError,
    LookupRefused,
    TellingError,
)
from trackstore.models.keytext import LONGEST
from trackstore.models.urls import MOST_OBJECTS, MOST_PARAMETERS
from trackstore.tests.models.accounts import ACCOUNTS, Account, Stranger, account_map


def people(*ids, **options):
    objects = {id_: Account(id_) for id_ in ids}
    return account_map(objects, **options), [objects[id_] for id_ in ids]


@pytest.mark.parametrize(('base', 'url'), [
    ('', '?Account__id=a%20b'),
    ('/', '/?Account__id=a%20b'),
    ('https://example.com', 'https://example.com?Account__id=a%20b'),
    ('/?', '/?Account__id=a%20b'),
    ('/?x=1', '/?x=1&Account__id=a%20b'),
    ('/?x=1&', '/?x=1&Account__id=a%20b'),
    ('/a?x=1#top?', '/a?x=1&Account__id=a%20b#top?'),
    ('#top', '?Account__id=a%20b#top'),
    ('/?x=1&Account%5F_id=7&y&Account__id=8#z', '/?x=1&y&Account__id=a%20b#z'),
    ('/?Account__id=7', '/?Account__id=a%20b'),
])
def test_what_a_url_has_is_kept(base, url):
    tracking_map, [account] = people('a b')
    assert tracking_map.tracking_url(base, account) == url
    assert tracking_map.tracking_url(base) == base
    assert tracking_map.values_from_query(url) == {'Account_id': 'a b'}


class QueryDict(dict):
    """As Django's: the last value of a name, and lists of all of them."""

    def __getitem__(self, name):
        return dict.__getitem__(self, name)[-1]

    def lists(self):
        return dict.items(self)


class MultiDict(list):
    """As WebOb's: pairs."""

    def items(self):
        return iter(self)


PAIRS = [('page', '2'), ('Account__id', '1'), ('Account__id', '1'), ('page', '3'),
         ('buyer__Account__id', '2'), ('empty', '')]


@pytest.mark.parametrize('params', [
    PAIRS, iter(PAIRS), dict(PAIRS), {**dict(PAIRS), 'Account__id': ['1', '1']},
    QueryDict({name: [value] for name, value in PAIRS}), MultiDict(PAIRS),
    'page=2&Account__id=1&buyer__Account__id=2',
    '?Account__id=1&buyer__Account__id=2#x',
    'https://example.com/a=b?Account__id=1&buyer__Account__id=2&next=/?x=1',
    'Account__id=1&next=https://example.com/?Account__id=7&buyer__Account__id=2',
])
def test_parameters_of_every_framework(params):
    tracking_map, _ = people('1', '2', roles=['buyer'])
    assert tracking_map.values_from_query(params) == {
        'Account_id': '1', 'buyer_Account_id': '2'}


@pytest.mark.parametrize(('params', 'error', 'text'), [
    ('?buyer__Account__id=1', LookupRefused,
     "'buyer__Account__id': 'buyer' is no role of the map; it has seller (the map's "
     "roles=)"),
    ('?a__b__c__d=1', LookupRefused,
     "'a__b__c__d' is no name to look up; allowed is 'Class__attribute' or "
     "'role__Class__attribute'"),
    (7, AddressError, 'params: 7 are no parameters; allowed are a URL, its query, a '
                      'mapping, and pairs of name and value'),
    (b'a=b', AddressError, "params: b'a=b' are no parameters; allowed are a URL, its "
                           "query, a mapping, and pairs of name and value"),
    ([1], AddressError, 'params: 1 is no pair of name and value'),
    ({'a__b': None}, AddressError, "'a__b': None is no value of a parameter; allowed "
                                   "are text, numbers, UUIDs, dates and times"),
    ([('a__b', '1')] * (MOST_PARAMETERS + 1), AddressError,
     'there are more than 200 parameters'),
    ('&'.join(['a=1'] * (MOST_PARAMETERS + 1)), AddressError,
     'there are more than 200 parameters'),
    ('x' * 50_001, AddressError, 'the URL has 50001 characters; allowed are 50000'),
    ({'Account__' + 'x' * 200: '1'}, AddressError,
     f"'Account__{'x' * 70}: the name has 209 characters; allowed are 200"),
])
def test_bad_parameters(params, error, text):
    tracking_map, _ = people('1', roles=['seller'])
    with pytest.raises(error) as caught:
        tracking_map.values_from_query(params)
    assert str(caught.value) == text
    reported = []
    tracking_map, _ = people('1', roles=['seller'], missing='report',
                             report=reported.append)
    assert tracking_map.values_from_query(params) == {}
    assert list(map(str, reported)) == [text]


def test_the_number_of_look_ups_is_bounded():
    asked = []
    tracking_map = account_map(lambda name, value: asked.append(value),
                               missing='report', report=lambda problem: None)
    tracking_map.values_from_query([('Account__id', n) for n in range(100)])
    assert asked == list(range(MOST_OBJECTS))


def test_two_objects_of_one_class_in_a_url_clash():
    tracking_map, _ = people('1', '2')
    with pytest.raises(TellingError, match='two objects would have the same names'):
        tracking_map.values_from_query('?Account__id=1&Account__id=2')


def test_two_objects_of_one_class_are_not_written_into_a_url():
    tracking_map, [one, other] = people('1', '2')
    with pytest.raises(ClashError) as caught:
        tracking_map.tracking_url('/', one, other)
    assert str(caught.value) == (
        "Account__id: two objects would have the same name ('1' and '2'); tell them "
        'apart by a role: tracking_url(base, buyer=..., seller=...)')
    assert tracking_map.tracking_url('/', one, Account('1')) == '/?Account__id=1'
    reported = []
    careful, _ = people('1', missing='report', report=reported.append)
    assert careful.tracking_url('/', one, other) == '/?Account__id=1'
    assert len(reported) == 1


NO_KEY = ('cannot be in a URL; allowed are text, numbers, UUIDs, dates and times, and '
          'text that is valid and not empty')


@pytest.mark.parametrize(('account', 'roles', 'text'), [
    (Account(None), {}, 'Account__id: the object has no key yet'),
    (Account(''), {}, f"Account__id: '' {NO_KEY}"),
    (Account('\ud800'), {}, f"Account__id: '\\ud800' {NO_KEY}"),
    (Account('a\0'), {}, f"Account__id: 'a\\x00' {NO_KEY}"),
    (Account(b'a'), {}, f"Account__id: b'a' {NO_KEY}"),
    (Account('x' * 501), {}, 'Account__id: the key has 501 characters; allowed are at '
                             'most 500'),
    (Stranger(), {}, 'the map lacks the class Stranger; it has Account, Keyless'),
    (type('Keyless', (), {})(), {}, 'Keyless: it has no key, so that it cannot be in a '
                                    'URL'),
    (None, {'buyer': Account(1)}, 'buyer: it is no role that is read back from a URL; '
                                  'the map has seller (its roles=)'),
])
def test_what_cannot_be_in_a_url(account, roles, text):
    entries = {'Account': {'key': 'id'}, 'Keyless': {}}
    objects = () if account is None else (account,)
    with pytest.raises(TellingError) as caught:
        TrackingMap(entries, roles=['seller']).tracking_url('/', *objects, **roles)
    assert str(caught.value) == text
    reported = []
    careful = TrackingMap(entries, 'report', reported.append, roles=['seller'])
    assert careful.tracking_url('/', *objects, Account(1), **roles) == '/?Account__id=1'
    assert list(map(str, reported)) == [text]


def test_too_many_objects_for_a_url():
    tracking_map = account_map({}, roles=[f'r{n}' for n in range(MOST_OBJECTS + 1)])
    roles = {role: Account(1) for role in tracking_map.roles}
    with pytest.raises(AddressError) as caught:
        tracking_map.tracking_url('/', **roles)
    assert str(caught.value) == (
        '21 objects are too many for a URL; at most 20 are read back')
    with pytest.raises(AddressError, match='^base: 7 is no URL; allowed is text$'):
        tracking_map.tracking_url(7)


TEXTS = st.text(st.characters(exclude_categories=['Cs'], exclude_characters='\0'),
                min_size=1, max_size=LONGEST)
KEYS = st.one_of(TEXTS, st.integers(), st.uuids(), st.dates(), st.times(),
                 st.datetimes(timezones=st.just(datetime.timezone.utc)),
                 st.decimals(allow_nan=False, allow_infinity=False),
                 st.sampled_from(['a&b=c', '#?%2F+ ', 'Account__id', '../..']))
BASES = st.builds(
    str.__add__, st.sampled_from(['', '/', 'https://example.com/é', '/a/b?x=1&y=%26']),
    st.sampled_from(['', '#top', '#a?b=c']))


@settings(deadline=None)
@given(KEYS, KEYS, KEYS, BASES)
def test_a_url_is_read_back(one, other, third, base):
    accounts = [Account(one), Account(other), Account(third)]
    tracking_map = account_map(dict(enumerate(accounts)), roles=['buyer', 'seller'])
    first, second, last = accounts
    url = tracking_map.tracking_url(base, first, buyer=second, seller=last)
    expected = tracking_map.tracking_values(first, buyer=second, seller=last)
    assume(len(set(map(str, expected.values()))) == 3)
    assert url.partition('?')[2].partition('#')[0].isascii()
    assert tracking_map.values_from_query(url) == expected
    assert tracking_map.values_from_query(parse_qsl(urlsplit(url).query)) == expected


NAMES = st.text(string.ascii_letters + '_.&=?#', max_size=30) | st.sampled_from(
    ['Account__id', 'Account__name', 'buyer__Account__id', 'x__Account__id'])


@settings(deadline=None)
@given(st.lists(st.tuples(NAMES, st.text(st.characters(exclude_categories=[]),
                                         max_size=30) | st.just('one'))))
def test_whatever_comes_from_outside_is_refused_or_told(params):
    reported = []
    tracking_map = account_map(
        {one.id: one for one in ACCOUNTS}, missing='report', report=reported.append,
        roles=['buyer'])
    values = tracking_map.values_from_query(params)
    assert set(values) <= {'Account_id', 'buyer_Account_id'}
    assert all(isinstance(one, TellingError) for one in reported)
    json.dumps(values, allow_nan=False)


def test_one_strange_parameter_keeps_no_other_from_being_read():
    reported = []
    tracking_map, _ = people('a', missing='report', report=reported.append)
    params = {7: 'x', 'Account__name': {'like': 'a'}, 'page': object(),
              'Account__id': 'a'}
    assert tracking_map.values_from_query(params) == {'Account_id': 'a'}
    assert [str(each) for each in reported] == [
        "params: (7, 'x') is no pair of name and value",
        "'Account__name': {'like': 'a'} is no value of a parameter; allowed are text, "
        'numbers, UUIDs, dates and times']
