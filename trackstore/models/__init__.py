"""The tracking map: what is told about the objects of an application's classes."""

from trackstore.models.catalog import Catalog
from trackstore.models.container import Container
from trackstore.models.finders import Function
from trackstore.models.processor import ModelValues
from trackstore.models.registered import (
    check_map,
    get_map,
    get_model,
    getModel,
    register_map,
    tracking_url,
    tracking_values,
    trackingValues,
    values_from_query,
)
from trackstore.models.trackingmap import TrackingMap

__all__ = ['Catalog', 'Container', 'Function', 'ModelValues', 'TrackingMap',
           'check_map', 'getModel', 'get_map', 'get_model', 'register_map',
           'trackingValues', 'tracking_url', 'tracking_values', 'values_from_query']
