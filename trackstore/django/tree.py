"""The tree of a tracker, to look at."""

from trackstore.events.backends.routing import RoutingBackend

STEP = '  '


def lines(tracker):
    """Yield the lines that show a tracker: classes, but no options, as passwords."""
    yield f'{_class_of(tracker)}, contexts by {_class_of(tracker.context_locator)}'
    if type(tracker.routing_backend) is not RoutingBackend:
        yield f'routed by {_described(tracker.routing_backend)}'
    yield from _parts(tracker.routing_backend, '')


def _parts(routing, indent):
    for title, parts in (('processors', enumerate(routing.processors)),
                         ('backends', routing.backends.items())):
        parts = list(parts)
        yield f'{indent}{title}:' + ('' if parts else ' none')
        for name, part in parts:
            yield f'{indent}{STEP}{name}: {_described(part)}'
            carrier = getattr(part, 'carrier', None)
            if carrier is not None:
                yield f'{indent}{STEP * 2}carrier: {_class_of(carrier)}'
            if hasattr(part, 'backends') and hasattr(part, 'processors'):
                yield from _parts(part, indent + STEP * 2)


def _described(part):
    """Return the class of an object, with what there is to know of its kind."""
    using = getattr(part, 'using', None)
    name = getattr(part, '__qualname__', None)  # of a function
    text = f'{part.__module__}.{name}' if name else _class_of(part)
    return text + (f' (commits of {using})' if using else '')


def _class_of(value):
    return f'{type(value).__module__}.{type(value).__qualname__}'
