"""Sending dead letters again."""

from collections import defaultdict
from itertools import islice

from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.carriers.local import passive
from trackstore.events.configuration import load
from trackstore.events.deadletters import event_of_letter
from trackstore.events.delivery import NO_BACKEND

#: So many letters are sent at once, and so often they are tried at the most.
BATCH, TRIES = 200, 3


class Replay:
    """Sends letters again, to the backends of a configuration file.

    ``opened(write)`` is a context manager that yields the storage with the letters;
    it is not open while events are delivered, so that others can have it.
    """

    def __init__(self, opened, configuration):
        self._opened = opened
        with passive():  # what others have spilled is not for this process
            self._tracker = load(configuration)
        self._deliveries = [backend.delivery
                            for backend in _async_backends(self._tracker.backends)]
        for delivery in self._deliveries:
            delivery.tries = min(delivery.tries, TRIES)
        self.delivered = self.failed = self.unknown = 0
        self.failures = {}      # by path of the backend: how many, the last reason

    def run(self, criteria, advance=lambda done, total: None):
        """Send what the criteria find; return this object, which has the counts."""
        with self._opened() as tracks:
            ids = [track.name for track in tracks.query(**criteria)]
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
        delivery, leaf = self._find(path)
        if delivery is None:
            self.unknown += len(pairs)
            self._note(path, len(pairs), f'{NO_BACKEND} in the configuration')
            return {}
        # there may be two letters of one event
        events = list({event.id: event for _, event in pairs}.values())
        _, letters = delivery.attempt(leaf, events, again=True)
        failed = {letter.event.id: letter for letter in letters}
        outcome = {id: failed.get(event.id) for id, event in pairs}
        lost = sum(letter is not None for letter in outcome.values())
        self.failed += lost
        self.delivered += len(outcome) - lost
        if lost:
            self._note(path, lost, letters[-1].reason)
        return outcome

    def _find(self, path):
        for delivery in self._deliveries:
            for leaf in delivery.leaves():
                if delivery.path_of(leaf) == path:
                    return delivery, leaf
        return None, None

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


def _async_backends(backends):
    for backend in backends.values():
        if isinstance(backend, AsyncRoutingBackend):
            yield backend
        if isinstance(backend, RoutingBackend):
            yield from _async_backends(backend.backends)
