"""Sending dead letters again."""

import functools
from collections import defaultdict
from itertools import islice

from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.carriers.local import passive
from trackstore.events.deadletters import event_of_letter
from trackstore.events.delivery import NO_BACKEND
from trackstore.events.routes import Routing, routers_of

#: So many letters are sent at once, and so often they are tried at the most.
BATCH, TRIES = 200, 3

SEVERAL = ('{} backends of the configuration have this path; give each '
           'AsyncRoutingBackend a backend_name of its own')


class Replay:
    """Sends letters again, to the backends of a tracker of its own.

    ``opened(write)`` is a context manager that yields the storage with the letters;
    it is not open while events are delivered, so that others can have it.
    ``new_tracker`` makes the tracker.
    """

    def __init__(self, opened, new_tracker):
        self._opened = opened
        with passive():  # what others have spilled is not for this process
            self._tracker = new_tracker()
        self._deliveries = [backend.delivery
                            for backend in _async_backends(self._tracker.backends)]
        for delivery in self._deliveries:
            delivery.tries = min(delivery.tries, TRIES)
        self.delivered = self.failed = self.unknown = 0
        self.failures = {}      # by path of the backend: how many, the last reason

    def run(self, ids, advance=lambda done, total: None):
        """Send the letters with these ids; return this object, which has the counts."""
        try:
            rest = iter(ids)
            done = 0
            while batch := list(islice(rest, BATCH)):
                self._batch(batch)
                done += len(batch)
                advance(done, len(ids))
        finally:
            self._close()
        return self

    def _batch(self, ids):
        by_path = defaultdict(list)
        with self._opened() as tracks:
            for id in ids:
                if (track := tracks.get(id)) is None:
                    continue
                try:
                    by_path[track.userName].append((id, event_of_letter(track)))
                except (KeyError, TypeError, ValueError):
                    self.unknown += 1
                    self._note(str(track.userName), 1, f'track {id} is no dead letter')
        outcome = {}        # by id: None, or the letter of the new failure
        for path, pairs in by_path.items():
            outcome.update(self._send(path, pairs))
        with self._opened(write=True) as tracks:
            for id, letter in outcome.items():
                track = tracks.get(id)
                if track is None:
                    continue
                if letter is None:
                    del tracks[id]
                    continue
                data = dict(track.data)
                data.update(tries=data['tries'] + letter.tries, last=letter.last,
                            reason=letter.reason)
                tracks.updateTrack(track, data)

    def _send(self, path, pairs):
        """Send the events of one backend; return what became of each, by id."""
        found = self._find(path)
        if len(found) != 1:  # of several, the wrong one might get them
            self.unknown += len(pairs)
            self._note(path, len(pairs), SEVERAL.format(len(found)) if found else (
                f'{NO_BACKEND} in the configuration'))
            return {}
        # there may be two letters of one event
        events = {event.id: event for _, event in pairs}
        failed = found[0](list(events.values()))
        outcome = {id: failed.get(event.id) for id, event in pairs}
        lost = [letter for letter in outcome.values() if letter is not None]
        self.failed += len(lost)
        self.delivered += len(outcome) - len(lost)
        if lost:
            self._note(path, len(lost), lost[-1].reason)
        return outcome

    def _find(self, path):
        """Return a list with a function for each backend there, that sends it events.

        It returns the letters of those that failed, by the ids of the events.
        """
        found = []
        for delivery in self._deliveries:
            found += [functools.partial(_to_leaf, delivery, leaf)
                      for leaf in delivery.leaves() if delivery.path_of(leaf) == path]
            found += [functools.partial(_through, delivery, place, router)
                      for place, router in routers_of(delivery.root.backends)
                      if delivery.path_of(place) == path]
        return found

    def _note(self, path, count, reason):
        before, _ = self.failures.get(path, (0, None))
        self.failures[path] = before + count, reason

    def _close(self):
        for delivery in self._deliveries:
            for backend in delivery.leaves().values():
                for name in ('flush', 'close'):
                    method = getattr(backend, name, None)
                    if callable(method):
                        method()


def _to_leaf(delivery, leaf, events):
    _, letters = delivery.attempt(leaf, events, again=True)
    return {letter.event.id: letter for letter in letters}


def _through(delivery, place, router, events):
    """Send what a router has refused through it again.

    The letter stays until each backend below has all that becomes of the event.
    """
    failed = {}
    for event in events:
        routing = Routing()
        routing.through(router, [event], place)
        letters = [letter for path, refused in routing.refused.items()
                   for letter in delivery.letters_of(path, refused)]
        for leaf, own in routing.parts.items():
            letters += delivery.attempt(leaf, own, again=True)[1]
        if letters:
            failed[event.id] = letters[-1]
    return failed


def _async_backends(backends):
    for backend in backends.values():
        if isinstance(backend, AsyncRoutingBackend):
            yield backend
        if isinstance(backend, RoutingBackend):
            yield from _async_backends(backend.backends)
