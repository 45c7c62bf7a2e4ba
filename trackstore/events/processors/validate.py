"""Validation: events as they are documented in the registry."""

import datetime
import json
import logging
import time
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from enum import Enum
from uuid import UUID

from zope.interface import implementer

from trackstore.events import paths
from trackstore.events.backends.places import place_of
from trackstore.events.configuration import imported
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IProcessor
from trackstore.events.processors.exceptions import EventRefused
from trackstore.events.registry import NAME, Registry
from trackstore.events.registry import registry as default_registry
from trackstore.jsonsafe import json_safe

log = logging.getLogger(__name__)

#: What may be wrong with an event, and what is done then unless something is said.
DEFAULTS = {'unknown': 'warn', 'missing': 'warn', 'undocumented': 'warn',
            'invalid': 'warn', 'oversized': 'refuse', 'unserialisable': 'warn'}
ANSWERS = ('allow', 'warn', 'refuse')

#: Bytes of JSON that an event may have, unless something else is said.
MOST_BYTES = 64 * 1024

#: Seconds until storing types is tried again after it has failed.
PAUSE = 30

LACKING = object()

#: What json_safe writes as it should be read.
KNOWN = (datetime.date, datetime.time, datetime.timedelta, UUID, Decimal, Enum, bytes,
         set, frozenset, Mapping)


def _registry(value):
    made = imported(value, 'registry') if isinstance(value, str) else value
    if not isinstance(made, Registry):
        raise ConfigurationError(
            f'registry: {value!r:.200} is none; wanted is a Registry, or the path of '
            f'one')
    return made


@implementer(IProcessor)
class RegistryValidator:
    """Compares events with the registry, and gives them the reference of their type.

    ``unknown``
        events whose name is not registered
    ``missing``, ``undocumented``, ``invalid``
        events that lack a required field, have one that is not documented, or one
        that is of another type or against the JSON Schema
    ``oversized``
        events of more than ``most_bytes`` bytes of JSON
    ``unserialisable``
        events with values that JSON has no form for, and people no text

    Each is ``'allow'``, ``'warn'`` (in the log) or ``'refuse'``: the event is dropped,
    with an error in the log, or below a queue becomes a dead letter.  ``registry`` is
    another one than the default, or its path.
    ``where`` or ``database`` say where the types are stored, as for a
    ``TrackingBackend``; without these they are not, and their versions count from 1
    in each process.
    """

    #: An event that is refused becomes a dead letter as it came.
    refuses = True

    def __init__(self, registry=None, most_bytes=MOST_BYTES, where=None, database=None,
                 name=NAME, **answers):
        for what, answer in answers.items():
            if what not in DEFAULTS:
                raise ConfigurationError(
                    f'{what}: is no option; allowed are registry, most_bytes, where, '
                    f'database, name, {", ".join(DEFAULTS)}')
            if answer not in ANSWERS:
                raise ConfigurationError(
                    f'{what}: {answer!r} is not known; allowed are '
                    f'{", ".join(ANSWERS)}')
        if type(most_bytes) is not int or most_bytes < 1:
            raise ConfigurationError(
                f'most_bytes: {most_bytes!r} is no number of bytes; allowed are whole '
                f'numbers from 1')
        self.registry = default_registry if registry is None else _registry(registry)
        self.answers = {**DEFAULTS, **answers}
        self.most_bytes = most_bytes
        #: How often each of these was wrong.
        self.found = Counter()
        self._place = None
        if where is not None or database is not None:
            self._place = place_of(where, None, database, name)
        self._stored = 0
        self._wait = 0

    def __call__(self, event):
        self._store()
        name = event.get('name')
        kind = self.registry.get(name) if isinstance(name, str) else None
        refused = []
        for what, why in self._problems(event, kind):
            answer = self.answers[what]
            self.found[what] += 1
            if answer == 'refuse':
                refused.append(f'it is {what}: {why}')
            elif answer == 'warn':
                log.warning('event %r is %s: %s', name, what, why)
        if refused:
            raise EventRefused('; '.join(refused))
        if kind is not None:
            event['type'] = kind.reference
        return event

    def _problems(self, event, kind):
        """Yield what is wrong with an event of a type, None for an unknown one."""
        yield from self._form(event)
        data = event.get('data')
        if kind is None:
            yield 'unknown', 'it is not registered'
        elif isinstance(data, dict):
            yield from self._data(kind, data)
        else:
            yield 'invalid', f'its data are a {type(data).__qualname__}'

    def close(self):
        """Close the database of the types, if it was opened."""
        if self._place is not None:
            self._place.close()

    def _store(self):
        """Store types that were registered since the last event."""
        if (self._place is None or self._stored == self.registry.changes
                or time.monotonic() < self._wait):
            return
        changes = self.registry.changes
        self._wait = time.monotonic() + PAUSE  # others go on meanwhile, and the log
        try:
            self._place.change(self.registry.store)
        except Exception:
            log.exception('the event types could not be stored')
        else:
            self._stored, self._wait = changes, 0

    def _form(self, event):
        """Yield what is wrong with an event whatever its type."""
        unknown = []

        def known(value):
            if not _is_known(value):
                unknown.append(type(value).__qualname__)
            return json_safe(value)

        try:
            text = json.dumps(event, default=known, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as error:
            yield 'unserialisable', str(error)
            text = json.dumps(json_safe(event, text_limit=None), ensure_ascii=False)
        if unknown:
            yield 'unserialisable', f'it has a value of type {unknown[0]}'
        size = len(text) if text.isascii() else len(text.encode(errors='replace'))
        if size > self.most_bytes:
            yield 'oversized', (
                f'it has {size:,} bytes of JSON, and {self.most_bytes:,} are allowed')

    def _data(self, kind, data):
        """Yield what is wrong with the data of an event of a type."""
        for field in kind.fields:
            value = paths.value_at(data, field.path.split('.'), LACKING)
            if value is LACKING:
                if field.required:
                    yield 'missing', f'it has no {field.path}'
            elif not field.allows(value):
                yield 'invalid', (
                    f'{field.path} is a {type(value).__qualname__}, and wanted is '
                    f'{field.type}')
        if kind.fields:
            for path in _undocumented(data, kind.documented, ()):
                yield 'undocumented', f'{".".join(path)} is not documented'
        if kind.schema is not None:
            for problem in kind.problems(json_safe(data, text_limit=None)):
                yield 'invalid', problem


def _is_known(value):
    try:
        return isinstance(value, KNOWN)
    except Exception:  # a lazy object that cannot be made
        return False


def _undocumented(data, documented, above):
    """Yield the paths in the data that no documented path covers."""
    for key, value in data.items():
        path = (*above, str(key))
        if path in documented:
            continue
        if any(each[:len(path)] == path for each in documented) and (
                isinstance(value, dict)):
            yield from _undocumented(value, documented, path)
        else:
            yield path
