"""Sending an event to see what becomes of it."""

import datetime
import logging
import time
from contextlib import contextmanager

from trackstore.events.backends.async_routing import called_within
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.event import Event, copy_of
from trackstore.events.processors.exceptions import (
    EventEmissionExit,
    EventRefused,
    NoBackendEnabled,
    NoTransformerImplemented,
)

LOGGER = 'trackstore.events'
SENT, DROPPED = 'sent', 'dropped by a processor'

#: The word of an outcome that is a failure.
FAILED = 'failed'


def send(tracker, name, data, timeout):
    """Send an event to each backend of a tracker.

    Returns what became of it, texts by the path of the backend, and what was logged
    on the way, a list of texts.
    """
    event = Event(name=name, timestamp=datetime.datetime.now(datetime.timezone.utc),
                  data=data, context=tracker.resolve_context())
    with _problems() as problems:
        told = dict(_sent(tracker.routing_backend, event, '', timeout))
    return told, problems


def _sent(routing, event, path, timeout):
    """Yield path and outcome for all below a routing backend."""
    events, outcome = _processed(routing, event)
    if outcome is not None:
        yield path, outcome
    for name, backend in routing.backends.items():
        here = f'{path}.{name}' if path else name
        for each in events:
            own = copy_of(each)
            if hasattr(backend, 'carrier'):
                yield here, _carried(backend, own, timeout)
            elif isinstance(backend, RoutingBackend):
                yield from _sent(backend, own, here, timeout)
            else:
                yield here, _tried(backend.send, own)


def _processed(routing, event):
    """Return a list of what goes on, and the outcome if that is not all; or None."""
    try:
        events = routing.process_event(event)
    except EventRefused as reason:
        return reason.rest, f'{FAILED}: {reason}'
    except EventEmissionExit:
        return [], DROPPED
    if type(events) is not list:
        return [events], None
    return events, None if events else DROPPED


def _tried(call, *args):
    try:
        call(*args)
        return SENT
    except (NoTransformerImplemented, NoBackendEnabled) as reason:
        return f'not for it: {reason}'
    except Exception as error:
        return f'{FAILED}: {type(error).__name__}: {error}'


def _carried(backend, event, timeout):
    """Return the outcome of a backend that delivers elsewhere."""
    before = backend.carrier.counts
    events, outcome = _processed(backend, event)
    for each in events:
        told = _tried(backend.carrier.carry, each)
        outcome = outcome or (None if told == SENT else told)
    done = backend.flush(timeout)
    after = backend.carrier.counts
    if outcome is not None:
        return outcome
    if after.get(FAILED) != before.get(FAILED):
        return f'{FAILED}: not delivered'
    return SENT if done else f'{FAILED}: not delivered after {timeout:g} seconds'


def flush(tracker, timeout):
    """Wait until backends have delivered; return the paths of those that have not."""
    end = time.monotonic() + timeout
    late = []
    for path, backend in _all(tracker):
        left = max(0, end - time.monotonic())
        if hasattr(backend, 'carrier'):
            done = backend.flush(left)  # and those below
        else:
            done = called_within(backend, 'flush', left)
        if not done:
            late.append(path)
    return late


def _all(routing):
    """Yield path and backend for all of a tracker or router, but not below queues."""
    for name, backend in routing.backends.items():
        yield name, backend
        if hasattr(backend, 'backends') and not hasattr(backend, 'carrier'):
            for path, below in _all(backend):
                yield f'{name}.{path}', below


@contextmanager
def _problems():
    """Yield a list to which the errors that are logged in the block are added."""
    found = []
    handler = _Collecting(found)
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    try:
        yield found
    finally:
        logger.removeHandler(handler)


class _Collecting(logging.Handler):
    def __init__(self, found):
        super().__init__(logging.ERROR)
        self._found = found

    def emit(self, record):
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            text += f': {record.exc_info[1]}'
        self._found.append(text)
