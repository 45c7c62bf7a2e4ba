"""Finding objects by what is declared as unique, and the URLs that say which."""

import datetime
import enum
import json
import string
import uuid
from decimal import Decimal
from urllib.parse import parse_qsl, urlsplit

import pytest
import transaction
from BTrees.IOBTree import IOBTree
from BTrees.OOBTree import OOBTree
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from persistent import Persistent
from zope.index.field import FieldIndex

from trackstore.exceptions import TrackstoreError
from trackstore.models import Catalog, Container, Function, TrackingMap
from trackstore.models.exceptions import (
    AddressError,
    LookupRefused,
    MapError,
    NotFoundError,
    ReadingError,
    SeveralFoundError,
    TellingError,
    UnknownClassError,
)
from trackstore.models.keytext import LONGEST
from trackstore.models.urls import MOST_OBJECTS, MOST_PARAMETERS
from trackstore.testing import memory_root


class Account(Persistent):
    def __init__(self, id, name='', **more):
        self.id, self.name = id, name
        vars(self).update(more)


class Other(Account):
    pass


class Stranger(Persistent):
    id, name = 1, 'one'


def account_map(find, unique=('name',), key='id', **options):
    return TrackingMap({'Account': {
        'attributes': ['id'], 'key': key, 'unique': list(unique), 'find': find}},
        **options)


ACCOUNTS = [Account(1, 'one'), Account(2, 'two'), Account(3, 'same'),
            Account(4, 'same')]


def index(name, objects):
    made = FieldIndex()
    for number, obj in enumerate(objects):
        made.index_doc(number, getattr(obj, name))
    return made


def a_function(name, value):
    return [one for one in ACCOUNTS if str(getattr(one, name)) == str(value)]


WAYS = {
    'dict by number': {one.id: one for one in ACCOUNTS},
    'dict by text': {str(one.id): one for one in ACCOUNTS},
    'BTree by number': IOBTree({one.id: one for one in ACCOUNTS}),
    'BTree by text': OOBTree({str(one.id): one for one in ACCOUNTS}),
    'dict by another thing': {one.id * 7: one for one in ACCOUNTS},
    'container': Container(lambda: {one.id: one for one in ACCOUNTS}, by='id'),
    'catalog': Catalog({name: index(name, ACCOUNTS) for name in ('id', 'name')},
                       resolve=ACCOUNTS.__getitem__),
    'catalog by a function': Catalog(
        lambda: {name: index(name, ACCOUNTS) for name in ('id', 'name')},
        resolve=ACCOUNTS.__getitem__),
    'function': a_function,
}


@pytest.mark.parametrize('find', WAYS.values(), ids=WAYS)
def test_every_way_finds(find):
    tracking_map = account_map(find)
    for value in (2, '2'):
        assert tracking_map.get_model('Account__id', value) is ACCOUNTS[1]
    assert tracking_map.get_model('Account__name', 'two') is ACCOUNTS[1]
    for value in (9, '9', '02', ' 2', '2.0', -1, 10 ** 30, 'x', 2.5):
        with pytest.raises(NotFoundError) as caught:
            tracking_map.get_model('Account__id', value)
        assert str(caught.value) == f'Account__id: there is no Account with {value!r}'
    with pytest.raises(SeveralFoundError) as caught:
        tracking_map.get_model('Account__name', 'same')
    assert str(caught.value) == (
        "Account__name: there are several Account with 'same'; a key must be unique")
    assert tracking_map.check_map() == []


@pytest.mark.parametrize('value', [
    uuid.UUID(int=7), Decimal('1.10'), datetime.date(2026, 11, 21), 7, 'é / ?&=#+%',
    datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc),
    datetime.time(12, 5), enum.Enum('Colour', {'RED': 'red'}).RED, 2 ** 70])
@pytest.mark.parametrize('keyed', [True, False])
def test_kinds_of_keys(value, keyed):
    account = Account(value)
    tracking_map = account_map({value if keyed else 'x': account})
    url = tracking_map.tracking_url('/', account)
    assert tracking_map.values_from_query(url) == tracking_map.tracking_values(account)
    assert tracking_map.get_model('Account__id', value) is account


def test_a_container_of_a_database_belongs_to_its_connection():
    root = memory_root()
    root['accounts'] = OOBTree({'one': Account(1, 'one')})
    transaction.commit()
    db = root._p_jar.db()
    connections = []

    def accounts():
        connections.append(db.open(transaction.TransactionManager()))
        return connections[-1].root()['accounts']

    tracking_map = account_map(Container(accounts), key='name', unique=())
    found = [tracking_map.get_model('Account__name', 'one') for _ in range(2)]
    assert [one._p_jar for one in found] == connections
    assert found[0] is not found[1]
    for connection in connections:
        connection.close()
    root._p_jar.close()
    db.close()


def test_a_key_of_the_container_that_the_object_does_not_have_finds_nothing():
    tracking_map = account_map({'admin': Account(1, 'one')}, key='name', unique=())
    with pytest.raises(NotFoundError):
        tracking_map.get_model('Account__name', 'admin')
    assert tracking_map.get_model('Account__name', 'one').id == 1


def test_a_large_container_is_not_searched():
    accounts = {number: Account(number, f'n{number}') for number in range(1001)}
    tracking_map = account_map(accounts)
    assert tracking_map.get_model('Account__id', '1000') is accounts[1000]
    with pytest.raises(LookupRefused) as caught:
        tracking_map.get_model('Account__name', 'n5')
    assert str(caught.value) == (
        "name: it is no key of the container, which has more than 1000 objects and is "
        "not searched; use a Catalog, or a function, or say by='name' if it is the "
        "container's key")
    assert account_map(Container(accounts, scan=1001)).get_model(
        'Account__name', 'n5') is accounts[5]
    with pytest.raises(NotFoundError):
        account_map(Container(accounts, by='id')).get_model('Account__id', '5000')


def test_objects_of_another_class_are_not_found():
    tracking_map = TrackingMap({
        'Account': {'key': 'id', 'find': {1: Stranger(), 2: Other(2)}},
        'Stranger': {'attributes': ['name']}})
    with pytest.raises(NotFoundError):
        tracking_map.get_model('Account__id', 1)
    assert tracking_map.get_model('Account__id', 2).id == 2


def test_a_subclass_with_an_entry_is_found_by_its_parents_name():
    other = Other(2, 'two')
    tracking_map = TrackingMap({
        'Account': {'key': 'id', 'find': {2: other}},
        'Other': {'attributes': ['name']}})
    assert tracking_map.values_from_query('?Account__id=2') == {'Other_name': 'two'}


def test_renamed_and_dotted_attributes_are_looked_up():
    account = Account(1, 'one', owner=Account(7, 'owner'))
    tracking_map = TrackingMap({'Account': {
        'attributes': [('number', 'id')], 'key': 'number', 'unique': ['owner.name'],
        'find': {1: account}}})
    assert tracking_map.get_model('Account__number', '1') is account
    assert tracking_map.get_model('Account__owner.name', 'owner') is account
    url = tracking_map.tracking_url('/', account)
    assert url == '/?Account__number=1'
    assert tracking_map.values_from_query(url) == {'Account_number': 1}


def test_a_function_gets_the_path_and_may_say_that_there_is_none():
    asked = []

    def find(path, value):
        asked.append((path, value))
        return {'1': ACCOUNTS[0], '2': None, '3': (), '4': ACCOUNTS}[value]

    tracking_map = account_map(Function(find))
    assert tracking_map.get_model('Account__id', '1') is ACCOUNTS[0]
    for value in '235':
        with pytest.raises(NotFoundError):
            tracking_map.get_model('Account__id', value)
    with pytest.raises(SeveralFoundError):
        tracking_map.get_model('Account__id', '4')
    assert asked[0] == ('id', '1')


# what is not allowed

def failing(name, value):
    raise RuntimeError('no database')


REFUSED = [
    ('Account__secret', '1', LookupRefused, ValueError,
     "Account is not looked up by 'secret'; allowed is its key and what it declares as "
     "unique: id, name"),
    ('Account__a\nb', '1', LookupRefused, ValueError,
     "Account is not looked up by 'a\\nb'; allowed is its key and what it declares as "
     "unique: id, name"),
    ('Account____class__', '1', LookupRefused, ValueError,
     "'Account____class__' is no name to look up; allowed is 'Class__attribute'"),
    ('Account', '1', LookupRefused, ValueError,
     "'Account' is no name to look up; allowed is 'Class__attribute'"),
    ('buyer__Account__id', '1', LookupRefused, ValueError,
     "'buyer__Account__id' is no name to look up; allowed is 'Class__attribute'"),
    (7, '1', LookupRefused, ValueError,
     "7 is no name to look up; allowed is 'Class__attribute'"),
    ('Nobody__id', '1', UnknownClassError, LookupError,
     "the map lacks the class 'Nobody'; it has Account, Lost"),
    ('Lost__id', '1', LookupRefused, ValueError,
     "Lost__id: nothing finds objects of Lost; give the entry a 'model' of Django or "
     "SQLAlchemy, or 'find'"),
    ('Account__id', '', LookupRefused, ValueError,
     'Account__id: the value has 0 characters; allowed are 1 to 500'),
    ('Account__id', 'x' * 501, LookupRefused, ValueError,
     'Account__id: the value has 501 characters; allowed are 1 to 500'),
    ('Account__id', None, LookupRefused, ValueError,
     'Account__id: None is no value of a key; allowed are text, numbers, UUIDs, dates '
     'and times'),
    ('Account__id', ['1'], LookupRefused, ValueError,
     "Account__id: ['1'] is no value of a key; allowed are text, numbers, UUIDs, dates "
     "and times"),
    ('Account__name', 'broken', ReadingError, RuntimeError,
     'Account__name: looking it up failed: RuntimeError: no database'),
]


@pytest.mark.parametrize(('name', 'value', 'error', 'builtin', 'text'), REFUSED,
                         ids=[case[0] for case in REFUSED])
def test_what_is_refused(name, value, error, builtin, text):
    entries = {'Account': {'key': 'id', 'unique': ['name'], 'find': failing},
               'Lost': {'key': 'id'}}
    with pytest.raises(error) as caught:
        TrackingMap(entries).get_model(name, value)
    assert str(caught.value) == text
    assert isinstance(caught.value, builtin)
    assert isinstance(caught.value, TellingError) and isinstance(
        caught.value, TrackstoreError)
    reported = []
    careful = TrackingMap(entries, missing='report', report=reported.append)
    assert careful.get_model(name, value) is None
    assert [(type(one), str(one)) for one in reported] == [(error, text)]


def test_a_catalog_lacks_an_index():
    tracking_map = account_map(Catalog({'id': index('id', [])}, resolve=print))
    with pytest.raises(LookupRefused) as caught:
        tracking_map.get_model('Account__name', 'one')
    text = "name: the catalog has no index of that name; it has 'id'"
    assert str(caught.value) == text
    assert tracking_map.check_map() == [f'Account__name: {text}']
    with pytest.raises(LookupRefused, match='^the catalog gives numbers of objects;'):
        account_map(Catalog({'id': index('id', ACCOUNTS)})).get_model('Account__id', 1)


def test_a_catalog_that_answers_with_records():
    class Record:
        def __init__(self, obj):
            self.getObject = lambda: obj

    class ZCatalog:
        def indexes(self):
            return ['id', 'name']

        def searchResults(self, **query):
            [(name, value)] = query.items()
            return [Record(one) for one in ACCOUNTS if getattr(one, name) == value]

    tracking_map = account_map(Catalog(ZCatalog()))
    assert tracking_map.get_model('Account__id', '2') is ACCOUNTS[1]
    assert tracking_map.get_model('Account__name', 'two') is ACCOUNTS[1]
    with pytest.raises(SeveralFoundError):
        tracking_map.get_model('Account__name', 'same')
    assert account_map(Catalog(ZCatalog()), unique=['age']).check_map() == [
        "Account__age: age: the catalog has no index of that name; it has 'id', 'name'"]


@pytest.mark.parametrize(('make', 'text'), [
    (lambda: Container(7), 'container: 7 is no mapping; allowed are mappings of '
                           'objects and functions that return one'),
    (lambda: Container({}, scan=-1), 'scan: -1 is no number of objects; allowed are '
                                     'whole numbers from 0'),
    (lambda: Catalog(7), 'catalog: 7 is no catalog; allowed are mappings of indexes, a '
                         'ZCatalog, and functions that return one'),
    (lambda: Catalog({}, resolve=7), 'resolve: 7 is no function; allowed is one that '
                                     'returns the object of a number'),
])
def test_ways_that_are_none(make, text):
    with pytest.raises(MapError) as caught:
        make()
    assert str(caught.value) == text


# addresses

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
