"""The tracker: makes events and sends them on their way."""

import datetime
import logging
from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from transaction.interfaces import TransientError
from zope.interface import implementer

from trackstore import timestamps
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.event import Event, copied, with_copies
from trackstore.events.exceptions import ContextError, EventError, TrackerError
from trackstore.events.interfaces import ITracker
from trackstore.events.locator import DefaultContextLocator

UNKNOWN_EVENT_TYPE = 'unknown'
DEFAULT_TRACKER_NAME = 'default'

#: The trackers by name.
TRACKERS = {}

log = logging.getLogger(__name__)

#: So many events may be emitted inside one another, by backends, processors or
#: handlers of the log.
NESTED = 5

_inside = ContextVar('trackstore events inside one another', default=0)

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
        if type(data) is not dict:
            data = _data(data)
        if not name:
            name = UNKNOWN_EVENT_TYPE
        elif not isinstance(name, str):
            raise EventError(
                f'name: {_shown(name)} is no text; allowed are names like '
                f"'order.placed', and None")
        inside = _inside.get()
        if inside >= NESTED:
            if inside == NESTED:  # said once: the log may lead back here
                _inside.set(inside + 1)
                log.error('event %r is dropped: it is emitted by what happens to '
                          'events, %d inside one another', name, inside)
                _inside.set(inside)
            return
        _inside.set(inside + 1)
        try:
            self.routing_backend.dispatch(Event(
                name=name, timestamp=_at(timestamps.clock(), _utc),
                data=with_copies(data.copy()) if type(data) is dict else copied(data),
                context=self.resolve_context()))
        except TransientError:  # of the caller's own transaction
            raise
        except (RecursionError, OverflowError) as error:  # its traceback is as deep
            log.error('event %r is dropped: %s', name, error)
        except Exception:  # a locator of the application, data that cannot be read
            log.exception('event %r could not be sent', name)
        finally:
            _inside.set(inside)

    def enter_context(self, name, ctx):
        contexts = self.located_context
        ctx = _checked(ctx)
        contexts.pop(name, None)  # the one that was entered last is the last
        contexts[name] = ctx

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
        # in a list: another thread may enter one
        for ctx in list(self.context_locator.get().values()):
            merged.update(ctx)
        return with_copies(merged)

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


def _data(data):
    """Return the data of an event, empty ones for what is empty or None."""
    try:
        if isinstance(data, Mapping):
            return data
        empty = not data
    except Exception as error:  # a lazy object that cannot be made
        raise EventError(
            f'data: reading them failed: {type(error).__name__}: {error!s:.200}'
        ) from error
    if empty:
        return {}
    raise EventError(
        f'data: {_shown(data)} is no mapping; allowed are dictionaries, other '
        f'mappings, and None')


def _checked(ctx):
    if not isinstance(ctx, Mapping):
        raise EventError(
            f'ctx: {_shown(ctx)} is no mapping; allowed are dictionaries and other '
            f'mappings')
    return ctx


def _shown(value):
    """Return the beginning of a value as text, for errors."""
    try:
        return f'{value!r:.200}'
    except Exception:
        return f'<{type(value).__qualname__}>'


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
