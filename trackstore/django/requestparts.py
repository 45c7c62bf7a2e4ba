"""The parts of a request that events may have in their context.

Each is a function of a ``trackstore.django.requestcontext.RequestContext``.
"""

from urllib.parse import urlsplit

from django.conf import settings
from django.utils.crypto import salted_hmac
from django.utils.functional import empty
from django.utils.translation import get_language

from trackstore.jsonsafe import json_safe

SALT = 'trackstore.session'

#: Sessions of this engine have no key: it is all their data.
WITHOUT_KEY = 'django.contrib.sessions.backends.signed_cookies'

#: So many characters of what others have sent are kept.
LONGEST = 1000


def _user(context):
    """The user who is signed in, or None."""
    request = context.request
    user = getattr(request, 'user', None)
    if getattr(user, '_wrapped', None) is empty:
        # it would be loaded now, although a coroutine may have asked for it
        user = getattr(request, '_acached_user', user)
    return user if user is not None and user.is_authenticated else None


def user_id(context):
    user = _user(context)
    return None if user is None else user.pk


def username(context):
    user = _user(context)
    return None if user is None else user.get_username()


def session_id(context):
    """A hash: who knows the key of a session can be its user."""
    key = getattr(getattr(context.request, 'session', None), 'session_key', None)
    if not key or settings.SESSION_ENGINE == WITHOUT_KEY:
        return None
    return salted_hmac(SALT, key, secret=context.options.hash_key,
                       algorithm='sha256').hexdigest()[:32]


def path(context):
    """Without what follows the question mark."""
    return text(context.request.path)


def method(context):
    return text(context.request.method)


def agent(context):
    return text(context.request.META.get('HTTP_USER_AGENT'))


def address(context):
    return context.options.proxies.address(context.request.META)


def referrer(context):
    """Without what may be secret: a password, and what follows the question mark."""
    found = text(context.request.META.get('HTTP_REFERER'))
    if found is None:
        return None
    try:
        parts = urlsplit(found)
    except ValueError:  # no address of anything
        return None
    host = parts.netloc.rpartition('@')[2]
    return parts._replace(netloc=host, query='', fragment='').geturl() or None


def request_id(context):
    return context.request_id


def language(context):
    return get_language()


def text(value):
    """Return a text that others have sent, cut if it is long; None for none."""
    return json_safe(value, LONGEST) if value else None


PARTS = {function.__name__: function for function in (
    user_id, username, session_id, path, method, agent, address, referrer,
    request_id, language)}

#: Those that are the same as long as the request is answered.
FIXED = frozenset((path, method, agent, address, referrer, request_id))

#: Those that ask no database and never fail.
CHEAP = FIXED | {session_id, language}
