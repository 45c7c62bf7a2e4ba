"""Engines for the settings of the project."""

MEMORY = 'trackstore.events.backends.memory.MemoryBackend'
ROUTING = 'trackstore.events.backends.routing.RoutingBackend'
QUEUE = 'trackstore.events.backends.async_routing.AsyncRoutingBackend'
TRACKING = 'trackstore.events.backends.tracking.TrackingBackend'


class Adding:
    """A processor that adds a text to the names of events."""

    def __init__(self, text='!'):
        self.text = text

    def __call__(self, event):
        event['name'] += self.text


class Failing:
    def send(self, event):
        raise LookupError('no disk')


def of_this(name):
    return {'ENGINE': f'{__name__}.{name}'}
