"""The tree below a queue: which events come to which backend."""

import logging

from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.deliverythread import ends_thread
from trackstore.events.event import copy_of
from trackstore.events.processors.exceptions import EventEmissionExit, EventRefused

log = logging.getLogger(__name__)


def routes(backend):
    """Tell whether a backend is a router that works in the thread that calls it."""
    return (isinstance(backend, RoutingBackend)
            and type(backend).dispatch is RoutingBackend.dispatch
            and type(backend).send is RoutingBackend.send)


def leaves_of(backends, path=()):
    """Yield the backends that route no further, as pairs of path and backend."""
    for name, backend in list(backends.items()):
        if routes(backend):
            yield from leaves_of(backend.backends, (*path, name))
        else:
            yield (*path, name), backend


def routers_of(backends, path=()):
    """Yield the backends that route, as pairs of path and router."""
    for name, backend in list(backends.items()):
        if routes(backend):
            yield (*path, name), backend
            yield from routers_of(backend.backends, (*path, name))


class Routing:
    """Takes events to the leaves: ``parts`` has those for each, by path.

    Leaves share events: each delivers copies.  ``refused`` has pairs of the event and
    the error by the path of the router, the event as it was when it came there.
    """

    def __init__(self):
        self.parts = {}
        self.refused = {}

    def below(self, backends, events, path, shared=False):
        """Route events to backends.

        Processors may change them, unless they are ``shared`` with others.
        """
        shared = shared or len(backends) > 1
        for name, backend in list(backends.items()):
            here = (*path, name)
            if routes(backend):
                self.through(backend, events, here, shared)
            else:
                self.parts[here] = events

    def through(self, router, events, path, shared=False):
        """Route events to the backends of a router, processed by it."""
        if router.processors:
            events = list(self._processed(router, events, path, shared))
            shared = False
        self.below(router.backends, events, path, shared)

    def _processed(self, router, events, path, shared):
        # A letter has the event as it came.  Where the first one says that it refuses,
        # nothing has been changed yet; one that says nothing may do anything.
        first, *others = router.processors
        copies = shared or not hasattr(first, 'refuses') or any(
            getattr(each, 'refuses', True) for each in others)
        for event in events:
            try:
                result = router.process_event(copy_of(event) if copies else event)
            except EventRefused as error:
                self.refused.setdefault(path, []).append((event, error))
                continue
            except EventEmissionExit:
                continue
            except BaseException as error:
                if ends_thread(error):
                    raise
                log.exception('event %r (%s) is dropped: a processor ended with %s',
                              event.get('name'), event.id, type(error).__name__)
                continue
            if type(result) is list:
                yield from result
            else:
                yield result
