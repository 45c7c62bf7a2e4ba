"""Children are told with their parent, and each object once."""

import json
from collections import UserDict

import pytest
from BTrees.OOBTree import OOBTree

from trackstore.models import TrackingMap
from trackstore.models.entries import LARGEST_LIMIT, OBJECT_LIMIT
from trackstore.models.exceptions import ClashError
from trackstore.tests.models.people import TEAMS, Staff, Team, User, told, user_map


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
    UserDict(a=User(1), b=User(2)), iter([User(1), User(2)]),
    OOBTree({'a': User(1), 'b': User(2)})])
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
    """.replace('MODULE', User.__module__))
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


@pytest.mark.parametrize('keys', ['indexed', 'collected'])
def test_the_largest_limit_can_be_reached(keys):
    team = Team('red')
    team.members = [User(number) for number in range(OBJECT_LIMIT)]
    child = {'path': 'members', 'limit': LARGEST_LIMIT, 'keys': keys}
    told_values = told({'Team': {'children': [child]},
                        'User': {'attributes': ['id']}}, team)
    assert told_values.pop('Team_members_more') is True
    ids = told_values['User_id'] if keys == 'collected' else told_values
    assert len(ids) == LARGEST_LIMIT


def test_only_what_is_told_is_read_from_a_list():
    team = Team('red')
    read = []
    team.members = (read.append(n) or User(n) for n in range(1000))
    told({**TEAMS, 'User': {'attributes': ['id']}}, team)
    assert read == list(range(11))


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
