"""A map is compared with its models."""

from dataclasses import dataclass

import pytest
from zope.interface import Attribute, Interface, implementer

from trackstore.models import Container, TrackingMap
from trackstore.tests.models.accounts import Account


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
        'Unseen': {'attributes': ['anything', ('x', print)]},
        'dict': {'attributes': ['anything'], 'model': dict}})
    assert tracking_map.check_map() == []


def test_an_entry_that_no_object_finds():
    entries = {'Dat': {'attributes': ['field'], 'model': Data},
               'Parent': {'children': ['other'], 'model': Child},
               'Lookup': {'key': 'field', 'model': Data, 'find': {}}}
    assert TrackingMap(entries).check_map() == [
        f'{name}: its model is the class {cls}, and objects are told by the entry with '
        f'the name of their class' for name, cls in (('Dat', 'Data'), (
            'Parent', 'Child'))]


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
