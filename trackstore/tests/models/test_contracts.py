"""The functions of the module, and what the classes promise."""

import pytest
from zope.interface.verify import verifyClass, verifyObject

from trackstore import models
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
from trackstore.models.exceptions import MapError
from trackstore.models.interfaces import IFinder, IModel, ITrackingMap
from trackstore.models.sqlalchemymodels import AlchemyFinder, AlchemyModel
from trackstore.tests.models.people import User


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
