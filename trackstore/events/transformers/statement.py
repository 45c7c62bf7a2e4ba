"""Processors that turn events into statements."""

import datetime
import re
import uuid
from collections.abc import Mapping

from zope.interface import implementer

from trackstore import timestamps
from trackstore.events.event import event_of
from trackstore.events.interfaces import IProcessor
from trackstore.events.processors.exceptions import (
    EventEmissionExit,
    EventRefused,
    NoTransformerImplemented,
)
from trackstore.events.transformers.registry import transformers_of
from trackstore.exceptions import TrackstoreError
from trackstore.jsonsafe import json_safe

#: In this space the ids of events have their UUIDs.
SPACE = uuid.UUID('9f0b6e1c-52cb-4d1e-9a53-3a5c1f0f6f0d')

#: An absolute IRI: a scheme, and something without spaces.
IRI = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*:[^\s<>"{}|\\^`\x00-\x1f]+')

#: So many characters of a wrong value are in an error.
SHOWN = 200

_utc = datetime.timezone.utc


class StatementError(TrackstoreError, ValueError):
    """What a transformer has made that is no statement."""


@implementer(IProcessor)
class Statements:
    """Turns events into statements; a subclass says which.

    The statement is the event's dictionary then, so that backends write it as it
    stands; the event keeps its id.  An event that no transformer is for is dropped.
    One whose transformer fails, or makes no statement, is refused: it is dropped and
    logged, and below a queue it becomes a dead letter.
    A transformer may return a list, of which each is a statement.
    """

    #: A dead letter has the event as it was before any processor of the router.
    refuses = True

    #: What errors call the statements.
    kind = 'statement'

    def __init__(self, transformers):
        self.transformers = transformers_of(transformers)

    def __call__(self, event):
        event = event_of(event)
        transform = self.transformers.find(event.get('name')) or self.otherwise()
        if transform is None:
            raise NoTransformerImplemented(f'no transformer makes a {self.kind} of it')
        try:
            made = transform(event)
            if isinstance(made, (list, tuple)):
                return [self._statement(part, event, f'{event.id}-{number}')
                        for number, part in enumerate(made, 1)]
            return self._statement(made, event, event.id)
        except (EventEmissionExit, NoTransformerImplemented):
            raise
        except StatementError as error:
            raise EventRefused(f'it makes no {self.kind}: {error}') from None
        except Exception as error:
            raise EventRefused(
                f'it makes no {self.kind}: {type(error).__name__}: {error}') from error

    def _statement(self, made, event, id):
        check(isinstance(made, Mapping), 'transformer', made, 'a mapping')
        return event_of(self.complete(self.safe(made), event, id), id)

    def safe(self, made):
        """Return what a transformer has made, safe for JSON."""
        return json_safe(made, None)

    def otherwise(self):
        """Return the transformer of events for which none is registered, or None."""
        return None

    def complete(self, statement, event, id):
        """Return the whole statement.

        ``statement`` is what the transformer said, JSON-safe, ``id`` the id that it
        is to have, or from which that is made.  Raises a ``StatementError`` for what
        the standard does not allow.
        """
        raise NotImplementedError


def check(condition, place, value, wanted):
    """Raise a ``StatementError`` that names the place, the value and the rule."""
    if not condition:
        shown = repr(value)
        if len(shown) > SHOWN:
            shown = shown[:SHOWN] + '...'
        raise StatementError(f'{place}: {shown} is not {wanted}')


def require(keys, value, place=''):
    """Raise a ``StatementError`` that names the first key that a mapping lacks."""
    for key in keys:
        if key not in value:
            raise StatementError(f'{place}{key}: it is not given, and is required')


def is_iri(value):
    """Tell whether a value is an absolute IRI."""
    return isinstance(value, str) and IRI.fullmatch(value) is not None


def uuid_of(id):
    """Return the UUID of an event's id, the same for the same id."""
    return uuid.uuid5(SPACE, id)


def moment_of(event):
    """Return when an event was, an aware datetime in UTC, or None.

    Time stamps may be datetimes (those without time zone are in UTC), seconds since
    the epoch, or text in ISO 8601.
    """
    value = event.get('timestamp')
    try:
        if isinstance(value, str):
            value = datetime.datetime.fromisoformat(value.replace('Z', '+00:00'))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            return datetime.datetime.fromtimestamp(value, _utc)
        if not isinstance(value, datetime.datetime):
            return None
        if value.utcoffset() is None:
            return value.replace(tzinfo=_utc)
        return value.astimezone(_utc)
    except Exception:  # of the calendar, or of a zone that fails
        return None


def now():
    """Return the time, an aware datetime in UTC."""
    return datetime.datetime.fromtimestamp(timestamps.clock(), _utc)


def iso(moment, timespec='auto'):
    """Return a datetime in UTC as text: ``'2026-11-21T20:10:00Z'``."""
    return moment.isoformat(timespec=timespec).replace('+00:00', 'Z')
