"""The tracker: makes events and sends them on their way."""

import datetime
import logging
from collections.abc import Mapping
from contextlib import contextmanager

from zope.interface import implementer

from trackstore import timestamps
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.event import Event, copied
from trackstore.events.exceptions import ContextError, EventError, TrackerError
from trackstore.events.interfaces import ITracker
from trackstore.events.locator import DefaultContextLocator

UNKNOWN_EVENT_TYPE = 'unknown'
DEFAULT_TRACKER_NAME = 'default'

#: The trackers by name.
TRACKERS = {}

log = logging.getLogger(__name__)

_utc = datetime.timezone.utc
_at = datetime.datetime.fromtimestamp


@implementer(ITracker)
class Tracker:
    """Makes events and sends them to backends, through processors.

    ``backends``
        a mapping of names to backends
    ``context_locator``
        where the contexts are; without one, the tracker has one for all threads
    ``processors``
        callables that each event goes through first
    """

    def __init__(self, backends=None, context_locator=None, processors=None):
        self.routing_backend = RoutingBackend(backends, processors)
        self.context_locator = context_locator or DefaultContextLocator()

    def emit(self, name=None, data=None):
        if data is None:
            data = {}
        elif not isinstance(data, Mapping):
            raise EventError(
                f'data: {data!r} is no mapping; allowed are dictionaries, other '
                f'mappings, and None')
        if not isinstance(name, str):
            if name is not None:
                raise EventError(
                    f'name: {name!r} is no text; allowed are names like '
                    f"'order.placed', and None")
            name = UNKNOWN_EVENT_TYPE
        try:
            self.routing_backend.dispatch(Event(
                name=name, timestamp=_at(timestamps.clock(), _utc),
                data=copied(data), context=self.resolve_context()))
        except Exception:  # a locator of the application, data without an end
            log.exception('event %r could not be sent', name)

    def enter_context(self, name, ctx):
        self.located_context[name] = _checked(ctx)

    def exit_context(self, name):
        try:
            del self.located_context[name]
        except KeyError:
            entered = ', '.join(map(repr, self.located_context)) or 'none'
            raise ContextError(
                f'name: no context {name!r} is entered here; entered are: '
                f'{entered}') from None

    @contextmanager
    def context(self, name, ctx=None):
        if ctx is None and isinstance(name, Mapping):
            name, ctx = _Place('context'), name
        elif name in self.located_context:
            name = _Place(name)
        self.located_context[name] = _checked(ctx)
        try:
            yield
        finally:
            self.located_context.pop(name, None)

    def resolve_context(self):
        merged = {}
        for ctx in self.context_locator.get().values():
            merged.update(ctx)
        return copied(merged)

    @property
    def located_context(self):
        return self.context_locator.get()

    @property
    def processors(self):
        return self.routing_backend.processors

    @property
    def backends(self):
        return self.routing_backend.backends

    def get_backend(self, name):
        try:
            return self.backends[name]
        except KeyError:
            raise TrackerError(
                f'name: the tracker has no backend {name!r}; it has: '
                f'{", ".join(map(repr, self.backends)) or "none"}') from None


class _Place:
    """The key of a context that has no name, or one that is taken."""

    __slots__ = ('name',)

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f'<another {self.name!r}>'


def _checked(ctx):
    if not isinstance(ctx, Mapping):
        raise EventError(
            f'ctx: {ctx!r} is no mapping; allowed are dictionaries and other mappings')
    return ctx


def register_tracker(tracker, name=DEFAULT_TRACKER_NAME):
    """Make a tracker known by a name; without one, it is what ``emit`` uses."""
    TRACKERS[name] = tracker


def get_tracker(name=DEFAULT_TRACKER_NAME):
    """Return the tracker of that name; a ``TrackerError`` (a KeyError) if none."""
    try:
        return TRACKERS[name]
    except KeyError:
        raise TrackerError(
            f'name: no tracker {name!r} is registered; registered are: '
            f'{", ".join(map(repr, TRACKERS)) or "none"}; '
            f'register_tracker(tracker) registers the default one') from None


def emit(name=None, data=None):
    """Send an event with the default tracker: see ``Tracker.emit``."""
    get_tracker().emit(name, data)
