"""Events as statements of the Experience API (xAPI) 1.0.3."""

from trackstore.events.transformers.registry import callable_at
from trackstore.events.transformers.statement import (
    Statements,
    iso,
    moment_of,
    uuid_of,
)
from trackstore.events.transformers.xapirules import check_statement
from trackstore.jsonsafe import json_safe

#: The parts of a statement in the order in which one reads them.
ORDER = ('id', 'actor', 'verb', 'object', 'result', 'context', 'timestamp')


class XAPIProcessor(Statements):
    """Turns events into xAPI statements.

    What a transformer returns needs a ``verb`` and an ``object``, and may have all
    else that a statement has.  It is completed by ``id``, a UUID made from the id of
    the event, so that a statement that is sent again is the same, and by
    ``timestamp``.  What the standard does not allow is an error that is logged, and
    the event is dropped.

    ``transformers``
        a mapping of names or patterns (``'order.*'``) to transformers or their
        paths, a ``Transformers``, or the path of one
    ``actor``
        a callable, or its path, that takes an event and returns the actor of
        statements for which the transformer says none
    """

    kind = 'statement of xAPI'

    def __init__(self, transformers, actor=None):
        super().__init__(transformers)
        self._actor = None if actor is None else callable_at(actor, 'actor')

    def complete(self, statement, event, id):
        if statement.get('actor') is None and self._actor:
            statement['actor'] = json_safe(self._actor(event), None)
        if statement.get('id') is None:
            statement['id'] = str(uuid_of(id))
        if statement.get('timestamp') is None and (moment := moment_of(event)):
            statement['timestamp'] = iso(moment)
        made = {key: statement.pop(key) for key in ORDER if key in statement}
        made = _without_none(made | statement)
        check_statement(made)
        return made


def _without_none(value):
    """Return a value without keys whose value is None, but in extensions."""
    if isinstance(value, dict):
        return {key: part if key == 'extensions' else _without_none(part)
                for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [_without_none(part) for part in value]
    return value
