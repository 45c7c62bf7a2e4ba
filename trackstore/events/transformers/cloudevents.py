"""Events as CloudEvents 1.0, in the JSON format, structured mode."""

import json
import re
from collections.abc import Mapping

from trackstore.events import paths
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.processors.options import plain_path
from trackstore.events.transformers.statement import (
    Statements,
    check,
    is_iri,
    iso,
    moment_of,
    require,
)
from trackstore.jsonsafe import json_safe

#: The type of an event without a name.
UNKNOWN = 'unknown'

#: The attributes of the standard; all others are extensions.
ATTRIBUTES = ('id', 'source', 'specversion', 'type', 'datacontenttype', 'dataschema',
              'subject', 'time')
REQUIRED = ('id', 'source', 'specversion', 'type')

_NAME = re.compile('[a-z0-9]+')
_URI_REFERENCE = re.compile(
    r"(?:[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})+")
_TIME = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)')

#: Characters that attributes must not have: controls, noncharacters, surrogates.
_FORBIDDEN = re.compile(
    '[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef'
    + ''.join(chr(plane << 16 | 0xfffe) + chr(plane << 16 | 0xffff)
              for plane in range(17)) + ']')


class CloudEventsProcessor(Statements):
    """Turns events into CloudEvents.

    The name becomes ``type``, the time stamp ``time``, the id ``id``; ``data`` has
    the rest of the event: its data and its context, which may be nested, as
    attributes of the standard may not.

    ``source``
        the URI, or relative reference, of what emits the events
    ``prefix``
        stands before the names, for types like ``'org.example.shop.order.placed'``
    ``subject``
        the path of the field that becomes ``subject``, or a list of paths of which
        the first with a value counts
    ``extensions``
        a mapping of names, of small letters and digits alone, to the paths of the
        fields that become attributes of these names; values that attributes must not
        have become text
    ``transformers``
        for events of which more is to be said: what a transformer returns is laid
        over the attributes and ``data``; None takes one away
    """

    kind = 'CloudEvent'

    def __init__(self, source, prefix='', subject=None, extensions=None,
                 transformers=None):
        super().__init__({} if transformers is None else transformers)
        if not _is_reference(source):
            raise ConfigurationError(
                f'source: {source!r} is no URI reference; wanted is one like '
                f"'https://example.org/shop' or '/shop'")
        if not isinstance(prefix, str) or _FORBIDDEN.search(prefix):
            raise ConfigurationError(
                f"prefix: {prefix!r} cannot stand before names; wanted is text like "
                f"'org.example.'")
        self.source = source
        self.prefix = prefix
        self._subject = None if subject is None else paths.alternatives(
            subject, 'subject')
        self._extensions = _extensions({} if extensions is None else extensions)

    def otherwise(self):
        return lambda event: {}

    def complete(self, statement, event, id):
        moment = moment_of(event)
        made = {
            'specversion': '1.0',
            'id': id,
            'source': self.source,
            'type': _type(self.prefix, event.get('name')),
            'time': moment and iso(moment),
            'subject': self._subject and _text(paths.first(event, self._subject)),
            'datacontenttype': 'application/json',
        }
        for name, path in self._extensions:
            made[name] = _attribute(paths.value_at(event, path))
        for name, value in statement.items():
            made[name] = value if name in ATTRIBUTES else _attribute(value)
        made.pop('data', None)
        made = {name: value for name, value in made.items() if value is not None}
        _check(made)
        made['data'] = statement['data'] if 'data' in statement else _data(event)
        return made


def _data(event):
    rest = {key: event[key] for key in event if key not in ('name', 'timestamp')}
    return json_safe(rest, None)


def _type(prefix, name):
    if not isinstance(name, str) or not name:
        name = UNKNOWN
    return prefix + _clean(json_safe(name, None))


def _text(value):
    """Return a value as text that is not empty, or None."""
    value = _attribute(value)
    return None if value is None or value == '' else (
        value if isinstance(value, str) else json.dumps(value))


def _attribute(value):
    """Return a value as one that an attribute may have: text, a bool or an int."""
    value = json_safe(value, None)
    if isinstance(value, str):
        return _clean(value)
    if value is None or isinstance(value, bool) or (
            isinstance(value, int) and -2 ** 31 <= value < 2 ** 31):
        return value
    return _clean(json.dumps(value, ensure_ascii=False))


def _clean(text):
    return _FORBIDDEN.sub('\ufffd', text)


def _is_reference(value):
    return isinstance(value, str) and _URI_REFERENCE.fullmatch(value) is not None


def _extensions(extensions):
    if not isinstance(extensions, Mapping):
        raise ConfigurationError(
            f'extensions: {extensions!r} is no mapping; wanted is one of names to '
            f"paths, like {{'userid': 'context.user_id'}}")
    for name in extensions:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigurationError(
                f'extensions: {name!r} cannot be the name of an attribute; allowed '
                f'are small letters and digits')
        if name in ATTRIBUTES or name == 'data':
            raise ConfigurationError(
                f'extensions: {name!r} is a name of the standard; wanted is another')
    return [(name, plain_path(path, f'extensions[{name!r}]'))
            for name, path in extensions.items()]


def _check(made):
    """Raise an error where the standard does not allow an attribute."""
    for name, value in made.items():
        check(_NAME.fullmatch(name), 'the name of an attribute', name,
              'of small letters and digits')
        if name in ATTRIBUTES:
            check(isinstance(value, str) and value and not _FORBIDDEN.search(value),
                  name, value, 'a text without control characters that is not empty')
    require(REQUIRED, made)
    check(made['specversion'] == '1.0', 'specversion', made['specversion'], "'1.0'")
    check(_is_reference(made['source']), 'source', made['source'], 'a URI reference')
    if 'dataschema' in made:
        check(_is_reference(made['dataschema']) and is_iri(made['dataschema']),
              'dataschema', made['dataschema'], 'an absolute URI')
    if 'time' in made:
        check(_TIME.fullmatch(made['time']), 'time', made['time'],
              "a time like '2026-11-21T20:10:00Z'")
