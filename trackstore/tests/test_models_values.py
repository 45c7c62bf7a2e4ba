"""What a tracking map tells about objects of plain classes."""

import datetime
import functools
import json
import logging
import uuid
from collections import UserDict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from zope.interface.verify import verifyClass, verifyObject

from trackstore import models
from trackstore.exceptions import TrackstoreError
from trackstore.models import (
    Catalog,
    Container,
    Function,
    ModelValues,
    TrackingMap,
    registered,
)
from trackstore.models.check import PlainModel
from trackstore.models.djangomodels import DjangoFinder, DjangoModel
from trackstore.models.exceptions import (
    ClashError,
    MapError,
    MissingAttributeError,
    ReadingError,
    TellingError,
    TooManyError,
    UnknownClassError,
)
from trackstore.models.interfaces import IFinder, IModel, ITrackingMap
from trackstore.models.sqlalchemymodels import AlchemyFinder, AlchemyModel
from trackstore.models.values import OBJECT_LIMIT
from trackstore.tests.test_jsonsafe import ANY, strict


class User:
    def __init__(self, id, **more):
        self.id = id
        vars(self).update(more)

    def shout(self):
        return f'I AM {self.id}'

    def broken(self):
        raise RuntimeError('no database')

    @property
    def lost(self):
        return self.nothing

    def delete(self):
        raise AssertionError('deleted')
    delete.alters_data = True


class Team:
    def __init__(self, name, members=()):
        self.name = name
        self.members = list(members)
        for member in self.members:
            member.team = self


class Staff(User):
    pass


TEAMS = {'Team': {'attributes': ['name'], 'key': 'name', 'children': ['members']},
         'User': {'attributes': ['id'], 'key': 'id', 'children': ['team']}}


def told(entries, *objects, **roles):
    return TrackingMap(entries).tracking_values(*objects, **roles)


def user_map(*attributes, **options):
    entries = {'User': {'attributes': list(attributes), 'key': 'id'}}
    return TrackingMap(entries, **options)


# values

def test_values_are_safe_for_json():
    zone = datetime.timezone(datetime.timedelta(hours=2))
    user = User(
        1, born=datetime.date(2000, 1, 2), uuid=uuid.UUID(int=3), text='x' * 200,
        tags={'b', 'a'}, rate=float('nan'),
        moment=datetime.datetime(2026, 11, 21, 12, tzinfo=zone))
    values = user_map('born', 'uuid', 'text', 'tags', 'rate', 'moment',
                      text_limit=100).tracking_values(user)
    assert values == {
        'User_born': '2000-01-02', 'User_uuid': '00000000-0000-0000-0000-000000000003',
        'User_text': 'x' * 82 + '… (200 characters)', 'User_tags': ['a', 'b'],
        'User_rate': 'NaN', 'User_moment': '2026-11-21T10:00:00+00:00'}
    assert json.loads(json.dumps(values)) == values


@settings(deadline=None)
@given(ANY, ANY, st.integers(64, 200))
def test_whatever_the_values_are_they_can_be_written(one, other, limit):
    team = Team('red', [User(1, value=one), User(2, value=other)])
    entries = {'Team': {'attributes': ['name'], 'children': [
        {'path': 'members', 'keys': 'collected'}]}, 'User': {'attributes': ['value']}}
    values = TrackingMap(entries, text_limit=limit).tracking_values(team, boss=team)
    assert strict(values) == values
    assert set(values) == {'Team_name', 'User_value', 'boss_Team_name',
                           'boss_User_value'}


def test_nothing_mutable_is_shared():
    user = User(1, tags=['a'], team=Team('red'))
    values = told({'User': {'attributes': ['tags']}}, user)
    values['User_tags'].append('b')
    assert user.tags == ['a']


def test_attributes_in_each_of_their_forms():
    user = User(1, address={'city': 'Oslo'}, boss=User(2, boss=None),
                partial=functools.partial(int, 'f', 16))

    def double(user):
        return user.id * 2

    assert told({'User': {'attributes': [
        'id', 'boss.id', 'boss.boss.id', 'address.city', double, 'shout',
        ('name', 'id'), ('half', lambda user: user.id / 2),
        ('part', 'partial')]}}, user) == {
        'User_id': 1, 'User_boss_id': 2, 'User_boss_boss_id': None,
        'User_address_city': 'Oslo', 'User_double': 2, 'User_shout': 'I AM 1',
        'User_name': 1, 'User_half': 0.5, 'User_part': 15}


def test_attributes_as_a_mapping():
    assert told({'User': {'attributes': {'id': 'id', 'loud': 'shout'}}}, User(1)) == {
        'User_id': 1, 'User_loud': 'I AM 1'}


def test_a_map_without_anything():
    assert told({}) == {}
    assert told({'User': {}}, User(1)) == {}


# classes

def test_a_subclass_has_its_parents_entry_unless_it_has_its_own():
    entries = {'User': {'attributes': ['id']}}
    assert told(entries, Staff(1)) == {'User_id': 1}
    entries['Staff'] = {'attributes': ['shout']}
    assert told(entries, Staff(1), User(2)) == {'Staff_shout': 'I AM 1', 'User_id': 2}


def test_another_class_of_the_same_name_is_another_class():
    other = type('User', (), {'id': 7})
    entries = {'User': {'attributes': ['id'], 'model': User}}
    with pytest.raises(UnknownClassError):
        told(entries, other())
    assert told(entries, Staff(7)) == {'User_id': 7}


def test_a_proxy_is_what_it_says_to_be():
    class Proxy:
        def __init__(self, obj):
            self.obj = obj

        def __getattr__(self, name):
            return getattr(self.obj, name)

        @property
        def __class__(self):
            return type(self.obj)

    user = User(1)
    assert told({'User': {'attributes': ['id'], 'key': 'id', 'model': User}},
                Proxy(user), user) == {'User_id': 1}


def test_a_model_by_its_dotted_name():
    entries = {'User': {'attributes': ['id'], 'model': f'{__name__}.User'}}
    assert told(entries, User(1)) == {'User_id': 1}
    with pytest.raises(MapError) as caught:
        told({'User': {'model': f'{__name__}.Nobody'}}, User(1))
    assert str(caught.value).startswith(
        f"User: model: '{__name__}.Nobody' cannot be imported: ")
    with pytest.raises(MapError, match='is no class$'):
        told({'User': {'model': f'{__name__}.told'}}, User(1))


# children

def test_children_one_many_and_absent():
    entries = {'Team': {'children': ['boss', 'members']},
               'User': {'attributes': ['id']}}
    team = Team('red')
    team.members = [User(1), None, Staff(2)]
    team.boss = User(9)
    assert told(entries, team) == {'User_id': 9, 'User_0_id': 1, 'User_2_id': 2}
    team.boss, team.members = None, []
    assert told(entries, team) == {}


@pytest.mark.parametrize('members', [
    (User(1), User(2)), [User(1), User(2)], {'a': User(1), 'b': User(2)},
    UserDict(a=User(1), b=User(2)), iter([User(1), User(2)])])
def test_what_may_be_many(members):
    team = Team('red')
    team.members = members
    assert told(TEAMS | {'User': {'attributes': ['id']}}, team) == {
        'Team_name': 'red', 'User_0_id': 1, 'User_1_id': 2}


def test_children_by_a_function_and_by_pairs():
    entries = {'Team': {'children': [
        ('first', lambda team: team.members[0]),
        {'name': 'rest', 'path': lambda team: team.members[1:], 'role': 'other'}]},
        'User': {'attributes': ['id']}}
    assert told(entries, Team('red', map(User, range(3)))) == {
        'User_id': 0, 'other_User_0_id': 1, 'other_User_1_id': 2}
    entries['Team'] = {'children': {'first': lambda team: team.members[0]}}
    assert told(entries, Team('red', map(User, range(3)))) == {'User_id': 0}


def test_a_map_may_come_from_a_file():
    entries = json.loads("""{
        "Team": {"attributes": [["title", "name"]], "key": "title",
                 "children": [["players", "members"]],
                 "related": [["more", {"path": "guests", "role": "guest",
                                       "limit": 1}]]},
        "User": {"attributes": {"number": "id"}, "model": "MODULE.User"}}
    """.replace('MODULE', __name__))
    team = Team('red', [User(1)])
    team.guests = [User(2), User(3)]
    assert told(entries, team) == {
        'Team_title': 'red', 'User_0_number': 1, 'guest_User_0_number': 2,
        'Team_more_more': True}


def test_related_is_another_name_of_children():
    team = Team('red', [User(1)])
    assert told({**TEAMS, 'Team': {'related': ['members']}}, team) == {'User_0_id': 1}


def test_collected_children_and_their_children():
    red, blue = Team('red'), Team('blue')
    users = [User(1, team=red), User(2, team=blue), User(3, team=None),
             User(4, team=red)]
    boss = Staff(0, users=users)
    entries = {**TEAMS, 'Team': {'attributes': ['name'], 'key': 'name'},
               'Staff': {'attributes': ['id'],
                         'children': [{'path': 'users', 'keys': 'collected'}]}}
    assert told(entries, boss) == {
        'Staff_id': 0, 'User_id': [1, 2, 3, 4],
        'User_Team_name': ['red', 'blue', None, 'red']}


def test_a_limit():
    team = Team('red', map(User, range(12)))
    values = told(TEAMS, team)
    assert list(values) == ['Team_name', *(f'User_{n}_id' for n in range(10)),
                            'Team_members_more']
    assert values['Team_members_more'] is True
    entries = {**TEAMS, 'Team': {'children': [{'path': 'members', 'limit': 12}]}}
    assert len(told(entries, team)) == 12


def test_only_what_is_told_is_read_from_a_list():
    team = Team('red')
    read = []
    team.members = (read.append(n) or User(n) for n in range(1000))
    told({**TEAMS, 'User': {'attributes': ['id']}}, team)
    assert read == list(range(11))


# once

def test_cycles_end():
    team = Team('red', [User(1), User(2)])
    assert told(TEAMS, team) == {'Team_name': 'red', 'User_0_id': 1, 'User_1_id': 2}
    # the list is complete, with what tells who it is
    entries = {**TEAMS, 'User': {**TEAMS['User'], 'attributes': ['id', 'shout']}}
    assert told(entries, team.members[0]) == {
        'User_id': 1, 'User_shout': 'I AM 1', 'Team_name': 'red', 'User_0_id': 1,
        'User_1_id': 2, 'User_1_shout': 'I AM 2'}


def test_cycles_through_roles_end():
    team = Team('red', [User(1), User(2)])
    entries = {**TEAMS, 'User': {**TEAMS['User'], 'attributes': ['id', 'shout'],
                                 'children': [{'path': 'team', 'role': 'home'}]}}
    assert told(entries, team.members[0]) == {
        'User_id': 1, 'User_shout': 'I AM 1', 'home_Team_name': 'red',
        'home_User_0_id': 1, 'home_User_1_id': 2, 'home_User_1_shout': 'I AM 2'}


def test_an_object_is_its_own_child():
    user = User(1)
    user.team = user
    assert told(TEAMS, user) == {'User_id': 1}


def test_an_object_is_told_once():
    team = Team('red', [User(1)])
    [user] = team.members
    entries = {**TEAMS, 'User': {'attributes': ['id', 'shout'], 'key': 'id',
                                 'children': ['team']}}
    assert told(entries, user, team, user) == told(entries, user) == {
        'User_id': 1, 'User_shout': 'I AM 1', 'Team_name': 'red', 'User_0_id': 1}
    # in the list is only which one it is
    assert told(entries, team, user) == {
        'Team_name': 'red', 'User_0_id': 1, 'User_id': 1, 'User_shout': 'I AM 1'}


def test_a_child_that_is_one_is_told_in_full_before_those_in_lists():
    captain = User(1)
    team = Team('red', [captain, User(2)])
    team.captain = captain
    entries = {'Team': {'attributes': ['name'], 'key': 'name',
                        'children': ['members', 'captain']},
               'User': {'attributes': ['id', 'shout'], 'key': 'id'}}
    assert told(entries, team) == {
        'Team_name': 'red', 'User_id': 1, 'User_shout': 'I AM 1',
        'User_0_id': 1, 'User_1_id': 2, 'User_1_shout': 'I AM 2'}


def test_two_handles_of_one_object_are_one_object():
    entries = {'User': {'attributes': ['id', 'shout'], 'key': 'id'}}
    assert told(entries, User(1), User(1)) == {'User_id': 1, 'User_shout': 'I AM 1'}
    entries = {'User': {'attributes': ['id']}}
    with pytest.raises(ClashError):
        told(entries, User(1), User(1))


def test_objects_that_are_not_saved_yet_are_several():
    with pytest.raises(ClashError):
        user_map('id').tracking_values(User(None), User(None))


def test_each_role_tells_all():
    user = User(1)
    assert told({'User': {'attributes': ['id', 'shout'], 'key': 'id'}}, user,
                buyer=user, self=user, base=user) == {
        'User_id': 1, 'User_shout': 'I AM 1',
        'buyer_User_id': 1, 'buyer_User_shout': 'I AM 1',
        'self_User_id': 1, 'self_User_shout': 'I AM 1',
        'base_User_id': 1, 'base_User_shout': 'I AM 1'}


def test_roles_of_children_add_up():
    user = User(1, boss=User(2, boss=User(3, boss=None)))
    entries = {'User': {'attributes': ['id'], 'key': 'id', 'children': [
        {'path': 'boss', 'role': 'boss'}]}}
    assert told(entries, buyer=user) == {
        'buyer_User_id': 1, 'buyer_boss_User_id': 2, 'buyer_boss_boss_User_id': 3}


def chain(length):
    user = None
    for number in range(length, 0, -1):
        user = User(number, boss=user)
    return user


@pytest.mark.parametrize('depth', [0, 1, 20])
def test_the_depth_is_bounded(depth):
    entries = {'User': {'attributes': ['id'], 'children': [
        {'path': 'boss', 'role': 'boss'}]}}
    values = TrackingMap(entries, depth=depth).tracking_values(chain(30))
    assert list(values.values()) == list(range(1, depth + 2))


# what is not there

PROBLEMS = [
    (lambda tmap: tmap.tracking_values('text'), UnknownClassError, LookupError,
     'the map lacks the class str; it has User', {}),
    (lambda tmap: tmap.tracking_values(buyer=None), UnknownClassError, LookupError,
     'buyer: the map lacks the class NoneType; it has User', {}),
    (lambda tmap: tmap.tracking_values(User(1, team=Team('red'))), UnknownClassError,
     LookupError, 'User.team: the map lacks the class Team; it has User',
     {'User_id': 1}),
    (lambda tmap: tmap.tracking_values(User(1, team=[User(2, team=None), 5])),
     UnknownClassError, LookupError,
     'User.team: the map lacks the class int; it has User',
     {'User_id': 1, 'User_0_id': 2}),
    (lambda tmap: tmap.tracking_values(User(1, team='red')), UnknownClassError,
     LookupError, 'User.team: the map lacks the class str; it has User',
     {'User_id': 1}),
    (lambda tmap: tmap.tracking_values(User(1)), MissingAttributeError, AttributeError,
     "User.team: an object of class User has no attribute 'team'", {'User_id': 1}),
    (lambda tmap: tmap.tracking_values(User(1, team=None), User(2, team=None)),
     ClashError, ValueError,
     "User: two objects would have the same names (id 1 and 2); tell them apart by a "
     "role: tracking_values(buyer=..., seller=...), or for a child {'path': ..., "
     "'role': ...}", {'User_id': 1}),
]


@pytest.mark.parametrize(('call', 'error', 'builtin', 'text', 'left'), PROBLEMS)
def test_what_is_not_there_is_an_error_or_left_out(call, error, builtin, text, left):
    entries = {'User': {'attributes': ['id'], 'key': 'id', 'children': ['team']}}
    with pytest.raises(error) as caught:
        call(TrackingMap(entries))
    assert str(caught.value) == text
    assert isinstance(caught.value, (TrackstoreError, TellingError, builtin))
    assert isinstance(caught.value, builtin)
    reported = []
    values = call(TrackingMap(entries, missing='report', report=reported.append))
    assert [(type(one), str(one)) for one in reported] == [(error, text)]
    assert {name: values[name] for name in left} == left == values


@pytest.mark.parametrize(('attribute', 'error', 'text'), [
    ('nothing', MissingAttributeError,
     "User.nothing: an object of class User has no attribute 'nothing'"),
    ('address.street', MissingAttributeError,
     "User.address.street: a mapping (dict) has no attribute 'street'"),
    ('broken', ReadingError,
     'User.broken: reading it failed: RuntimeError: no database'),
    ('lost', ReadingError,
     "User.lost: reading it failed: AttributeError: 'User' object has no attribute "
     "'nothing'"),
    (('ratio', lambda user: user.id / 0), ReadingError,
     'User.ratio: reading it failed: ZeroDivisionError: division by zero'),
    ('delete', ReadingError, "User.delete: 'delete' changes data, and is not called"),
    ('shout.nothing', MissingAttributeError,
     "User.shout.nothing: an object of class str has no attribute 'nothing'"),
])
def test_an_attribute_that_cannot_be_read(attribute, error, text):
    user = User(1, address={'city': 'Oslo'})
    with pytest.raises(error) as caught:
        user_map('id', attribute).tracking_values(user)
    assert str(caught.value) == text
    reported = []
    careful = user_map('id', attribute, missing='report', report=reported.append)
    assert careful.tracking_values(user) == {'User_id': 1}
    assert list(map(str, reported)) == [text]


def test_a_list_that_cannot_be_read():
    def failing():
        yield User(1)
        raise RuntimeError('no database')

    team = Team('red')
    team.members = failing()
    with pytest.raises(ReadingError) as caught:
        told({**TEAMS, 'User': {'attributes': ['id']}}, team)
    assert str(caught.value) == (
        'Team.members: reading it failed: RuntimeError: no database')


def test_lists_of_one_class_need_a_role():
    team = Team('red', [User(1)])
    team.guests = [User(2)]
    entries = {'Team': {'children': ['members', 'guests']},
               'User': {'attributes': ['id']}}
    with pytest.raises(ClashError) as caught:
        told(entries, team)
    assert str(caught.value).startswith('User_0: two objects would have the same ')
    for keys in ('indexed', 'collected'):
        entries['Team'] = {'children': [
            {'path': 'members', 'keys': 'collected'},
            {'path': 'guests', 'keys': keys, 'role': 'guest'}]}
        assert len(told(entries, team)) == 2
    del entries['Team']['children'][1]['role']
    with pytest.raises(ClashError) as caught:
        told(entries, team)
    assert str(caught.value) == (
        "User: Team.guests would have the names that another object has; give the "
        "child a role: {'path': ..., 'role': ...}")


def test_names_that_meet_by_a_role():
    entries = {'User': {'attributes': ['id']}, 'Team': {'attributes': ['User_id']}}
    team = Team('red')
    team.User_id = 7
    with pytest.raises(ClashError) as caught:
        told(entries, team, Team=User(1))
    assert str(caught.value) == (
        'Team_User_id: two values would have this name; rename an attribute or a role')


def test_too_many_objects():
    teams = [Team(f't{n}', map(User, range(100))) for n in range(10)]
    top = Team('top')
    top.members = teams
    entries = {'Team': {'attributes': ['name'], 'children': [
        {'path': 'members', 'limit': 100}]}, 'User': {'attributes': ['id']}}
    with pytest.raises(TooManyError) as caught:
        told(entries, top)
    assert str(caught.value) == (
        "Team_4_User_89: an event has at most 500 objects; give children a smaller "
        "'limit', or the map a smaller depth")
    reported = []
    values = TrackingMap(entries, missing='report',
                         report=reported.append).tracking_values(top)
    assert len(values) == OBJECT_LIMIT
    assert len(reported) == 1


@pytest.mark.parametrize('keys', ['indexed', 'collected'])
def test_too_many_objects_in_lists_of_lists(keys):
    top = Team('top', [User(n, users=(User(m) for m in range(100))) for n in range(9)])
    entries = {'Team': {'children': [{'path': 'members', 'keys': keys}]},
               'User': {'attributes': ['id'], 'children': [
                   ('users', {'path': lambda user: getattr(user, 'users', None),
                              'keys': keys, 'limit': 100, 'role': 'further'})]}}
    with pytest.raises(TooManyError):
        told(entries, top)


def test_problems_are_logged_if_nothing_else_is_said(caplog):
    with caplog.at_level(logging.WARNING):
        assert user_map('id', missing='report').tracking_values(5) == {}
    assert caplog.record_tuples == [
        ('trackstore.models', logging.WARNING, 'the map lacks the class int; it has '
                                               'User')]


# the names of the module, and the contracts

def test_one_registered_map():
    with pytest.raises(MapError) as caught:
        models.tracking_values(User(1))
    assert str(caught.value) == (
        'no tracking map is registered; call trackstore.models.register_map('
        'TrackingMap({...})) first')
    tracking_map = TrackingMap({'User': {
        'attributes': ['id'], 'key': 'id', 'find': {1: User(1)}}})
    assert models.register_map(tracking_map) is None
    try:
        assert models.get_map() is tracking_map
        assert models.trackingValues is models.tracking_values
        assert models.getModel is models.get_model
        assert models.tracking_values(User(1), buyer=User(2)) == {
            'User_id': 1, 'buyer_User_id': 2}
        assert models.get_model('User__id', '1').id == 1
        assert models.values_from_query('?User__id=1') == {'User_id': 1}
        assert models.tracking_url('/', User(1)) == '/?User__id=1'
        assert models.check_map() == []
    finally:
        assert models.register_map(None) is tracking_map
    assert registered._registered == []
    with pytest.raises(MapError, match='^register_map: {} is no tracking map;'):
        models.register_map({})


def test_the_methods_have_their_other_names():
    assert TrackingMap.trackingValues is TrackingMap.tracking_values
    assert TrackingMap.getModel is TrackingMap.get_model


FINDERS = [Container({}), Catalog({}), Function(print), DjangoFinder(None),
           AlchemyFinder(User)]


@pytest.mark.parametrize(('interface', 'obj'), [
    (ITrackingMap, TrackingMap({})), *((IFinder, one) for one in FINDERS),
    *((IModel, cls(User)) for cls in (DjangoModel, AlchemyModel, PlainModel))],
    ids=lambda one: type(one).__name__)
def test_the_contracts(interface, obj):
    assert verifyClass(interface, type(obj))
    assert verifyObject(interface, obj)


def test_what_is_public_in_a_map_is_in_its_contract():
    public = {name for name in dir(TrackingMap({})) if not name.startswith('_')}
    assert public <= set(ITrackingMap.names())


def test_the_processor_is_callable():
    assert callable(ModelValues())
