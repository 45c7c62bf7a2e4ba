"""What the settings say about the context of requests.

``TRACKSTORE_REQUEST_CONTEXT``
    the parts of the request that events have, a list of names of
    ``requestparts.PARTS`` (all of them, if nothing is said); or a mapping of keys of
    the context to these names, or to paths of functions that take the request
``TRACKSTORE_REQUEST_ID_HEADER``
    the header that the id of the request is taken from, if one is given there, and
    that it is put into in the response; None for neither
``TRACKSTORE_TRUSTED_PROXIES``
    the addresses and networks of the proxies whose ``X-Forwarded-For`` counts, and
    ``'unix'`` for one at a Unix socket
``TRACKSTORE_HASH_KEY``
    the secret that session keys are hashed with; without it, the ``SECRET_KEY``
"""

import functools
import re
from collections.abc import Mapping

from django.conf import settings

from trackstore.django.address import Proxies
from trackstore.django.requestparts import PARTS
from trackstore.events.checks import no_coroutine
from trackstore.events.configuration import imported
from trackstore.events.exceptions import ConfigurationError

CONTEXT = 'TRACKSTORE_REQUEST_CONTEXT'
HEADER = 'TRACKSTORE_REQUEST_ID_HEADER'
PROXIES = 'TRACKSTORE_TRUSTED_PROXIES'
HASH_KEY = 'TRACKSTORE_HASH_KEY'
SETTINGS = (CONTEXT, HEADER, PROXIES, HASH_KEY)

_HEADER = re.compile(r'[A-Za-z][A-Za-z0-9-]*')


class RequestOptions:
    """``parts`` (functions of a request and these options, by key), ``header``,
    ``proxies`` and ``hash_key``."""

    def __init__(self, context=tuple(PARTS), header='X-Request-ID', proxies=(),
                 hash_key=None):
        self.parts = {key: _part(part) for key, part in _pairs(context)}
        if header is not None and not (
                isinstance(header, str) and _HEADER.fullmatch(header)):
            raise ConfigurationError(
                f"{HEADER}: {header!r} is no header; allowed are names like "
                f"'X-Request-ID', and None")
        if hash_key is not None and not (
                isinstance(hash_key, (str, bytes)) and hash_key):
            raise ConfigurationError(
                f'{HASH_KEY}: it is a {type(hash_key).__name__}, or empty; wanted is '
                f'a secret text')
        self.header = header
        self.meta = header and f'HTTP_{header.upper().replace("-", "_")}'
        self.proxies = Proxies(proxies, PROXIES)
        self.hash_key = hash_key


def from_settings():
    """Return the ``RequestOptions`` of the project, or raise a ConfigurationError."""
    given = {name: getattr(settings, setting) for name, setting in (
        ('context', CONTEXT), ('header', HEADER), ('proxies', PROXIES),
        ('hash_key', HASH_KEY)) if hasattr(settings, setting)}
    return RequestOptions(**given)


@functools.cache
def current():
    """Return those of ``from_settings``, until a test changes the settings."""
    return from_settings()


def _pairs(context):
    if isinstance(context, Mapping):
        pairs = list(context.items())
        if strange := [key for key in context if not isinstance(key, str)]:
            raise ConfigurationError(
                f'{CONTEXT}: {strange[0]!r} is no key of the context; allowed is text')
    elif isinstance(context, (list, tuple)):
        pairs = [(each, each) for each in context]
    else:
        raise ConfigurationError(
            f'{CONTEXT}: {context!r} is no list; wanted is a list of parts of the '
            f'request, or a mapping of keys to them')
    return pairs


def _part(part):
    """Return the function for a part: a name, a path, or a function of a request."""
    if isinstance(part, str) and part in PARTS:
        return PARTS[part]
    if not callable(part) and not (isinstance(part, str) and '.' in part):
        raise ConfigurationError(
            f'{CONTEXT}: {part!r} is no part of a request; allowed are '
            f'{", ".join(PARTS)}, and in a mapping paths of functions')
    function = imported(part, CONTEXT)
    if not callable(function):
        raise ConfigurationError(
            f'{CONTEXT}: {part!r} is a {type(function).__name__}; wanted is the path '
            f'of a function that takes a request')
    no_coroutine(function, CONTEXT)
    return lambda context: function(context.request)
