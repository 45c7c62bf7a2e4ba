"""Events by HTTP: what is sent, with which headers, and how often.

How an answer is judged, and how long to wait, is in ``trackstore.events.retries``.
"""

import base64
import contextlib
import gzip
import hashlib
import hmac
import os
import re
import ssl
import time
from urllib.parse import unquote_plus

from zope.interface import alsoProvides, implementer

from trackstore.events import checks
from trackstore.events.backends import bodies
from trackstore.events.backends.clients import Clients
from trackstore.events.environment import expanded, hidden
from trackstore.events.exceptions import ConfigurationError, DeliveryError
from trackstore.events.forks import renewed_after_fork
from trackstore.events.interfaces import IBackend, IBatchBackend
from trackstore.events.retries import Retries, outcome
from trackstore.events.wire import id_of

FORMATS = {'event': lambda events: bodies.one(*events), 'array': bodies.array,
           'lines': bodies.lines}

#: Headers that httpx reckons itself; another value would break the request.
RECKONED = ('content-length', 'transfer-encoding', 'content-encoding')

#: So much of an answer is shown in an error.
SHOWN = 200

#: So many bytes of an answer are read.
MOST_READ = 65_536

#: So long an id may be that is a header as it stands.
LONGEST_KEY = 200


@implementer(IBackend)
class HTTPBackend:
    """Posts events to a URL.

    ``url``
        where to, ``http://`` or ``https://``
    ``format``
        ``'event'`` for a request with each event, ``'array'`` for an array of all
        events of a batch, ``'lines'`` for JSON lines; with the latter two there is
        a method ``send_many``
    ``headers``
        a mapping of further headers; a ``Content-Type`` here stands instead of the one
        that the events have by themselves
    ``timeout``
        seconds to connect, and to wait for each part of the answer
    ``tries``
        so often a request is made, if it fails in a way that may pass
    ``backoff``, ``longest``
        seconds: the wait before the second try is up to ``backoff``, and up to
        twice as long each time, but never more than ``longest``
    ``gzip``
        whether requests are packed
    ``idempotency_header``
        the header with the id of the event, or a digest of the ids of a batch, the
        same in each try; None for none
    ``signing_key``, ``signature_header``
        with a key there is a header with ``sha256=`` and the HMAC of the body, as
        it is sent (packed, if it is), in hexadecimal digits
    ``verify``
        True; the path of a file with the certificates to trust; or False
    ``connections``
        how many connections may be open at once
    ``most_at_once``, ``most_bytes``
        so many events a queue gives ``send_many``, and so many bytes they may have,
        before they are packed; a single event may have more

    In ``url``, ``headers`` and ``signing_key``, ``${NAME}`` stands for the variable
    NAME of the environment.  No error shows what a header, the key or the query of the
    URL is, nor does the log of ``httpx``.
    """

    #: Queues need make no copies: an event is only read.
    leaves_events_alone = True

    def __init__(self, url, format='event', headers=None, timeout=10, tries=4,
                 backoff=0.5, longest=30, gzip=False,
                 idempotency_header='Idempotency-Key', signing_key=None,
                 signature_header='X-Signature', verify=True, connections=10,
                 most_at_once=500, most_bytes=1_000_000):
        try:
            import httpx
        except ImportError as error:
            raise checks.missing('httpx', 'http', error) from error
        self._httpx = httpx
        self._secrets = []
        self._url, self._auth, self.place = self._target(url)
        self._headers = self._expanded_headers(headers or {})
        self._format = checks.one_of(format, 'format', list(FORMATS))
        if self._format != 'event':  # all or none, which many requests are not
            self.send_many = self._send_many
            alsoProvides(self, IBatchBackend)
        self.most_at_once = checks.whole(most_at_once, 'most_at_once')
        self._most_bytes = checks.whole(most_bytes, 'most_bytes')
        self._gzip = checks.flag(gzip, 'gzip')
        self._idempotency = _header_name(idempotency_header, 'idempotency_header')
        self._signature = _header_name(signature_header, 'signature_header')
        self._key = self._signing_key(signing_key)
        self._retries = Retries(tries, backoff, longest)
        self._options = {
            'auth': self._auth, 'follow_redirects': False,
            'timeout': checks.seconds(timeout, 'timeout'),
            'verify': _trusted(verify, httpx)}
        self._clients = Clients(self._client, checks.whole(connections, 'connections'))
        with self._clients.one():  # what is wrong with the proxies, it says now
            pass
        renewed_after_fork(self)

    def __repr__(self):
        return f'<HTTPBackend {self.place}>'

    def send(self, event):
        self._post([event])

    def _send_many(self, events):
        """Post all events in one request; refuse more than fit into one."""
        if events:
            self._post(events)

    def close(self):
        """Close all connections, and end what waits for its next try."""
        self._retries.end()
        self._clients.close()

    def after_fork(self):
        """Begin anew: open connections are those of the parent process."""
        self._clients.renew()

    # the request

    def _post(self, events):
        text, kind = FORMATS[self._format](events)
        body = text.encode()
        if len(body) > self._most_bytes and len(events) > 1:
            raise DeliveryError(
                f'{len(events)} events have {len(body)} bytes, more than most_bytes, '
                f'{self._most_bytes}; fewer of them can be sent', again=False)
        headers = self._httpx.Headers(self._headers)  # of which case does not matter
        headers.setdefault('Content-Type', kind)
        if self._gzip:
            body = gzip.compress(body, 6, mtime=0)
            headers['Content-Encoding'] = 'gzip'
        if self._idempotency is not None:
            headers[self._idempotency] = _idempotency_key(events)
        if self._key is not None:
            digest = hmac.new(self._key, body, hashlib.sha256).hexdigest()
            headers[self._signature] = f'sha256={digest}'
        self._retries.run(lambda: self._try(body, headers))

    def _try(self, body, headers):
        """Make the request once; return None or the error."""
        try:
            with self._clients.one() as client:
                request = client.build_request(
                    'POST', self._url, content=body, headers=headers)
                request.url = self._url  # not a copy: httpx logs what it is shown as
                with contextlib.closing(client.send(request, stream=True)) as response:
                    said = hidden(self._read(response), self._secrets)
        except self._httpx.HTTPError as failure:
            # not its cause: its own text may show a header
            return DeliveryError(self._told(
                f'{type(failure).__name__}: {failure}'.rstrip(': ')))
        return outcome(response.status_code, response.headers.get('Retry-After'),
                       lambda: self._told(_answer(response, said)))

    def _read(self, response):
        """Return the text of an answer, as far as it comes and is worth the wait."""
        read, end = b'', time.monotonic() + self._options['timeout']
        with contextlib.suppress(self._httpx.HTTPError):  # the status is what counts
            for part in response.iter_bytes():
                read += part
                if len(read) > MOST_READ or time.monotonic() > end:
                    break  # which closes the connection
        return read.decode(errors='replace')

    def _told(self, text):
        return f'{self.place} did not take it: {hidden(text, self._secrets)}'

    # the options

    def _client(self):
        try:
            return self._httpx.Client(**self._options)
        except ImportError as error:
            why = str(error)
        except (ValueError, self._httpx.InvalidURL):  # which may show a password
            why = 'that is no URL of a proxy'
        raise ConfigurationError(
            f'the proxy that the environment names in HTTP_PROXY, HTTPS_PROXY or '
            f'ALL_PROXY cannot be used: {why}')

    def _target(self, url):
        """Return the URL without its user, the user and password, and what to show."""
        if not isinstance(url, str):
            raise _no_url('', f'a value of type {type(url).__name__}')
        given = expanded(url, 'url', self._secrets)
        try:
            target = self._httpx.URL(given)
        except self._httpx.InvalidURL as error:
            why = hidden(str(error), self._secrets)
            if '@' in given:  # then it may show a part of a password
                why = 'a slash in a password stands as %2F, and so all such characters'
            raise _no_url('', why) from None
        if target.scheme not in ('http', 'https') or not target.host:
            raise _no_url(f'{target.scheme}://{target.host}', 'not of HTTP')
        if '%20' in target.host:  # as httpx has it
            raise _no_url('', 'there is a blank in the name of the host')
        if target.port is not None and not 0 < target.port < 65536:
            raise _no_url(
                f'{target.scheme}://{target.host}', f'{target.port} is no port')
        auth = None
        if target.userinfo:
            auth = (target.username, target.password)
            both = f'{target.username}:{target.password}'
            self._secrets += [target.password, target.userinfo.decode('ascii'), both,
                              base64.b64encode(both.encode()).decode('ascii')]
        target = target.copy_with(userinfo=b'', fragment=None)
        place = target.copy_with(query=None, path=hidden(target.path, self._secrets))
        place = hidden(str(place), self._secrets)
        self._secrets += _values(target.query.decode('ascii'))
        return _shown_as(place, target), auth, place

    def _expanded_headers(self, headers):
        if not hasattr(headers, 'items'):
            raise checks.wrong_type(
                headers, 'headers', 'mapping', 'a mapping of names to text')
        found = {}
        for name, text in headers.items():
            option = f'headers.{_header_name(name, "headers")}'
            if not isinstance(text, str):
                raise checks.wrong_type(text, option, 'text', checks.SECRET)
            value = expanded(text, option, self._secrets)
            if not value.isascii() or not value.isprintable():
                raise ConfigurationError(
                    f'{option}: the value has other characters; allowed are those of '
                    f'ASCII that can be printed')
            self._secrets += [value, *value.split()[-1:]]  # 'Bearer ...' and the token
            if name.lower() in RECKONED:
                raise ConfigurationError(
                    f'{option}: it is reckoned from what is sent; allowed are other '
                    f'headers')
            found[name] = value
        return found

    def _signing_key(self, key):
        if key is None:
            return None
        if not isinstance(key, str) or not key:
            raise checks.wrong_type(key, 'signing_key', 'key', checks.SECRET)
        key = expanded(key, 'signing_key', self._secrets)
        self._secrets.append(key)
        return key.encode()


def _values(query):
    """Return the query and its values, as they are sent and as they are meant."""
    values = [query]
    for part in query.split('&'):
        name, _, value = part.partition('=')
        values += [value or name, unquote_plus(value or name)]
    return values


def _shown_as(place, url):
    """Return a URL that is shown as something else."""
    class Shown(type(url)):
        def __str__(self):
            return place
    return Shown(url)


def _no_url(shown, why):
    return ConfigurationError(
        f'url: {shown}{": " if shown else ""}{why}; allowed are URLs like '
        f"'https://example.com/events'")


def _header_name(name, option):
    if name is None and option == 'idempotency_header':
        return None
    if not isinstance(name, str) or not name.replace('-', '').isalnum() or (
            not name.isascii()):
        raise ConfigurationError(
            f'{option}: {name!r} is no name of a header; allowed are letters, digits '
            f'and -')
    return name


def _trusted(verify, httpx):
    """Return what all clients share: to make it takes longer than a request."""
    if not isinstance(verify, (bool, str, os.PathLike)):
        raise ConfigurationError(
            f'verify: {verify!r} is no file; allowed are True, False, and the path of '
            f'a file with certificates')
    try:
        if isinstance(verify, bool):
            return httpx.create_ssl_context(verify=verify)
        return ssl.create_default_context(cafile=os.fspath(verify))
    except OSError as error:
        shown = 'the file in SSL_CERT_FILE' if verify is True else repr(verify)
        raise ConfigurationError(
            f'verify: {shown} cannot be read: {error}') from error


def _idempotency_key(events):
    ids = [id_of(event) for event in events]
    if len(ids) == 1 and re.fullmatch(rf'[!-~]{{1,{LONGEST_KEY}}}', ids[0]):
        return ids[0]
    return hashlib.sha256('\n'.join(ids).encode(errors='replace')).hexdigest()


def _answer(response, said):
    said = ''.join(character if character.isprintable() else ' ' for character in said)
    said = ' '.join(said.split())
    said = said[:SHOWN] + '…' if len(said) > SHOWN else said
    status = f'{response.status_code} {response.reason_phrase}'.strip()
    if response.has_redirect_location:
        status += f' to {response.headers["Location"].partition("?")[0]}'
    return f'{status}: {said}' if said else status
