"""What is not there is an error, or left out and reported."""

import logging

import pytest

from trackstore.exceptions import TrackstoreError
from trackstore.models import TrackingMap
from trackstore.models.exceptions import (
    ClashError,
    MissingAttributeError,
    ReadingError,
    TellingError,
    TooManyError,
    UnknownClassError,
)
from trackstore.models.values import OBJECT_LIMIT
from trackstore.tests.models.people import TEAMS, Team, User, told, user_map

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
