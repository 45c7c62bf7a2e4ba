"""Finding objects by what is declared as unique."""

import datetime
import enum
import uuid
from decimal import Decimal

import pytest
import transaction
from BTrees.IOBTree import IOBTree
from BTrees.OOBTree import OOBTree
from zope.index.field import FieldIndex

from trackstore.exceptions import TrackstoreError
from trackstore.models import Catalog, Container, Function, TrackingMap
from trackstore.models.exceptions import (
    LookupRefused,
    MapError,
    NotFoundError,
    ReadingError,
    SeveralFoundError,
    TellingError,
    UnknownClassError,
)
from trackstore.testing import memory_root
from trackstore.tests.models.accounts import (
    ACCOUNTS,
    Account,
    Other,
    Stranger,
    account_map,
)


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


@pytest.mark.parametrize('collection', [list, tuple, set, iter, dict.fromkeys])
def test_a_function_may_return_any_collection(collection):
    def find(name, value):
        found = collection(a_function(name, value))
        return found.keys() if isinstance(found, dict) else found

    tracking_map = account_map(find)
    assert tracking_map.get_model('Account__id', 2) is ACCOUNTS[1]
    with pytest.raises(NotFoundError):
        tracking_map.get_model('Account__id', 99)


def test_a_container_that_is_none_when_it_is_asked():
    with pytest.raises(ReadingError) as caught:
        account_map(Container(lambda: None)).get_model('Account__id', 2)
    assert str(caught.value) == (
        'Account__id: looking it up failed: TypeError: the function of the container '
        'returned None; allowed are mappings of objects')


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
