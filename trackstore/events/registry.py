"""The registry: which types of events there are, in all their versions."""

import os
import threading
import weakref
from dataclasses import replace

from trackstore.events.eventtypes import checked_name, event_type, from_definition

#: The key of the root of a database under which the storage of the types is.
NAME = 'eventTypes'

#: What the track of a version has.
DEFINED = {'description', 'fields', 'schema'}

#: The registries that there are, for the child of a fork.
_registries = weakref.WeakSet()


class Registry:
    """The event types by name.

    Another definition under a name that is there is a new version of it; one that
    was there before is the version that it was.
    """

    def __init__(self):
        self._versions = {}
        self._current = {}
        #: Grows with each change, so that what is stored can be brought up to date.
        self.changes = 0
        self._renew()
        _registries.add(self)

    def _renew(self):
        """Have a lock of its own, right after a fork that found it locked."""
        self._lock = threading.Lock()

    def register(self, name, description, fields=None, schema=None):
        """Document an event type, and return its ``EventType``.

        ``fields`` maps paths within the data (``'address.city'``) to a description,
        or to a mapping with ``description`` and, where wanted, ``type`` (one of
        ``eventtypes.FIELD_TYPES``, by default any), ``required`` (by default true)
        and ``example``.  ``schema`` is a JSON Schema for the data, and needs the
        extra ``schema``.  What is no documentation is a ``RegistryError``.
        """
        checked_name(name)
        with self._lock:
            versions = self._versions.get(name, [])
            made = event_type(
                name, _next(versions), description, fields, schema)
            known = _find(versions, made)
            if known is None:
                self._versions[name] = [*versions, made]
                self.changes += 1
            self._current[name] = known or made
            return known or made

    def get(self, name):
        """Return the event type as it was registered last, or None."""
        return self._current.get(name)

    def versions(self, name):
        """Return all versions of an event type that are known, the oldest first."""
        return list(self._versions.get(name, ()))

    def __iter__(self):
        return iter(sorted(self._versions))

    def __len__(self):
        return len(self._versions)

    def store(self, tracks):
        """Bring registry and storage together; return how many versions were new.

        In the storage a version is a track, with the name of the type as its task.
        Of two transactions that store versions at the same time, one conflicts.
        """
        with self._lock:
            new = 0
            for name, mine in self._versions.items():
                stored = stored_types(tracks, name)
                for each in mine:
                    if _find(stored, each) is None:
                        stored.append(replace(each, version=_next(stored)))
                        tracks.saveUserTrack(name, 0, None, {
                            'version': stored[-1].version, **each.definition})
                        new += 1
                self._versions[name] = stored
                self._current[name] = _find(stored, self._current[name])
            if new:
                # Saving tracks does not conflict, but two must not take a number.
                tracks._p_changed = True
            return new


def stored_types(tracks, name):
    """Return the versions of an event type that a storage has, the oldest first."""
    found = []
    for track in tracks.query(taskId=name):
        definition = dict(track.data)
        if not definition.keys() >= DEFINED:  # it is not of a registry
            continue
        version = definition.pop('version', None) or _next(found)
        made = from_definition(name, version, definition)
        if _find(found, made) is None:
            found.append(made)
    return sorted(found, key=lambda each: each.version)


def _next(versions):
    """Return the number of the next version."""
    return max((each.version for each in versions), default=0) + 1


def _find(versions, wanted):
    """Return the version with the same definition, or None."""
    return next((each for each in versions
                 if each.fingerprint == wanted.fingerprint), None)


def _renew_all():
    for each in list(_registries):
        each._renew()


if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_renew_all)


#: The registry that ``register`` and validation use if nothing else is said.
registry = Registry()


def register(name, description, fields=None, schema=None):
    """Document an event type in the default registry: see ``Registry.register``."""
    return registry.register(name, description, fields, schema)
