"""Delivery: events to the backends of a tree, each backend by itself.

What fails is tried again, after pauses that grow; what fails for good becomes a dead
letter.
"""

import contextlib
import logging
import threading
from collections import Counter

from ZODB.POSException import POSError

from trackstore import timestamps
from trackstore.events.deliverythread import ends_thread
from trackstore.events.event import copy_of
from trackstore.events.exceptions import ConfigurationError, DeliveryError
from trackstore.events.forks import renewed_after_fork
from trackstore.events.letters import Letter, told
from trackstore.events.processors.exceptions import (
    EventEmissionExit,
    NoBackendEnabled,
    NoTransformerImplemented,
)
from trackstore.events.retries import pause
from trackstore.events.routes import Routing, leaves_of
from trackstore.exceptions import FormatError, OpenError

#: What says that the event is not for that backend.
NOT_FOR_IT = (NoTransformerImplemented, NoBackendEnabled, EventEmissionExit)

#: Of the errors that speak of bad data, those that speak of the place.
OF_THE_PLACE = (OpenError, FormatError, ConfigurationError, POSError)

#: What says that a program met what it did not expect: perhaps one bad event.
OF_THE_PROGRAM = (LookupError, AttributeError, AssertionError, ArithmeticError)

NO_BACKEND = 'there is no such backend'
BROKE_OFF = 'delivering broke off'

log = logging.getLogger(__name__)


class Delivery:
    """Delivers events to the backends below a routing backend.

    ``tries`` is how often an event is tried, ``pause`` the longest pause after the
    first time, in seconds.  It doubles each time up to ``longest_pause``, and a
    random part of it is waited.  ``bury(letters)`` takes what fails for good.
    """

    def __init__(self, root, name, tries, pause, longest_pause, bury):
        self.root = root
        self.name = name
        self.tries = tries
        self.pause = pause
        self.longest_pause = longest_pause
        self.bury = bury
        self.after_fork()
        renewed_after_fork(self)

    def after_fork(self):
        """Have a lock and counts of its own."""
        self._lock = threading.Lock()
        self.delivered = Counter()      # events by the path of the backend
        self.failed = Counter()

    def leaves(self):
        """Return the backends that route no further, by their path, a tuple."""
        return dict(leaves_of(self.root.backends))

    def routed(self, events, keep=False):
        """Return the events for each leaf, by path: routers below process them.

        Leaves may share events.  If ``keep`` is true the given ones stay as they
        are; else processors may change them.  What a router refuses is buried.
        """
        routing = Routing()
        routing.below(self.root.backends, events, (), shared=keep)
        for path, refused in routing.refused.items():
            with self._lock:
                self.failed[path] += len(refused)
            self.bury(self.letters_of(path, refused))
        return routing.parts

    def unrouted(self, events):
        """Return what ``routed`` does, for each topmost backend: nothing is processed.

        For events that are given up: a processor may be what is in their way.
        """
        return {(name,): events for name in list(self.root.backends)}

    def letters_of(self, path, refused):
        """Return the letters of what a router has refused, pairs of event and error."""
        return [letter for event, error in refused
                for letter in _letters([event], self.path_of(path), told(error), 1)]

    def deliver(self, path, events, again=False, stop=None, tries=None):
        """Deliver events to the leaf of a path; return how many are left.

        ``again`` says that some may have been delivered before.  When ``stop``, a
        ``threading.Event``, is set, no further try is made, and the events from
        there on are left; otherwise there are none.  ``tries`` is how often the first
        ones are tried, as long as none comes through.
        """
        left, letters = self.attempt(path, events, again, stop, tries)
        with self._lock:
            self.delivered[path] += len(events) - left - len(letters)
            self.failed[path] += len(letters)
        if letters:
            self.bury(letters)
        return left

    def deliver_or_abandon(self, path, events, again=False, stop=None):
        """Do what ``deliver`` does; where that breaks off, make dead letters."""
        try:
            return self.deliver(path, events, again, stop)
        except BaseException as error:  # of the log, say
            self.broke_off([(path, events)], error)
            if ends_thread(error):
                raise
            return 0

    def broke_off(self, parts, error):
        """Make dead letters of events, pairs of path and list; raise nothing."""
        with contextlib.suppress(Exception):
            log.exception('%s: delivering broke off', self.name)
        for path, events in parts:
            with contextlib.suppress(Exception):
                self.abandon(path, events, f'{BROKE_OFF}: {told(error)}')

    def attempt(self, path, events, again=False, stop=None, tries=None):
        """Deliver events to the leaf of a path, and bury nothing.

        Returns how many are left, as ``deliver`` does, and a list with the letters
        of those that failed.
        """
        backend = self.leaves().get(path)
        if backend is None:
            return 0, _letters(events, self.path_of(path), NO_BACKEND, 0)
        letters = []
        attempt = _Attempt(self, self.path_of(path), backend, letters, stop, tries)
        return attempt.deliver(events, again), letters

    def abandon(self, path, events, reason):
        """Make dead letters of events that nobody will try any more."""
        with self._lock:
            self.failed[path] += len(events)
        self.bury(_letters(events, self.path_of(path), reason, 0))

    def path_of(self, path):
        """Return the path of a backend as text, as letters have it."""
        return '.'.join((self.name, *path))


class _Attempt:
    """Delivers a list of events to one backend."""

    def __init__(self, options, path, backend, letters, stop, tries):
        self._options = options
        self._path = path
        self._backend = backend
        self._letters = letters
        self._stop = stop or threading.Event()
        self._tries = tries or options.tries
        self._blames_one = False    # whether errors of the program are for good
        # Others get copies: what they have changed could not be tried again.
        self._as_they_are = getattr(backend, 'leaves_events_alone', False)

    def deliver(self, events, again):
        """Return how many events are left at the end, because it was stopped."""
        most = getattr(self._backend, 'most_at_once', None) or len(events) or 1
        if not callable(getattr(self._backend, 'send_many', None)):
            most = 1
        for start in range(0, len(events), most):
            left = self._together(events[start:start + most], again)
            if left:
                return left + max(0, len(events) - start - most)
        return 0

    def _together(self, events, again):
        """Deliver events at once; where they are refused, take them apart."""
        first, tried = timestamps.clock(), 0
        while not self._stop.is_set():
            tried += 1
            try:
                self._send(events, again)
                self._tries = self._options.tries
                return 0
            except BaseException as error:
                if ends_thread(error):
                    raise
                if _is_for_good(error) or self._blames_one and _is_of_program(error):
                    if len(events) > 1 and not getattr(error, 'for_all', False):
                        return self._apart(events, again)
                    self._give_up(events, error, tried, first)
                    return 0
                if tried >= self._tries:
                    if len(events) > 1 and _is_of_program(error):
                        self._blames_one = True
                        return self._apart(events, True)
                    # the others of this list need not wait as long as this one
                    self._tries = 1
                    self._give_up(events, error, tried, first)
                    return 0
                log.info('%s: %s events not delivered at try %s: %s',
                         self._path, len(events), tried, told(error))
                if self._stopped(tried, _asked(error)):
                    break
            again = True  # whether it came through is not known
        return len(events)

    def _apart(self, events, again):
        half = len(events) // 2
        left = self._together(events[:half], again)
        if left:
            return left + len(events) - half
        return self._together(events[half:], again)

    def _send(self, events, again):
        backend = self._backend
        if not self._as_they_are:
            events = list(map(copy_of, events))
        if again and callable(getattr(backend, 'send_again', None)):
            backend.send_again(events)
        elif len(events) == 1:
            backend.send(events[0])
        else:
            backend.send_many(events)

    def _give_up(self, events, error, tried, first):
        if isinstance(error, NOT_FOR_IT):
            log.info('%s events are not for %s: %s', len(events), self._path, error)
            return
        self._letters += _letters(events, self._path, told(error), tried, first)

    def _stopped(self, tried, asked):
        """Make a pause; return whether there is no time for another try."""
        options = self._options
        return self._stop.wait(max(pause(tried, options.pause, options.longest_pause),
                                   min(asked, options.longest_pause)))


def _is_for_good(error):
    """Tell whether no further try of the same would be of use."""
    if isinstance(error, DeliveryError):
        return not error.again
    if isinstance(error, (TypeError, ValueError, RecursionError)):
        return not isinstance(error, OF_THE_PLACE)
    return isinstance(error, NOT_FOR_IT)


def _is_of_program(error):
    return isinstance(error, OF_THE_PROGRAM) and not isinstance(error, OF_THE_PLACE)


def _asked(error):
    """Return the seconds that the receiver wants to be left alone; 0 for none."""
    after = getattr(error, 'after', None)
    return after if isinstance(after, (int, float)) else 0


def _letters(events, path, reason, tries, first=None):
    now = timestamps.clock()
    first = now if first is None else first
    return [Letter(event, path, reason, tries, first, now) for event in events]
