"""Routing in two steps: processed where the event is sent, delivered elsewhere."""

import logging
import time

from zope.interface import implementer

from trackstore.events import checks
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.carriers.ending import NOTICE, within
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.deadletters import Burial, DeadLetters
from trackstore.events.delivery import Delivery
from trackstore.events.event import event_of
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IRoutingBackend
from trackstore.events.plain import for_another_thread
from trackstore.events.routes import routes

#: What a carrier is asked for.
CARRIER = ('bind', 'carry', 'flush', 'close')

log = logging.getLogger(__name__)


@implementer(IRoutingBackend)
class AsyncRoutingBackend(RoutingBackend):
    """Processes events in the caller; a carrier takes them to the backends.

    ``backend_name``
        the name of this backend, in what is logged and in the paths of backends
    ``processors``, ``backends``
        as a ``RoutingBackend`` has them; the processors work in the caller, those
        of routing backends below where the carrier delivers
    ``carrier``
        an ``ICarrier``; without one it is a ``LocalCarrier()``
    ``tries``, ``pause``, ``longest_pause``
        so often an event is tried; after the n-th try a random part of ``pause * 2
        ** (n - 1)`` seconds is waited, or of ``longest_pause`` if that is less
    ``dead_letters``
        where events are saved that could not be delivered: the path or URI of a
        database, or a ``DeadLetters``; without it they are logged

    Each backend below gets its events, and is tried again, by itself: one that fails
    neither stops nor repeats the others.
    """

    def __init__(self, backend_name='', processors=None, backends=None, carrier=None,
                 tries=10, pause=0.1, longest_pause=30, dead_letters=None):
        if not isinstance(backend_name, str):
            raise ConfigurationError(
                f'backend_name: {backend_name!r} is no name; allowed is text')
        checks.whole(tries, 'tries')
        for name, value in (('pause', pause), ('longest_pause', longest_pause)):
            checks.seconds(value, name, zero=True)
        carrier = LocalCarrier() if carrier is None else carrier
        for name in CARRIER:
            if not callable(getattr(carrier, name, None)):
                raise ConfigurationError(
                    f'carrier: {carrier!r} is no carrier; wanted is an object with '
                    f'the methods {", ".join(CARRIER)}')
        self.backend_name = backend_name
        self.carrier = carrier
        super().__init__(backends, processors)
        self.delivery = Delivery(self, backend_name or 'async', tries, pause,
                                 longest_pause, Burial(DeadLetters.at(dead_letters)))
        carrier.bind(self)

    def register_backend(self, name, backend):
        _refuse_joining(backend, f'backends[{name!r}]')
        super().register_backend(name, backend)

    def dispatch(self, event):
        """Process an event that nobody else holds, and have it carried."""
        event = self.processed(event) if self.processors else event_of(event)
        if type(event) is not list:
            self.carrier.carry(for_another_thread(event))
            return
        for each in event:
            self.carrier.carry(for_another_thread(each))

    def flush(self, timeout=None):
        """Wait until all that was sent is delivered, or failed for good.

        Returns whether it is, within ``timeout`` seconds; None for no limit.
        """
        left = _limit(timeout)
        done = self.carrier.flush(timeout)
        for backend in self.delivery.leaves().values():
            done = called_within(backend, 'flush', left()) and done
        return done

    def close(self, timeout=None):
        """Deliver what there is, for so many seconds, and close the backends."""
        left = _limit(timeout)
        done = self.carrier.close(timeout)
        for backend in self.delivery.leaves().values():
            done = called_within(backend, 'close', left()) and done
        return done


def _limit(timeout):
    """Return a function that tells how many seconds of a limit are left, or None."""
    if timeout is not None and (
            not isinstance(timeout, (int, float)) or timeout != timeout):
        raise TypeError(f'timeout: {timeout!r} is no time; allowed are seconds, and '
                        f'None for no limit')
    end = None if timeout is None else time.monotonic() + timeout
    return lambda: None if end is None else max(0, end - time.monotonic())


def called_within(backend, name, timeout):
    """Call a method of a backend if it has that; return whether all is well in time."""
    method = getattr(backend, name, None)
    if not callable(method):
        return True
    if isinstance(backend, AsyncRoutingBackend):
        return _called(backend, name, lambda: method(timeout))
    if timeout is None:
        return _called(backend, name, method)
    results = []
    if not within(max(timeout, NOTICE),
                  lambda: results.append(_called(backend, name, method))):
        log.error('%s() of %r takes longer than the time that there is', name, backend)
    return results == [True]


def _called(backend, name, method):
    try:
        return method() is not False
    except Exception:
        log.exception('%s() of %r failed', name, backend)
        return False


def _refuse_joining(backend, place):
    """Raise an error for a backend that needs the transaction of the caller."""
    if getattr(backend, 'joins', False):
        raise ConfigurationError(
            f'{place}: {backend!r} joins the transaction of the caller, and there is '
            f'none where a carrier delivers; give it where= or database= in place of '
            f'storage=, or put it above the AsyncRoutingBackend')
    if isinstance(backend, RoutingBackend) and routes(backend):
        for name, below in backend.backends.items():
            _refuse_joining(below, f'{place}.{name}')
