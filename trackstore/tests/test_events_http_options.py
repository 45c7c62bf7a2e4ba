"""Events by HTTP: options that are wrong, and secrets that nobody sees."""

import logging
import sys
import traceback

import pytest

from trackstore.events import ConfigurationError, Tracker
from trackstore.events.backends.http import HTTPBackend
from trackstore.events.exceptions import DeliveryError
from trackstore.tests.servers import need
from trackstore.tests.test_events_wire import event

need('httpx')

ONCE = {'tries': 1}


def test_no_error_shows_a_secret(receiver, monkeypatch, caplog):
    monkeypatch.setenv('A_TOKEN', 'abc-123')
    monkeypatch.setenv('A_KEY', 'key-456')
    said = (b'you said Bearer abc-123 and abc-123 and abc-x and Basic '
            b'YW5uOnBhc3Mtd29yZA== and pass-word and key-456 and q=secret-789')
    receiver.answers = [(400, {}, said), 'hang up']
    url = receiver.url.replace('//', '//ann:pass-word@') + '/a?q=secret-789'
    to = HTTPBackend(
        url, headers={'Authorization': 'Bearer ${A_TOKEN}', 'X-Key': 'abc-x'},
        signing_key='${A_KEY}', **ONCE)
    caplog.set_level(logging.DEBUG, 'trackstore')
    tracker = Tracker({'http': to})
    tracker.emit('a')
    tracker.emit('b')
    to.close()
    shown = caplog.text + repr(to)
    assert 'you said *** and *** and *** and Basic *** and *** and *** and ***' in shown
    for secret in ('abc-123', 'abc-x', 'pass-word', 'YW5u', 'key-456', '789'):
        assert secret not in shown


def test_no_value_of_the_query_is_shown(receiver, monkeypatch, caplog):
    monkeypatch.setenv('A_TOKEN', 'abc-123')
    caplog.set_level(logging.DEBUG)
    said = b'no key abc-123, no se/cr et, no se%2Fcr%20et, no alone, no events, k is 7'
    receiver.answers = [(400, {}, said), (400, {}, b'x' * 190 + b' abc-123')]
    path = '/events?key=${A_TOKEN}&other=se%2Fcr%20et&alone&kind=events&k=7'
    to = HTTPBackend(receiver.url + path, **ONCE)
    assert to.place == receiver.url + '/events'
    for _ in range(2):
        with pytest.raises(DeliveryError) as caught:
            to.send(event())
        logging.getLogger('test').info(str(caught.value))
    to.close()
    assert receiver.requests[0].path == path.replace('${A_TOKEN}', 'abc-123')
    assert f'{receiver.url}/events did not take it: 400' in caplog.text
    assert 'no key ***, no ***, no ***, no ***, no ***, k is 7' in caplog.text
    for secret in ('abc', 'se/cr', 'se%2Fcr', 'alone'):
        assert secret not in caplog.text


def test_no_variable_in_the_path_is_shown(receiver, monkeypatch, caplog):
    monkeypatch.setenv('A_TOKEN', 'abc 123')
    caplog.set_level(logging.DEBUG)
    to = HTTPBackend(receiver.url + '/hooks/${A_TOKEN}', **ONCE)
    to.send(event())
    to.close()
    assert receiver.requests[0].path == '/hooks/abc%20123'
    assert to.place == receiver.url + '/hooks/***'
    assert 'abc' not in caplog.text


def test_a_wrong_option_does_not_show_a_secret(monkeypatch):
    monkeypatch.setenv('A_TOKEN', 'abc\n123')
    options = {'headers': {'Authorization': '${A_TOKEN}'}}
    with pytest.raises(ConfigurationError) as caught:
        HTTPBackend('http://localhost', **options)
    assert 'abc' not in ''.join(traceback.format_exception(caught.value))
    for url in ('ftp://ann:pass-word@localhost', 'http://ann:pass-word/1@localhost'):
        with pytest.raises(ConfigurationError) as caught:
            HTTPBackend(url)
        assert 'pass-word' not in ''.join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(('proxy', 'why'), [
    ('foo://ann:pass-word@localhost:1', 'that is no URL of a proxy'),
    ('http://ann:pass-word', 'that is no URL of a proxy'),
    ('socks5://ann:pass-word@localhost:1', 'Using SOCKS proxy, but'),
])
def test_a_proxy_that_cannot_be_used(monkeypatch, proxy, why):
    if proxy.startswith('socks'):
        monkeypatch.setitem(sys.modules, 'socksio', None)
    monkeypatch.setenv('HTTP_PROXY', proxy)
    with pytest.raises(ConfigurationError, match='^the proxy that the e') as caught:
        HTTPBackend('http://localhost')
    assert f' ALL_PROXY cannot be used: {why}' in str(caught.value)
    assert 'pass-word' not in ''.join(traceback.format_exception(caught.value))


def test_events_go_through_the_proxy(receiver, monkeypatch):
    monkeypatch.setenv('HTTP_PROXY', receiver.url.replace('//', '//ann:pass-word@'))
    to = HTTPBackend('http://shop.example/events?a=1', **ONCE)
    to.send(event())
    receiver.answers = [407]
    with pytest.raises(DeliveryError, match='407 Proxy Authenti') as caught:
        to.send(event())
    to.close()
    assert receiver.requests[0].path == 'http://shop.example/events?a=1'
    assert 'Proxy-Authorization' in receiver.requests[0].headers
    assert 'pass-word' not in ''.join(traceback.format_exception(caught.value))


def test_certificates_of_the_environment_that_are_not_there(monkeypatch):
    monkeypatch.setenv('SSL_CERT_FILE', '/no/such')
    with pytest.raises(ConfigurationError, match=(
            '^verify: the file in SSL_CERT_FILE cannot be read: ')):
        HTTPBackend('https://localhost')


@pytest.mark.parametrize(('options', 'text'), [
    ({'url': 7}, "url: a value of type int; allowed are URLs like 'https://example.com/events'"),
    ({'url': 'ftp://localhost/a'}, 'url: ftp://localhost: not of HTTP; allowed are'),
    ({'url': 'https://exa mple/a'}, 'url: there is a blank in the name of the host; '),
    ({'url': 'https://example:99999'}, 'url: https://example: 99999 is no port; allow'),
    ({'url': 'localhost'}, 'url: ://: not of HTTP; allowed are URLs like'),
    ({'url': 'http://localhost:port'}, "url: Invalid port: 'port'; allowed are"),
    ({'url': 'http://${NO_SUCH}/'}, 'url: the environment has no variable NO_SUCH;'),
    ({'format': 'xml'}, "format: 'xml' is not known; allowed are 'event', 'array', "
                        "'lines'"),
    ({'headers': ['a']}, 'headers: a value of type list is no mapping; allowed is'),
    ({'headers': {'a b': 'c'}}, "headers: 'a b' is no name of a header; allowed are"),
    ({'headers': {'a': 7}}, 'headers.a: a value of type int is no text; allowed is'),
    ({'headers': {'a': 'é'}}, 'headers.a: the value has other characters; allowed are'),
    ({'headers': {'a': '${NO_SUCH}'}}, 'headers.a: the environment has no variable'),
    ({'timeout': 0}, 'timeout: 0 is no time; allowed are seconds, more than 0'),
    ({'timeout': 'x'}, "timeout: 'x' is no time"),
    ({'tries': 0}, 'tries: 0 is not allowed; allowed are whole numbers from 1'),
    ({'backoff': -1}, 'backoff: -1 is no time; allowed are seconds, from 0'),
    ({'longest': float('nan')}, 'longest: nan is no time'),
    ({'gzip': 'yes'}, "gzip: 'yes' is no flag; allowed are True and False"),
    ({'idempotency_header': 'a:'}, "idempotency_header: 'a:' is no name of a header"),
    ({'signature_header': None}, 'signature_header: None is no name of a header'),
    ({'signing_key': ''}, 'signing_key: a value of type str is no key; allowed is'),
    ({'verify': 7}, 'verify: 7 is no file; allowed are True, False, and the path of'),
    ({'verify': '/no/such'}, "verify: '/no/such' cannot be read: "),
    ({'headers': {'Content-length': '7'}}, 'headers.Content-length: it is reckoned fr'),
    ({'most_at_once': 0}, 'most_at_once: 0 is not allowed; allowed are whole numbers'),
    ({'most_bytes': 1.5}, 'most_bytes: 1.5 is not allowed; allowed are whole numbers'),
    ({'connections': 0}, 'connections: 0 is not allowed; allowed are whole numbers'),
])
def test_options(options, text):
    with pytest.raises(ConfigurationError) as caught:
        HTTPBackend(**{'url': 'http://localhost'} | options)
    assert str(caught.value).startswith(text)


def test_httpx_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'httpx', None)
    with pytest.raises(ConfigurationError, match=(
            r"comes with pip install 'trackstore\[http\]'$")):
        HTTPBackend('http://localhost')
