"""Fields of events by path: renamed, dropped, masked, made pseudonyms, and set.

Paths are like ``context.user.email``; ``*`` is any key of a mapping or element of a
list.  A field that is not there is no error.  Where one of these processors fails,
whatever the reason, it drops the event: nothing that it was to hide goes on.
"""

import hashlib
import hmac
import json
import logging
import os

from zope.interface import implementer

from trackstore.events import checks
from trackstore.events.event import copied
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IProcessor
from trackstore.events.processors.exceptions import EventEmissionExit
from trackstore.events.processors.fieldplaces import places, put
from trackstore.events.processors.options import (
    field_mapping,
    field_paths,
    plain_path,
    wildcard_path,
)
from trackstore.events.wire import is_event
from trackstore.jsonsafe import json_safe

log = logging.getLogger(__name__)

#: What every event has; backends know it by that.
KEPT = ('data', 'context')

#: So many bytes must a key have.
KEY_SIZE = 16

#: So many hexadecimal digits may a pseudonym have.
LENGTHS = range(16, 65)


@implementer(IProcessor)
class Fields:
    """What changes fields; a subclass says how in ``change(event)``.

    An event keeps its ``data`` and ``context``: where these are taken away, they are
    empty dictionaries then.
    """

    #: It never raises ``EventRefused``.
    refuses = False

    def __call__(self, event):
        kept = [key for key in KEPT if key in event] if is_event(event) else ()
        try:
            self.change(event)
        except Exception as error:
            # The text of the error may tell what was to be hidden.
            reason = (f'{type(self).__name__} failed with {type(error).__name__}; the '
                      f'event is dropped')
            log.error(reason)
            raise EventEmissionExit(reason) from None
        for key in kept:
            event.setdefault(key, {})
        return event


class DropFields(Fields):
    """Removes fields; ``fields`` is a list of paths.

    An element of a list is taken out of it, and those behind it move up.
    """

    def __init__(self, fields):
        self.fields = field_paths(fields)

    def change(self, event):
        for path in self.fields:
            _dropped(places(event, path))


class MaskFields(Fields):
    """Replaces the values of fields by one text, whatever they are.

    ``fields`` is a list of paths, ``mask`` the text.
    """

    def __init__(self, fields, mask='***'):
        if not isinstance(mask, str):
            raise ConfigurationError(f'mask: {mask!r} is no text; wanted is one')
        self.fields = field_paths(fields)
        self.mask = mask

    def change(self, event):
        for path in self.fields:
            for container, key in places(event, path):
                container[key] = self.mask


class HashFields(Fields):
    """Replaces the values of fields by pseudonyms.

    A pseudonym is a text of hexadecimal digits.  Equal values have the same one, in
    all fields, events and processes that use the key, and without the key nobody
    can tell whose it is, not by trying all values either (HMAC with SHA-256).  A
    number has the pseudonym of its text.  Lists and mappings have one for all that
    is in them.  None stays None.

    ``fields``
        a list of paths
    ``key``
        the secret, a text or bytes of at least 16 bytes, or
    ``key_variable``
        the name of the environment variable that has it
    ``length``
        how many digits pseudonyms have, 16 to 64
    """

    def __init__(self, fields, key=None, key_variable=None, length=32):
        if type(length) is not int or length not in LENGTHS:
            raise ConfigurationError(
                f'length: {length!r} is no number of digits; allowed are whole '
                f'numbers from {LENGTHS[0]} to {LENGTHS[-1]}')
        self.fields = field_paths(fields)
        self.length = length
        self._key = _secret(key, key_variable)

    def change(self, event):
        for path in self.fields:
            for container, key in places(event, path):
                if container[key] is not None:
                    container[key] = self.pseudonym(container[key])

    def pseudonym(self, value):
        """Return the pseudonym of a value: to find the events of a person again."""
        value = text_of(value).encode()
        return hmac.new(self._key, value, hashlib.sha256).hexdigest()[:self.length]


class RenameFields(Fields):
    """Moves fields; ``fields`` is a mapping of old paths to new ones.

    What is at the new path already is replaced.  Where only the last key differs
    the field is renamed where it is, and both paths may have asterisks, at the same
    places.  Otherwise only the old path may: the new field has a list of all that it
    means.  The renamings are done one after the other.
    """

    def __init__(self, fields):
        self.fields = [_renaming(old, new) for old, new in field_mapping(fields)]

    def change(self, event):
        for old, new in self.fields:
            if old[:-1] == new[:-1]:
                _renamed(event, old, new[-1])
            elif found := _outermost(places(event, old)):
                values = [container[key] for container, key in found]
                _dropped(found)
                alone = len(values) == 1 and '*' not in old
                put(event, new, values[0] if alone else values)


class SetFields(Fields):
    """Sets fields to constants; ``fields`` is a mapping of paths to values.

    With ``overwrite=False`` a field that is there already stays as it is.
    """

    def __init__(self, fields, overwrite=True):
        self.fields = [(plain_path(path, 'fields'), copied(value))
                       for path, value in field_mapping(fields)]
        self.overwrite = checks.flag(overwrite, 'overwrite')

    def change(self, event):
        for path, value in self.fields:
            if self.overwrite or not places(event, path):
                put(event, path, copied(value))


def text_of(value):
    """Return a text that equal values have, in every process."""
    value = json_safe(value, None)
    return value if type(value) is str else json.dumps(
        value, ensure_ascii=False, sort_keys=True, separators=(',', ':'))


def _dropped(found):
    for container, key in reversed(found):  # of a list, the last element first
        del container[key]


def _outermost(found):
    """Return the places that are in no value at another of them."""
    inside = set()
    for container, key in found:
        _add_containers(container[key], inside)
    return [place for place in found if id(place[0]) not in inside] or found


def _add_containers(value, ids):
    if isinstance(value, (dict, list)) and id(value) not in ids:
        ids.add(id(value))
        for part in value.values() if isinstance(value, dict) else value:
            _add_containers(part, ids)


def _renamed(event, path, last):
    for container, key in places(event, path):
        if isinstance(container, list):
            continue
        value = container.pop(key)
        before, dot, _ = key.rpartition('.') if isinstance(key, str) else ('', '', '')
        container[before + dot + last] = value


def _renaming(old, new):
    old, new = wildcard_path(old, 'fields'), wildcard_path(new, 'fields')
    if old == new:
        raise ConfigurationError(
            f"fields: {'.'.join(old)!r} is renamed to itself; wanted is another path")
    if '*' in (old[-1], new[-1]) if old[:-1] == new[:-1] else '*' in new:
        raise ConfigurationError(
            f"fields: {'.'.join(new)!r} cannot be the new path of {'.'.join(old)!r}; "
            f'wanted is one without an asterisk, or one that differs in its last key')
    return old, new


def _secret(key, variable):
    if (key is None) == (variable is None):
        raise ConfigurationError(
            f'key, key_variable: {"none" if key is None else "both"} given; exactly '
            f'one is wanted')
    name = 'key'
    if variable is not None:
        name = f'key_variable: {variable!r}'
        if not isinstance(variable, str) or variable not in os.environ:
            raise ConfigurationError(
                f'{name} is no environment variable that is set')
        key = os.environ[variable]
    if not isinstance(key, (str, bytes)):
        raise ConfigurationError(f'{name}: wanted is a text or bytes')
    key = key.encode() if isinstance(key, str) else key
    if len(key) < KEY_SIZE:  # which is not shown: it is a secret
        raise ConfigurationError(
            f'{name}: has {len(key)} bytes; wanted are at least {KEY_SIZE}, as '
            f'secrets.token_hex() makes them')
    return key
