"""A stable share of all events."""

import hashlib
import math

from zope.interface import implementer

from trackstore.events import paths
from trackstore.events.event import event_of
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IProcessor
from trackstore.events.processors.exceptions import EventEmissionExit
from trackstore.events.processors.fieldplaces import put
from trackstore.events.processors.fields import text_of
from trackstore.events.processors.options import plain_path

#: Where sessions and users are, if nothing else is said.
KEY = ('context.session_id', 'context.session', 'context.user_id', 'context.user')

#: Keys are spread evenly over the whole numbers below this one.
WHOLE = 2 ** 64


@implementer(IProcessor)
class Sample:
    """Keeps a share of the events, and of each key all events or none.

    It is the same in all processes, and the keys of a smaller share are among those
    of a greater one.

    ``share``
        how much is kept, from 0 to 1
    ``key``
        the path of the field whose values are kept or dropped, or a list of paths of
        which the first with a value counts: by default the session, else the user;
        an event without any is kept or dropped by its id
    ``note``
        the path of a field that tells the share, so that counts can be scaled up;
        where it has a smaller number already, that stays
    """

    #: It never raises ``EventRefused``.
    refuses = False

    def __init__(self, share, key=KEY, note=None):
        if isinstance(share, bool) or not (
                isinstance(share, (int, float)) and 0 <= share <= 1):
            raise ConfigurationError(
                f'share: {share!r} is no share; allowed are numbers from 0 to 1')
        self.share = share
        self._limit = math.ceil(share * WHOLE)
        self._key = paths.alternatives(key, 'key')
        self._note = None if note is None else plain_path(note, 'note')

    def __call__(self, event):
        key = self._key_of(event)
        if position(event_of(event).id if key is None else key) >= self._limit:
            raise EventEmissionExit(f'not in the share of {self.share}')
        if self._note:
            before = paths.value_at(event, self._note)
            smaller = type(before) in (int, float) and before < self.share
            put(event, self._note, before if smaller else self.share)
        return event

    def _key_of(self, event):
        for path in self._key:
            value = paths.value_at(event, path)
            if value is not None and not (isinstance(value, str) and not value):
                return value  # an empty text says that there is none
        return None


def position(key):
    """Return the number from 0 to 2 ** 64 - 1 that a key has, in every process."""
    digest = hashlib.blake2b(text_of(key).encode(), digest_size=8).digest()
    return int.from_bytes(digest, 'big')
