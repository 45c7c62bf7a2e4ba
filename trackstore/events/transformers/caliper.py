"""Events as events of Caliper Analytics 1.2, in envelopes or alone."""

import datetime
import re

from trackstore.events.exceptions import ConfigurationError
from trackstore.events.transformers.registry import callable_at
from trackstore.events.transformers.statement import (
    Statements,
    check,
    is_iri,
    iso,
    moment_of,
    now,
    require,
    uuid_of,
)
from trackstore.jsonsafe import json_safe

#: The context document of the standard, which is also the version of the data.
CONTEXT = 'http://purl.imsglobal.org/ctx/caliper/v1p2'

#: The properties of an event in the order in which one reads them.
REQUIRED = ('@context', 'id', 'type', 'actor', 'action', 'object', 'eventTime')

#: Further properties that are an entity.
ENTITIES = ('target', 'generated', 'edApp', 'referrer', 'group', 'membership',
            'session', 'federatedSession')

#: The id of an entity that is to be known within its document only.
_BLANK = re.compile(r'_:[^\s:]+')

_TERM = re.compile('[A-Z][A-Za-z0-9]*')
_ID = re.compile('urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}', re.IGNORECASE)
_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z')


class CaliperProcessor(Statements):
    """Turns events into Caliper events.

    What a transformer returns needs ``type``, ``action`` and ``object``, and may
    have all else that an event of Caliper has; what is none of its properties
    belongs into ``extensions``.  A datetime in it is written as the standard has it.
    It is completed by ``@context``, by ``id``, made from the id of the event, and by
    ``eventTime``.  What the standard does not allow is an error that is logged, and
    the event is dropped.

    ``transformers``
        a mapping of names or patterns (``'order.*'``) to transformers or their
        paths, a ``Transformers``, or the path of one
    ``actor``
        a callable, or its path, that takes an event and returns the actor of events
        for which the transformer says none
    ``sensor``
        the IRI of what emits the events: each is in an envelope then, as an endpoint
        takes them; without it they are bare, for a backend that fills envelopes
    """

    kind = 'Caliper event'

    def __init__(self, transformers, actor=None, sensor=None):
        super().__init__(transformers)
        self._actor = None if actor is None else callable_at(actor, 'actor')
        self.sensor = None if sensor is None else _sensor(sensor)

    def safe(self, made):
        return json_safe(_with_times(made), None)

    def complete(self, statement, event, id):
        if statement.get('actor') is None and self._actor:
            statement['actor'] = self.safe(self._actor(event))
        statement['@context'] = statement.get('@context') or CONTEXT
        statement['id'] = statement.get('id') or f'urn:uuid:{uuid_of(id)}'
        statement['eventTime'] = statement.get('eventTime') or iso(
            moment_of(event) or now(), 'milliseconds')
        made = {key: statement.pop(key) for key in REQUIRED if key in statement}
        made |= statement
        made = {key: value for key, value in made.items()
                if value is not None and value not in ('', [], {})}
        _check(made)
        return envelope([made], self.sensor) if self.sensor else made


def envelope(events, sensor):
    """Return an envelope with Caliper events, to be sent now.

    ``sensor`` is the IRI of what emits them.
    """
    return {'sensor': _sensor(sensor), 'sendTime': iso(now(), 'milliseconds'),
            'dataVersion': CONTEXT, 'data': list(events)}


def _with_times(value):
    """Return a value with each datetime as the standard has it, in milliseconds."""
    if isinstance(value, datetime.datetime):
        moment = moment_of({'timestamp': value})
        return value if moment is None else iso(moment, 'milliseconds')
    if isinstance(value, dict):
        return {key: _with_times(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return [_with_times(part) for part in value]
    return value


def _sensor(sensor):
    if not is_iri(sensor):
        raise ConfigurationError(
            f"sensor: {sensor!r} is no IRI; wanted is one like "
            f"'https://example.org/sensors/shop'")
    return sensor


def _check(made):
    """Raise an error where the standard does not allow a property."""
    require(REQUIRED, made)
    allowed = (*REQUIRED, 'profile', *ENTITIES, 'extensions')
    for key in made:
        check(key in allowed, 'event', key,
              'a property of it; what is none belongs into extensions')
    _check_context(made['@context'])
    check(isinstance(made['id'], str) and _ID.fullmatch(made['id']), 'id', made['id'],
          'a UUID as a URN, like urn:uuid:...')
    check(isinstance(made['eventTime'], str) and _TIME.fullmatch(made['eventTime']),
          'eventTime', made['eventTime'], "a time like '2026-11-21T20:10:00.000Z'")
    for key in ('type', 'action', 'profile'):
        if key in made:
            _check_term(made[key], key)
    for key in ('actor', 'object', *ENTITIES):
        if key in made:
            _check_entity(made[key], key)
    check(isinstance(made.get('extensions', {}), dict), 'extensions',
          made.get('extensions'), 'a mapping')


def _check_context(value):
    # what comes last is what counts, of two contexts with the same terms
    last = value[-1:] if isinstance(value, list) else [value]
    check(last == [CONTEXT], '@context', value,
          f'{CONTEXT!r}, nor a list with that at its end')


def _check_term(value, place):
    check(isinstance(value, str) and _TERM.fullmatch(value), place, value,
          "a term like 'NavigationEvent'")


def _check_entity(value, place):
    if isinstance(value, dict):
        id = value.get('id')
        check(is_iri(id) or isinstance(id, str) and _BLANK.fullmatch(id), f'{place}.id',
              id, 'an IRI, nor a blank node like "_:b1"')
        _check_term(value.get('type'), f'{place}.type')
    else:
        check(is_iri(value), place, value, 'an entity, nor the IRI of one')
