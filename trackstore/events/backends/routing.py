"""Routing: processors one after the other, then each backend."""

import logging
from collections.abc import Iterable, Mapping

from transaction.interfaces import TransientError
from zope.interface import implementer

from trackstore.events.checks import no_coroutine, shown
from trackstore.events.event import copied, copy_of, event_of
from trackstore.events.exceptions import ConfigurationError, EventError
from trackstore.events.interfaces import IRoutingBackend
from trackstore.events.processors.exceptions import (
    EventEmissionExit,
    EventRefused,
    NoBackendEnabled,
    NoTransformerImplemented,
)

FAILED = 'event %r could not be sent to backend %r'

log = logging.getLogger(__name__)


@implementer(IRoutingBackend)
class RoutingBackend:
    """Processes events and hands them to backends, which may route again.

    ``backends`` is a mapping of names to backends, ``processors`` an iterable of
    callables.
    """

    def __init__(self, backends=None, processors=None):
        self.backends = {}
        self.processors = []
        if backends is not None and not isinstance(backends, Mapping):
            raise ConfigurationError(
                f'backends: {shown(backends)} is no mapping; wanted is one of names to '
                f'backends')
        if processors is not None and not isinstance(processors, Iterable):
            raise ConfigurationError(
                f'processors: {shown(processors)} is no list; wanted is one of '
                f'callables that take an event')
        for name in sorted(backends or {}, key=str):
            self.register_backend(name, backends[name])
        for processor in processors or ():
            self.register_processor(processor)

    def register_backend(self, name, backend):
        if not isinstance(name, str):
            raise ConfigurationError(
                f'backends: {name!r} is no name; allowed is text')
        if isinstance(backend, type) or not callable(getattr(backend, 'send', None)):
            raise ConfigurationError(
                f'backends[{name!r}]: {shown(backend)} is no backend; wanted is an '
                f'object with a method send(event)')
        no_coroutine(backend.send, f'backends[{name!r}]')
        if any(below is self for _, below in tree_of({name: backend})):
            raise ConfigurationError(
                f'backends[{name!r}]: {shown(self)} would stand inside itself')
        backends = dict(sorted({**self.backends, name: backend}.items()))
        _refuse_shared_folders(backends)
        self.backends = backends

    def register_processor(self, processor):
        if not callable(processor):
            raise ConfigurationError(
                f'processors: {shown(processor)} is no processor; wanted is a callable '
                f'that takes an event')
        no_coroutine(processor, 'processors')
        self.processors.append(processor)

    def send(self, event):
        """Process a copy of an event, and hand it to each backend."""
        self.dispatch(copy_of(event))

    def dispatch(self, event):
        """Do what ``send`` does with an event that nobody else holds."""
        self.send_to_backends(self.processed(event))

    def processed(self, event):
        """Return what is to be sent on: an event, or a list of none or several."""
        try:
            return self.process_event(event)
        except EventRefused as error:
            log.error('event %r is dropped; %s', event.get('name'), error,
                      exc_info=error.__cause__)
            return error.rest
        except EventEmissionExit:
            return []

    def process_event(self, event):
        return _processed(tuple(self.processors), event_of(event))

    def send_to_backends(self, event):
        if type(event) is list:
            for each in event:
                self.send_to_backends(each)
            return
        backends = list(self.backends.items())  # which a backend may change
        last = len(backends) - 1
        for place, (name, backend) in enumerate(backends):
            own = event if place == last else copy_of(event)
            routes = getattr(type(backend), 'send', None) is RoutingBackend.send
            try:
                if routes:
                    backend.dispatch(own)  # which needs no copy
                else:
                    backend.send(own)
            except TransientError:
                if routes or getattr(backend, 'joins', False):
                    raise  # the caller's transaction is to be tried again
                log.exception(FAILED, event.get('name'), name)
            except (NoTransformerImplemented, NoBackendEnabled) as reason:
                log.info('event %r is not for backend %r: %s',
                         event.get('name'), name, reason)
            except Exception:
                log.exception(FAILED, event.get('name'), name)


def tree_of(backends, above=()):
    """Yield path, a list, and backend for all in a tree, also behind queues."""
    for name, backend in backends.items():
        path = [*above, name]
        yield path, backend
        if hasattr(backend, 'backends'):
            yield from tree_of(backend.backends, path)


def _refuse_shared_folders(backends):
    """Raise an error for two queues of a tree that would take over from each other."""
    owners = {}
    for path, backend in tree_of(backends):
        folder = getattr(getattr(backend, 'carrier', None), 'folder', None)
        if folder is None:
            continue
        other, owner = owners.setdefault((folder.path, folder.name), (path, backend))
        if owner is not backend:
            raise ConfigurationError(
                f'backends: {".".join(other)} and {".".join(path)} have the folder '
                f'{folder.path!r} and the backend_name {backend.backend_name!r} both; '
                f'one would take over the events of the other, so each needs a '
                f'backend_name of its own')


def _processed(processors, event):
    """Return what the processors make of an event: an event, or a list of them."""
    for place, processor in enumerate(processors, 1):
        try:
            result = processor(event)
            if result is None or result is event:
                continue
            if isinstance(result, (list, tuple)):
                return _split(processors[place:], event, result)
            if not isinstance(result, Mapping):
                raise EventError(
                    f'it returned {result!r:.200}; allowed are None, an event, and a '
                    f'list of events')
            event = event_of(result, event.id)
        except EventEmissionExit:
            raise
        except (NoTransformerImplemented, NoBackendEnabled) as reason:
            log.info('event %r is not for the backends here: %s',
                     event.get('name'), reason)
            raise EventEmissionExit(str(reason)) from reason
        except Exception:
            log.exception('processor %r failed; event %r goes on without it',
                          processor, event.get('name'))
    return event


def _split(processors, whole, parts):
    """Return the list of what further processors make of the parts of an event."""
    events, refused = [], None
    for number, part in enumerate(parts, 1):
        part = event_of(copied(part))  # parts may have the same data
        part.id = f'{whole.id}-{number}'
        try:
            result = _processed(processors, part)
        except EventRefused as error:
            refused = error
            result = error.rest
        except EventEmissionExit:
            continue
        events += result if type(result) is list else [result]
    if refused is not None:
        raise EventRefused(str(refused), events) from refused.__cause__
    return events
