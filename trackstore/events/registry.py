"""The registry: which types of events there are, in all their versions."""

from dataclasses import replace

from trackstore.events.eventtypes import event_type, from_definition

#: The key of the root of a database under which the storage of the types is.
NAME = 'eventTypes'


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

    def register(self, name, description, fields=None, schema=None):
        """Document an event type, and return its ``EventType``.

        ``fields`` maps paths within the data (``'address.city'``) to a description,
        or to a mapping with ``description`` and, where wanted, ``type`` (one of
        ``eventtypes.FIELD_TYPES``, by default any), ``required`` (by default true)
        and ``example``.  ``schema`` is a JSON Schema for the data, and needs the
        extra ``schema``.  What is no documentation is a ``RegistryError``.
        """
        versions = self._versions.get(name, [])
        made = event_type(name, len(versions) + 1, description, fields, schema)
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

        In the storage a version is a track, with the name of the type as its task;
        their order gives the versions their numbers.
        """
        new = 0
        for name, mine in list(self._versions.items()):
            stored = stored_types(tracks, name)
            for each in mine:
                if _find(stored, each) is None:
                    tracks.saveUserTrack(name, 0, None, each.definition)
                    stored.append(replace(each, version=len(stored) + 1))
                    new += 1
            self._versions[name] = stored
            self._current[name] = _find(stored, self._current[name])
        return new


def stored_types(tracks, name):
    """Return the versions of an event type that a storage has, the oldest first."""
    found = []
    for track in tracks.query(taskId=name):
        made = from_definition(name, len(found) + 1, track.data)
        if _find(found, made) is None:  # two processes may have stored the same
            found.append(made)
    return found


def _find(versions, wanted):
    """Return the version with the same definition, or None."""
    return next((each for each in versions
                 if each.fingerprint == wanted.fingerprint), None)


#: The registry that ``register`` and validation use if nothing else is said.
registry = Registry()


def register(name, description, fields=None, schema=None):
    """Document an event type in the default registry: see ``Registry.register``."""
    return registry.register(name, description, fields, schema)
