"""Dead letters: events that could not be delivered, each a track.

The task of the track is the name of the event, the user the path of the backend, the
time that of the last try.  The data are ``event``, ``eventId``, ``reason``,
``tries``, ``first`` and ``last`` (time stamps of the tries).
"""

import contextlib
import os
import random
import threading
import time

from trackstore import codec, keys
from trackstore.events.backends.places import place_of
from trackstore.events.carriers.records import json_of_event
from trackstore.events.event import event_of
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.latelog import LateLog
from trackstore.events.letters import told
from trackstore.events.plain import plain_events
from trackstore.exceptions import OpenError
from trackstore.jsonsafe import json_safe

#: So many times a store is opened that another process has open, with pauses.
TRIES, PAUSE = 8, 0.5

#: What the data of each letter have, and those of hardly another track.
MARKS = {'event', 'reason', 'tries'}

log = LateLog(__name__)


class DeadLetters:
    """Where events are saved that could not be delivered.

    ``where``
        the path or URI of a database; it is opened for each letter, or batch of
        them, so that other processes can have it in between
    ``database``
        instead, a callable, or its path, that returns an open ``ZODB.DB``
    ``name``
        the key of the storage in the root of the database, or the path to it, as for
        ``trackstore.open``
    """

    def __init__(self, where=None, database=None, name='tracks'):
        self._place = place_of(where, None, database, name)
        self._lock = threading.RLock()
        self._process = os.getpid()

    @classmethod
    def at(cls, place):
        """Return a place of dead letters as such: a path, a URI, or None for none."""
        if place is None or isinstance(place, cls):
            return place
        if isinstance(place, (str, os.PathLike)):
            try:
                return cls(place)
            except ConfigurationError as error:
                raise ConfigurationError(f'dead_letters: {error}') from error
        raise ConfigurationError(
            f'dead_letters: {place!r} is no place for dead letters; allowed are the '
            f'path of a database file, a ZODB URI, a DeadLetters, and None')

    def save(self, letters):
        """Save letters, all of them, or raise an error."""
        records = [record_of(letter) for letter in letters]
        if self._process != os.getpid():  # a fork may have found it locked
            self._lock, self._process = threading.RLock(), os.getpid()
        with self._lock:
            for tried in range(1, TRIES + 1):
                try:
                    self._place.change(lambda storage: storage.saveTracks(records))
                    return
                except OpenError:
                    if tried == TRIES:
                        raise
                    time.sleep(random.uniform(0, PAUSE))
                finally:
                    self._place.close()


def _name(task):
    """Return what an event is called, as text where it is no key."""
    for name in (lambda: keys.checked(task, 'taskId'), lambda: str(task)):
        with contextlib.suppress(Exception):
            return name()
    return f'<{type(task).__name__}>'


def record_of(letter):
    """Return a letter as a record of ``saveTracks``, one that can be saved."""
    event, = plain_events([event_of(letter.event)])
    data = {'event': dict(event), 'eventId': event.id, 'reason': letter.reason,
            'tries': letter.tries, 'first': letter.first, 'last': letter.last}
    try:
        codec.dump_mapping(data)
    except Exception:   # a value does not pickle
        data = json_safe(data, text_limit=None)
    return _name(event.get('name')), 0, letter.backend, data, letter.last


def is_letter(track):
    """Tell whether a track is a dead letter, by what its data have."""
    data = track.data
    return isinstance(data, dict) and data.keys() >= MARKS


def event_of_letter(track):
    """Return the event of a dead letter, a track."""
    return event_of(track.data['event'], track.data['eventId'])


class Burial:
    """Does what can be done with letters: saves, or writes, or logs them.

    Nothing is raised, not even by the log.  With a folder to ``use``, those that cannot
    be saved are written there, and saved later, with others.
    """

    def __init__(self, dead_letters):
        self._dead_letters = dead_letters
        self._refuge = None

    def use(self, folder):
        """Write letters that cannot be saved to a ``SpillFolder``."""
        from trackstore.events.carriers.refuge import Refuge
        self._refuge = Refuge(folder.path, folder.name)

    def __call__(self, letters):
        """Take letters."""
        if self._dead_letters is not None:
            try:
                self._dead_letters.save(letters)
                _tell('%s: %s events could not be delivered, and are dead letters '
                      'now: %s', letters[0].backend, len(letters), letters[0].reason)
                self.take_back()
                return
            except Exception as error:
                _tell('dead letters cannot be saved: %s', told(error))
                if self._written(letters):
                    return
        for letter in letters:
            _tell('event not delivered to %s after %s tries: %s: %s',
                  letter.backend, letter.tries, letter.reason, _text(letter.event))

    def take_back(self):
        """Save what was written to the folder, if it can be saved now."""
        if self._refuge is not None and self._dead_letters is not None:
            try:
                self._refuge.empty(self._dead_letters.save)
            except Exception as error:
                _tell('%s: dead letters cannot be saved: %s',
                      self._refuge.path, told(error))

    def _written(self, letters):
        """Write letters to the folder; return whether they are there."""
        if self._refuge is None:
            return False
        try:
            self._refuge.add(letters)
        except Exception as error:
            _tell('%s: dead letters cannot be written: %s',
                  self._refuge.path, told(error))
            return False
        _tell('%s: %s events could not be delivered, and are kept in %s: %s',
              letters[0].backend, len(letters), self._refuge.path, letters[0].reason)
        return True


def _tell(message, *args):
    with contextlib.suppress(Exception):
        log.error(message, *args)


def _text(event):
    for text in (lambda: json_of_event(event).decode(), lambda: repr(event)):
        with contextlib.suppress(Exception):
            return text()
    return '<an event that cannot be shown>'
