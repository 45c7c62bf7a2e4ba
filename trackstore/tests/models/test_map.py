"""Maps that say something that cannot be."""

import pytest

from trackstore.exceptions import TrackstoreError
from trackstore.models import TrackingMap
from trackstore.models.exceptions import MapError

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
     '499'),
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
     'User: find: 7 has no way to find objects; allowed are a class, its dotted name, '
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
