"""One map for the whole application, and functions that use it."""

from trackstore.models.exceptions import MapError
from trackstore.models.interfaces import ITrackingMap

_registered = []


def register_map(tracking_map):
    """Make a map the one that the functions of ``trackstore.models`` use.

    Returns the map that it replaces, or None.  None registers no map.
    """
    if tracking_map is not None and not ITrackingMap.providedBy(tracking_map):
        raise MapError(f'register_map: {tracking_map!r:.80} is no tracking map; '
                       f'allowed are TrackingMap({{...}}) and None')
    before = _registered[0] if _registered else None
    _registered[:] = [] if tracking_map is None else [tracking_map]
    return before


def get_map():
    """Return the registered map; without one it is a ``MapError``."""
    if not _registered:
        raise MapError('no tracking map is registered; call '
                       'trackstore.models.register_map(TrackingMap({...})) first')
    return _registered[0]


def tracking_values(*objects, **roles):
    """Return the values of objects, see ``ITrackingMap.tracking_values``."""
    return get_map().tracking_values(*objects, **roles)


def get_model(name, value):
    """Return the object of a name and a value, see ``ITrackingMap.get_model``."""
    return get_map().get_model(name, value)


def values_from_query(params):
    """Return the values of what a URL names, see ``ITrackingMap.values_from_query``."""
    return get_map().values_from_query(params)


def tracking_url(base, /, *objects, **roles):
    """Return a URL that names objects, see ``ITrackingMap.tracking_url``."""
    return get_map().tracking_url(base, *objects, **roles)


def check_map():
    """Return what is wrong with the map, see ``ITrackingMap.check_map``."""
    return get_map().check_map()


trackingValues = tracking_values
getModel = get_model
