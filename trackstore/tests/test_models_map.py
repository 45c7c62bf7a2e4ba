"""Maps that say something that cannot be, and what is wrong with their models."""

from dataclasses import dataclass

import pytest
from BTrees.OOBTree import OOBTree
from persistent.mapping import PersistentMapping
from zope.interface import Attribute, Interface, implementer

from trackstore.exceptions import TrackstoreError
from trackstore.models import Container, ModelValues, TrackingMap, register_map
from trackstore.models.exceptions import ClashError, MapError, UnknownClassError
from trackstore.tests.test_imports import run_blocked
from trackstore.tests.test_models_find import Account, Other, Stranger

AN_ATTRIBUTE = ('a name, a dotted path, a function with a name, or a pair (name, path '
                'or function)')
A_NAME = ('allowed are names as Python has them, without __ inside, and without _ at '
          'an end')


def lambda_():
    return lambda obj: obj


ENTRIES = [
    (['User'], "entries: ['User'] is no mapping; allowed is a mapping from class names "
               "to entries"),
    ({'User': ['id']}, "User: ['id'] is no entry; allowed is a mapping of attributes, "
                       "children, related, key, unique, model, find, session"),
    ({'Us__er': {}}, f"'Us__er' is no name for a class of the map; {A_NAME}"),
    ({'object': {}}, "'object' is a parent of every class; allowed are others"),
    ({'User': {'attributes': 'id'}},
     f"User: attributes: 'id' is no list; allowed is a list of {AN_ATTRIBUTE}"),
    ({'User': {'attributes': [7]}},
     f'User: attributes: 7 is no attribute; allowed is {AN_ATTRIBUTE}'),
    ({'User': {'attributes': [('id', 7)]}},
     f'User: attributes: 7 is no attribute; allowed is {AN_ATTRIBUTE}'),
    ({'User': {'attributes': ['a b']}},
     f"'a b' is no name for an attribute (User: attributes; a pair gives it another); "
     f"{A_NAME}"),
    ({'User': {'attributes': ['_p_oid']}},
     f"'_p_oid' is no name for an attribute (User: attributes; a pair gives it "
     f"another); {A_NAME}"),
    ({'User': {'attributes': [('x', 'a..b')]}},
     "User: attributes: 'a..b' is no path; allowed are names with dots between"),
    ({'User': {'attributes': ['a.b', 'a_b']}},
     "User: attributes: two have the name 'a_b'; give one of them another with a pair "
     "(name, path)"),
    ({'User': {'attributes': ['orders_more'], 'children': ['orders']}},
     "User: attributes: two have the name 'orders_more'; give one of them another with "
     "a pair (name, path)"),
    ({'User': {'children': ['orders'], 'related': [{'path': 'orders', 'role': 'a'}]}},
     "User: children: two have the name 'orders'; give one of them another with a pair "
     "(name, path)"),
    ({'A': {'attributes': ['b_c']}, 'A_b': {'attributes': ['c']}},
     'A_b_c: both A and A_b have values of this name; rename one with a pair (name, '
     'path)'),
    ({'User': {'children': [{'path': 'a', 'many': True}]}},
     "User: children: 'many' is no option; known are path, name, keys, limit, role"),
    ({'User': {'children': [{'path': 'a', 'keys': 'list'}]}},
     "User: children: a: keys: 'list' is neither 'indexed' nor 'collected'"),
    ({'User': {'children': [{'path': 'a', 'limit': 0}]}},
     'User: children: a: limit: 0 is no limit; allowed are whole numbers from 1 to '
     '1000'),
    ({'User': {'related': [{'path': 'a', 'role': 'x y'}]}},
     f"'x y' is no name for a role (User: related: a); {A_NAME}"),
    ({'User': {'related': [{'limit': 3}]}},
     f'User: related: None is no attribute; allowed is {AN_ATTRIBUTE}'),
    ({'User': {'key': 7}}, 'User: key: 7 is no name of an attribute'),
    ({'User': {'unique': 'id'}},
     "User: unique: 'id' is no list; allowed is a list of names of attributes"),
    ({'User': {'key': 'a__b'}},
     f"'a__b' is no name for a key (User); {A_NAME}"),
    ({'User': {'find': 7}},
     'User: model: 7 has no way to find objects; allowed are a class, its dotted name, '
     'a manager of Django, a mapping, a function of an attribute and a value, and the '
     'finders of trackstore.models'),
    ({'User': {'model': {}, 'find': {}}},
     "User: model: {} is no class; allowed beside 'find' are a class and its dotted "
     "name"),
]


@pytest.mark.parametrize(('entries', 'text'), ENTRIES)
def test_bad_entries(entries, text):
    with pytest.raises(MapError) as caught:
        TrackingMap(entries, missing='report')
    assert str(caught.value) == text
    assert isinstance(caught.value, TrackstoreError)
    assert isinstance(caught.value, TypeError) and isinstance(caught.value, ValueError)


def test_a_function_without_a_name_needs_one():
    with pytest.raises(MapError, match="^'<lambda>' is no name for an attribute "):
        TrackingMap({'User': {'attributes': [lambda_()]}})
    TrackingMap({'User': {'attributes': [('same', lambda_())]}})


@pytest.mark.parametrize(('options', 'text'), [
    ({'missing': 'ignore'}, "missing: 'ignore' is neither 'error' nor 'report'"),
    ({'report': 7}, 'report: 7 is no function of a problem'),
    ({'depth': 21}, 'depth: 21 is no depth; allowed are whole numbers from 0 to 20'),
    ({'depth': True}, 'depth: True is no depth; allowed are whole numbers from 0 to '
                      '20'),
    ({'roles': 'buyer'}, "roles: 'buyer' is no list; allowed is a list of names"),
    ({'roles': ['a__b']}, f"'a__b' is no name for a role; {A_NAME}"),
    ({'text_limit': 3}, 'text_limit: 3 is no limit; allowed are whole numbers from 64, '
                        'and None for no limit'),
])
def test_bad_options(options, text):
    with pytest.raises((TypeError, ValueError)) as caught:
        TrackingMap({}, **options)
    assert str(caught.value) == text
    assert isinstance(caught.value, TrackstoreError)


def test_a_bad_role():
    with pytest.raises(MapError, match="^'a__b' is no name for a role;"):
        TrackingMap({}).tracking_values(a__b=1)
    with pytest.raises(MapError, match="^'_a' is no name for a role;"):
        TrackingMap({}).tracking_url('/', _a=1)


def test_a_map_shows_its_classes():
    assert repr(TrackingMap({'User': {}, 'Team': {}})) == '<TrackingMap of User, Team>'
    assert repr(TrackingMap({})) == '<TrackingMap of none>'


# checking

class IColour(Interface):
    shade = Attribute('its shade')


@implementer(IColour)
class Plain:
    __slots__ = ('slot', '__dict__')
    annotated: int
    known = 7

    def __init__(self):
        self.set_in_init = 1
        self._private = 2

    def later(self):
        self.set_later = 3

    @property
    def computed(self):
        return 4


class Child(Plain):
    __slots__ = 'other'


@dataclass
class Data:
    field: int


class Dynamic:
    def __getattr__(self, name):
        return name


@pytest.mark.parametrize(('cls', 'names', 'text'), [
    (Plain, 'slot annotated known set_in_init set_later computed later shade '
            'set_in_init.real', 'annotated, computed, known, set_in_init, set_later, '
                                'shade, slot'),
    (Child, 'slot other set_in_init', 'annotated, computed, known, other, set_in_init, '
                                      'set_later, shade, slot'),
    (Data, 'field', 'field'),
])
def test_what_a_plain_class_says(cls, names, text):
    tracking_map = TrackingMap({cls.__name__: {
        'attributes': [*names.split(), 'unknown'], 'model': cls}})
    assert tracking_map.check_map() == [
        f"{cls.__name__}.unknown: nothing in the class {cls.__name__} sets 'unknown'; "
        f"it has {text}"]


def test_what_cannot_be_judged_is_not():
    tracking_map = TrackingMap({
        'Dynamic': {'attributes': ['anything'], 'children': ['more'], 'model': Dynamic},
        'Unseen': {'attributes': ['anything', ('x', lambda_())]},
        'Mapping': {'attributes': ['anything'], 'model': dict}})
    assert tracking_map.check_map() == []


def test_children_and_keys_are_checked():
    tracking_map = TrackingMap({
        'Account': {'attributes': ['id'], 'children': ['owner'], 'key': 'number',
                    'unique': ['name'], 'model': Account, 'find': {}},
        'Lost': {'model': 'nowhere.Lost'},
        'Keyed': {'key': 'id'},
        'Broken': {'key': 'id', 'find': Broken()}})
    assert tracking_map.check_map() == [
        "Account.owner: nothing in the class Account sets 'owner'; it has id, name",
        "Account__number: nothing in the class Account sets 'number'; it has id, name",
        "Lost: model: 'nowhere.Lost' cannot be imported: No module named 'nowhere'",
        "Keyed: it has a key, but nothing finds its objects; give it a 'model' of "
        "Django or SQLAlchemy, or 'find'",
        'Broken__id: what finds objects cannot be asked: RuntimeError: no database']


class Broken(Container):
    def __init__(self):
        super().__init__({})

    def problems(self, path):
        raise RuntimeError('no database')


# events

def process(data, **options):
    entries = {'Account': {'attributes': ['id'], 'key': 'id'}}
    processor = ModelValues(TrackingMap(entries, **options))
    return processor({'name': 'x', 'timestamp': 1, 'data': data, 'context': {}})['data']


def test_objects_in_an_event_are_replaced():
    assert process({'a': 1, 'account': Account(7), 'text': 'b'}) == {
        'a': 1, 'text': 'b', 'Account_id': 7}
    assert process({'buyer': Account(7), 'seller': Account(8)},
                   roles=['buyer', 'seller']) == {
        'buyer_Account_id': 7, 'seller_Account_id': 8}
    nested = {'in': {'list': [Account(7), (1, [Other(8)])], 'x': Account(9)}}
    assert process(nested) == {
        'in': {'list': [{'Account_id': 7}, [1, [{'Account_id': 8}]]], 'Account_id': 9}}
    assert process(Account(7)) == {'Account_id': 7}


def test_an_event_without_objects_is_the_same():
    processor = ModelValues(TrackingMap({}), parts=['data', 'context'])
    event = {'name': 'x', 'data': {'a': [1, (2, {'b': None})], 3: object()},
             'context': None}
    assert processor(event) is event


def test_an_event_that_is_given_stays_as_it_is():
    inner = {'account': Account(7), 'a': 1}
    event = {'name': 'x', 'data': {'inner': inner}, 'context': {'account': Account(8)}}
    processor = ModelValues(TrackingMap({'Account': {'attributes': ['id']}}),
                            parts=['context', 'data'])
    assert processor(event) == {
        'name': 'x', 'data': {'inner': {'a': 1, 'Account_id': 7}},
        'context': {'Account_id': 8}}
    assert list(inner) == ['account', 'a']
    assert list(event['context']) == ['account']


def test_a_cycle_in_an_event_ends():
    data = {'account': Account(7)}
    data['self'] = data
    result = process(data)
    assert result['Account_id'] == result['self']['self']['Account_id'] == 7


@pytest.mark.parametrize(('data', 'error', 'text', 'left'), [
    ({'who': Stranger(), 'a': 1}, UnknownClassError,
     'who: the map lacks the class Stranger; it has Account', {'a': 1}),
    ({'all': [Stranger(), 1]}, UnknownClassError,
     'the map lacks the class Stranger; it has Account', {'all': [1]}),
    (Stranger(), UnknownClassError,
     'the map lacks the class Stranger; it has Account', {}),
    ({'Account_id': 5, 'who': Account(7)}, ClashError,
     'Account_id: the event has a value of this name itself', {'Account_id': 5}),
    ({'one': Account(7), 'two': Account(8)}, ClashError,
     "Account: two objects would have the same names (id 7 and 8); tell them apart by "
     "a role: tracking_values(buyer=..., seller=...), or for a child {'path': ..., "
     "'role': ...}", {'Account_id': 7}),
])
def test_what_is_wrong_in_an_event(data, error, text, left):
    with pytest.raises(error) as caught:
        process(data)
    assert str(caught.value) == text
    reported = []
    assert process(data, missing='report', report=reported.append) == left
    assert [(type(one), str(one)) for one in reported] == [(error, text)]


def test_what_is_no_object_of_a_database_is_left_alone():
    data = {'a': object(), 'b': PersistentMapping(), 'c': OOBTree(), 'd': Account}
    assert process(data) is data


def test_a_processor_uses_the_registered_map():
    processor = ModelValues()
    with pytest.raises(MapError, match='^no tracking map is registered; call '):
        processor({'data': {}})
    register_map(TrackingMap({'Account': {'attributes': ['id']}}))
    try:
        assert processor({'data': {'who': Account(7)}}) == {'data': {'Account_id': 7}}
    finally:
        register_map(None)


@pytest.mark.parametrize(('arguments', 'text'), [
    (({},), 'tracking_map: {} is no tracking map'),
    ((None, 'data'), "parts: 'data' are no parts of an event; allowed is a list of "
                     "data, context"),
    ((None, ['name']), "parts: ['name'] are no parts of an event; allowed is a list "
                       "of data, context"),
])
def test_a_bad_processor(arguments, text):
    with pytest.raises(MapError) as caught:
        ModelValues(*arguments)
    assert str(caught.value) == text


# what it stands on

def test_it_works_with_every_optional_package_blocked():
    done = run_blocked("""
from trackstore.models import *
class User:
    id = 7
user = User()
m = TrackingMap({'User': {'attributes': ['id'], 'key': 'id', 'find': {7: user}}})
url = m.tracking_url('/', user)
print(url, m.values_from_query(url), m.check_map())
print(ModelValues(m)({'data': {'u': user}}))
""")
    assert (done.returncode, done.stderr) == (0, '')
    assert done.stdout == ("/?User__id=7 {'User_id': 7} []\n{'data': {'User_id': 7}}\n")


def test_frameworks_are_imported_by_nothing():
    done = run_blocked("""
import trackstore.models, trackstore.models.check
print(sorted({'django', 'sqlalchemy', 'trackstore.events'} & set(sys.modules)))
""")
    assert (done.returncode, done.stdout) == (0, '[]\n'), done.stderr
