"""Objects in URLs: written by their keys, read back by looking them up."""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from urllib.parse import parse_qsl, quote, unquote_plus, urlencode

from trackstore.models.exceptions import (
    AddressError,
    ClashError,
    MissingAttributeError,
    TellingError,
)
from trackstore.models.keytext import KINDS, KINDS_TEXT, LONGEST, key_text
from trackstore.models.search import LONGEST_NAME, found_object, split
from trackstore.models.values import lacking

#: How many parameters of a URL are looked up, and how many are read.
MOST_OBJECTS = 20
MOST_PARAMETERS = 200
LONGEST_QUERY = 50_000

URL = re.compile(r'[A-Za-z][A-Za-z0-9+.-]*://|/')


def url_of(tracking_map, base, given):
    """Return a URL with parameters for objects, of pairs (role or '', object)."""
    if not isinstance(base, str):
        raise AddressError(f'base: {base!r:.80} is no URL; allowed is text')
    keys = {}
    for role, obj in given:
        try:
            name, key = _parameter(tracking_map, role, obj)
            if keys.setdefault(name, key) != key:
                raise ClashError(
                    f'{name}: two objects would have the same name ({keys[name]!r:.80} '
                    f'and {key!r:.80}); tell them apart by a role: '
                    f'tracking_url(base, buyer=..., seller=...)')
        except TellingError as problem:
            tracking_map.problem(problem)
    if len(keys) > MOST_OBJECTS:
        tracking_map.problem(AddressError(
            f'{len(keys)} objects are too many for a URL; at most {MOST_OBJECTS} are '
            f'read back'))
    return _extended(base, dict(islice(keys.items(), MOST_OBJECTS)))


def _extended(base, keys):
    """Return a URL with parameters, in place of those of the same names."""
    if not keys:
        return base
    query = urlencode(keys, quote_via=quote)
    rest, hash_sign, fragment = base.partition('#')
    head, mark, had = rest.partition('?')
    rest = head + mark + '&'.join(
        part for part in had.split('&') if _name(part) not in keys)
    if '?' not in rest:
        query = f'?{query}'
    elif not rest.endswith(('?', '&')):
        query = f'&{query}'
    return f'{rest}{query}{hash_sign}{fragment}'


def _name(part):
    return unquote_plus(part.partition('=')[0])


def _parameter(tracking_map, role, obj):
    entry = tracking_map.entry_of(obj)
    if entry is None:
        raise lacking(tracking_map, obj, role)
    if role and role not in tracking_map.roles:
        raise AddressError(
            f'{role}: it is no role that is read back from a URL; the map has '
            f"{', '.join(tracking_map.roles) or 'none'} (its roles=)")
    if entry.key is None:
        raise AddressError(
            f'{entry.name}: it has no key, so that it cannot be in a URL')
    name = f'{entry.name}__{entry.key}'
    value = entry.source(entry.key).read(obj, entry.name)
    if value is None:
        raise MissingAttributeError(f'{name}: the object has no key yet')
    text = key_text(value)
    if text is None:
        raise AddressError(f'{name}: {value!r:.80} cannot be in a URL; allowed are '
                           f'{KINDS_TEXT}, and text that is valid and not empty')
    if len(text) > LONGEST:
        raise AddressError(f'{name}: the key has {len(text)} characters; allowed are '
                           f'at most {LONGEST}')
    return (f'{role}__{name}' if role else name), text


def given_by(tracking_map, params):
    """Return the objects of parameters, as pairs (role or '', object)."""
    try:
        asked = asked_by(tracking_map, params)
    except TellingError as problem:
        tracking_map.problem(problem)
        return []
    if len(asked) > MOST_OBJECTS:
        tracking_map.problem(AddressError(
            f'the parameters name {len(asked)} objects; allowed are {MOST_OBJECTS}'))
    given = []
    for name, value in asked[:MOST_OBJECTS]:
        try:
            role, class_name, attribute = split(_short(name), tracking_map.roles)
        except TellingError as problem:
            tracking_map.problem(problem)
            continue
        obj = found_object(tracking_map, f'{class_name}__{attribute}', value)
        if obj is not None:
            given.append((role, obj))
    return given


def asked_by(tracking_map, params):
    """Return the parameters that name objects, pairs of name and value, each once."""
    pairs = list(islice(_pairs(params), MOST_PARAMETERS + 1))
    if len(pairs) > MOST_PARAMETERS:
        raise AddressError(f'there are more than {MOST_PARAMETERS} parameters')
    asked = []
    for pair in pairs:
        problem = _problem(pair)
        if problem is not None:
            tracking_map.problem(AddressError(problem))
        elif '__' in pair[0] and tuple(pair) not in asked:
            asked.append(tuple(pair))
    return asked


def _problem(pair):
    """Return what is wrong with a pair of name and value, or None."""
    if not (isinstance(pair, (tuple, list)) and len(pair) == 2
            and isinstance(pair[0], str)):
        return f'params: {pair!r:.80} is no pair of name and value'
    name, value = pair
    if '__' in name and not isinstance(value, KINDS):
        return (f'{name!r:.80}: {value!r:.80} is no value of a parameter; allowed are '
                f'{KINDS_TEXT}')
    return None


def _pairs(params):
    """Yield the pairs of what web frameworks have for the parameters of a URL."""
    if isinstance(params, str):
        return iter(_parsed(params))
    if callable(getattr(params, 'lists', None)):  # Django and Werkzeug
        params = params.lists()
    elif isinstance(params, Mapping):
        params = params.items()
    if not isinstance(params, Iterable) or isinstance(params, bytes):
        raise AddressError(f'params: {params!r:.80} are no parameters; allowed are a '
                           f'URL, its query, a mapping, and pairs of name and value')
    return _each(params)


def _each(pairs):
    for pair in pairs:
        if (isinstance(pair, (tuple, list)) and len(pair) == 2
                and isinstance(pair[1], (list, tuple))):
            yield from ((pair[0], value) for value in pair[1])
        else:
            yield pair


def _parsed(text):
    if len(text) > LONGEST_QUERY:
        raise AddressError(f'the URL has {len(text)} characters; allowed are '
                           f'{LONGEST_QUERY}')
    head, mark, query = text.partition('?')
    if URL.match(text) or (mark and '=' not in head):
        text = query
    return parse_qsl(text.partition('#')[0], keep_blank_values=True)


def _short(name):
    if len(name) > LONGEST_NAME:
        raise AddressError(f'{name!r:.80}: the name has {len(name)} characters; '
                           f'allowed are {LONGEST_NAME}')
    return name
