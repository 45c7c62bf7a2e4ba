"""What a tracking map tells about objects."""

import datetime
import functools
import json
import uuid

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackstore.models import TrackingMap
from trackstore.models.exceptions import MapError, UnknownClassError
from trackstore.tests.models.people import Staff, Team, User, told, user_map
from trackstore.tests.test_jsonsafe import ANY, strict


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
    entries = {'User': {'attributes': ['id'], 'model': f'{User.__module__}.User'}}
    assert told(entries, User(1)) == {'User_id': 1}
    with pytest.raises(MapError) as caught:
        told({'User': {'model': f'{User.__module__}.Nobody'}}, User(1))
    assert str(caught.value).startswith(
        f"User: model: '{User.__module__}.Nobody' cannot be imported: ")
    with pytest.raises(MapError, match='is no class$'):
        told({'User': {'model': f'{User.__module__}.told'}}, User(1))
