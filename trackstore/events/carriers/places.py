"""Where a backend is in the trees of the registered trackers."""

from trackstore.events.backends.routing import tree_of
from trackstore.events.exceptions import TrackerError
from trackstore.events.tracker import TRACKERS


def place_of(backend):
    """Return where a backend is: what ``backend_at`` finds it by, plain values.

    It has the name of a registered tracker, the path in its tree, and the name of the
    backend itself; of a backend that is in no tree, only the last.
    """
    for name, tracker in list(TRACKERS.items()):
        for path, each in tree_of(tracker.backends):
            if each is backend:
                return {'tracker': name, 'path': path, 'name': backend.backend_name}
    return {'tracker': None, 'path': None, 'name': backend.backend_name}


def backend_at(place):
    """Return the backend at a place, in this process.

    It is the one at that path, or the only one of that name.  Raises a
    ``TrackerError`` (a KeyError) where there is none, or several.
    """
    if place['path'] is not None and (tracker := TRACKERS.get(place['tracker'])):
        for path, each in tree_of(tracker.backends):
            if path == place['path'] and hasattr(each, 'delivery'):
                return each
    found = {id(each): each for tracker in list(TRACKERS.values())
             for _, each in tree_of(tracker.backends)
             if hasattr(each, 'delivery') and each.backend_name == place['name']}
    if len(found) == 1 and place['name']:
        return next(iter(found.values()))
    told = f'{place["tracker"]}: {".".join(place["path"])}' if place['path'] else 'none'
    raise TrackerError(
        f'place: this process has no AsyncRoutingBackend at {told!r}, and '
        f'{len(found) or "none"} with the backend_name {place["name"]!r}; register a '
        f'tracker of the same configuration as where the events come from')
