"""Events by HTTP, to a server that fails in every way."""

import contextlib
import email.utils
import hashlib
import hmac
import itertools
import json
import logging
import os
import shutil
import socket
import subprocess
import threading
import time
import traceback
import types
from pathlib import Path

import pytest
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events import ConfigurationError, Tracker
from trackstore.events.backends.clients import Clients
from trackstore.events.backends.http import HTTPBackend
from trackstore.events.exceptions import DeliveryError
from trackstore.events.interfaces import IBackend, IBatchBackend
from trackstore.events.retries import Retries, asked_for
from trackstore.tests.forks import in_child, status_of
from trackstore.tests.receiver import Receiver
from trackstore.tests.servers import deaf_port, need, unavailable
from trackstore.tests.test_events_wire import event
from trackstore.tests.waiting import LONG

need('httpx')

ONCE = {'tries': 1}
QUICK = {'tries': 4, 'backoff': 0}


@pytest.fixture
def backend(receiver):
    """Return a function that makes backends, which are closed in the end."""
    made = []

    def make(path='/events', **options):
        made.append(HTTPBackend(receiver.url + path, **options))
        return made[-1]
    yield make
    for each in made:
        each.close()


def refused(backend):
    with pytest.raises(DeliveryError) as caught:
        backend.send(event())
    return caught.value


@pytest.mark.parametrize('format', ['event', 'array', 'lines'])
def test_it_is_a_backend_and_one_for_batches_where_these_are_one_request(
        backend, format):
    verifyClass(IBackend, HTTPBackend)
    to = backend(format=format)
    verifyObject(IBackend, to)
    assert IBatchBackend.providedBy(to) is hasattr(to, 'send_many')
    assert hasattr(to, 'send_many') is (format != 'event')
    if format != 'event':
        verifyObject(IBatchBackend, to)


# what is sent

def test_each_event_is_a_request(receiver, backend):
    one, two = event(data={'name': 'é'}), event()
    to = backend()
    to.send(one)
    to.send(two)
    first, second = receiver.requests
    assert first.path == '/events'
    assert first.headers['Content-Type'] == 'application/json'
    assert first.json == {
        'id': one.id, 'name': 'order.placed', 'timestamp': '2026-11-21T20:10:00+00:00',
        'data': {'name': 'é'}, 'context': {}}
    assert first.headers['Idempotency-Key'] == one.id
    assert second.headers['Idempotency-Key'] == two.id
    assert receiver.connections == 1


def test_an_array_is_one_request(receiver, backend):
    events = [event(), event()]
    to = backend(format='array')
    to.send_many(events)
    to.send(events[0])
    to.send_many([])
    both, single = receiver.requests
    assert [each['id'] for each in both.json] == [each.id for each in events]
    assert [each['id'] for each in single.json] == [events[0].id]
    digest = hashlib.sha256(f'{events[0].id}\n{events[1].id}'.encode()).hexdigest()
    assert both.headers['Idempotency-Key'] == digest
    assert single.headers['Idempotency-Key'] == events[0].id


def test_json_lines(receiver, backend):
    events = [event(data={'text': 'a\nb'}), event()]
    backend(format='lines').send_many(events)
    request, = receiver.requests
    assert request.headers['Content-Type'] == 'application/x-ndjson'
    lines = request.body.decode().split('\n')
    assert [json.loads(line)['id'] for line in lines[:-1]] == [
        each.id for each in events]
    assert lines[-1] == ''


def test_packed_and_signed(receiver, backend, monkeypatch):
    monkeypatch.setenv('HOOK_KEY', 'a-key')
    one = event(data={'x': 'x' * 1000})
    backend(gzip=True, signing_key='${HOOK_KEY}').send(one)
    request, = receiver.requests
    assert request.headers['Content-Encoding'] == 'gzip'
    assert len(request.raw) < 400
    assert request.json['id'] == one.id
    assert request.headers['X-Signature'] == 'sha256=' + hmac.new(
        b'a-key', request.raw, 'sha256').hexdigest()


def test_headers_and_no_key(receiver, backend, monkeypatch):
    monkeypatch.setenv('A_TOKEN', 'abc123')
    backend(headers={'Authorization': 'Bearer ${A_TOKEN}', 'X-Team': 'shop'},
            idempotency_header=None).send(event())
    headers = receiver.requests[0].headers
    assert (headers['Authorization'], headers['X-Team']) == ('Bearer abc123', 'shop')
    assert 'Idempotency-Key' not in headers
    assert 'X-Signature' not in headers


def test_a_user_in_the_url(receiver, backend):
    url = receiver.url.replace('//', '//ann:pass-word@')
    to = HTTPBackend(f'{url}/a?token=abc123')
    to.send(event())
    to.close()
    request, = receiver.requests
    assert request.path == '/a?token=abc123'
    assert request.headers['Authorization'] == 'Basic YW5uOnBhc3Mtd29yZA=='
    assert repr(to) == f'<HTTPBackend {receiver.url}/a>'


# what fails

@pytest.mark.parametrize('answer', [408, 425, 429, 500, 502, 503, 504, 'hang up'])
def test_what_may_pass_is_tried_again(receiver, backend, answer):
    receiver.answers = [answer] * 3
    one = event()
    backend(**QUICK).send(one)
    assert len(receiver.requests) == 4
    assert {request.headers['Idempotency-Key'] for request in receiver.requests} == {
        one.id}
    assert len({request.raw for request in receiver.requests}) == 1


@pytest.mark.parametrize('answer', [408, 425, 429, 500, 503, 'hang up'])
def test_in_the_end_it_is_an_error_that_may_pass(receiver, backend, answer):
    receiver.answers = [answer] * 5
    assert refused(backend(**QUICK)).again
    assert len(receiver.requests) == 4


@pytest.mark.parametrize('status', [301, 307, 400, 401, 403, 404, 409, 410, 413, 422])
def test_what_is_refused_for_good_is_tried_once(receiver, backend, status):
    receiver.answers = [status]
    assert not refused(backend(**QUICK)).again
    assert len(receiver.requests) == 1


def test_the_answer_is_in_the_error(receiver, backend):
    receiver.answers = [(409, {}, b'no  such\nfield ' + b'x' * 500)]
    assert str(refused(backend())) == (
        f'{receiver.url}/events did not take it: 409 Conflict: '
        f'no such field {"x" * 186}…')


def test_an_answer_without_an_end_is_not_read_to_it(receiver, backend):
    receiver.answers = [(400, {'Content-Length': '10000000000'}, b'x' * 200_000)]
    assert '400 Bad Request: xxx' in str(refused(backend()))
    backend().send(event())


@pytest.mark.parametrize('headers', [
    {'Content-Length': '10', 'Connection': 'close'}, {'Content-Encoding': 'gzip'}])
def test_what_is_taken_is_taken_even_if_the_answer_breaks_off(
        receiver, backend, headers):
    receiver.answers = [(200, headers, b'yes'), 200]
    backend(**QUICK).send(event())
    assert len(receiver.requests) == 1


def test_an_answer_that_drips_is_waited_for_only_so_long(monkeypatch):
    ticks = itertools.count()  # time passes with each part
    monkeypatch.setattr('trackstore.events.backends.http.time', types.SimpleNamespace(
        monotonic=lambda: 10 * next(ticks)))
    with socket.create_server(('127.0.0.1', 0)) as server:
        def serve():
            connection = server.accept()[0]
            connection.recv(65536)
            connection.sendall(b'HTTP/1.1 503 No\r\nContent-Length: 99999\r\n\r\n')
            with contextlib.suppress(OSError):  # until the other side has enough
                while True:
                    connection.sendall(b'x')
                    time.sleep(0.01)
            connection.close()
        thread = threading.Thread(target=serve)
        thread.start()
        error = refused(HTTPBackend(
            f'http://127.0.0.1:{server.getsockname()[1]}', timeout=LONG, **ONCE))
        thread.join()
    assert '503 No: xxx' in str(error)


@pytest.mark.parametrize('id', ['é', 'a b', '', 'x' * 201, 'a\nb'])
def test_an_id_that_is_no_header_is_sent_as_a_digest(receiver, backend, id):
    one = event()
    one.id = id
    backend().send(one)
    assert receiver.requests[0].headers['Idempotency-Key'] == (
        hashlib.sha256(id.encode()).hexdigest())
    assert receiver.requests[0].json['id'] == id


def test_nobody_listens():
    with deaf_port() as port:
        error = refused(HTTPBackend(f'http://127.0.0.1:{port}/', **QUICK))
    assert error.again and 'ConnectError' in str(error)


def test_no_answer_in_time(receiver, backend):
    held = threading.Event()
    receiver.answers = [held]
    error = refused(backend(timeout=0.05, **ONCE))
    held.set()
    assert error.again and 'ReadTimeout' in str(error)


def test_one_that_is_no_server_of_http():
    with socket.create_server(('127.0.0.1', 0)) as server:
        def serve():
            connection = server.accept()[0]
            connection.recv(65536)
            connection.sendall(b'what?\r\n\r\n')
            connection.close()
        thread = threading.Thread(target=serve)
        thread.start()
        error = refused(HTTPBackend(
            f'http://127.0.0.1:{server.getsockname()[1]}', **ONCE))
        thread.join()
    assert error.again and 'RemoteProtocolError' in str(error)


def test_a_tracker_goes_on(receiver, backend, caplog):
    receiver.answers = [400]
    tracker = Tracker({'http': backend()})
    tracker.emit('a')
    tracker.emit('b')
    assert [request.json['name'] for request in receiver.requests] == ['a', 'b']
    assert "event 'a' could not be sent to backend 'http'" in caplog.text


@pytest.fixture(scope='module')
def certificate(tmp_path_factory):
    """The path of a certificate of this machine that nobody has signed."""
    if not shutil.which('openssl'):
        unavailable('there is no openssl')
    path = tmp_path_factory.mktemp('certificate') / 'own.pem'
    subprocess.run(
        ['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
         'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj',
         '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', path,
         '-out', f'{path}.cert'], check=True, capture_output=True)
    with path.open('a') as file:
        file.write(Path(f'{path}.cert').read_text())
    return path


def test_certificates(certificate):
    receiver = Receiver(certificate)
    for verify in (f'{certificate}.cert', False):
        to = HTTPBackend(receiver.url, verify=verify)
        to.send(event())
        to.close()
    strict = HTTPBackend(receiver.url, **ONCE)
    error = refused(strict)
    assert error.again and 'certificate verify failed' in str(error)
    strict.close()
    receiver.close()
    assert len(receiver.requests) == 2


# waiting

@pytest.fixture
def waits(monkeypatch):
    """Return the list of the waits between tries, which pass at once."""
    waits = []

    class Passed(threading.Event):
        def wait(self, timeout=None):
            waits.append(timeout)
            return self.is_set()

    monkeypatch.setattr('trackstore.events.retries.Event', Passed)
    return waits


def test_waits_are_a_random_part_of_a_bound_that_doubles(waits, monkeypatch):
    bounds = []

    def uniform(low, high):
        bounds.append((low, high))
        return high / 2
    monkeypatch.setattr('random.uniform', uniform)
    with pytest.raises(DeliveryError, match='^no$'):
        Retries(7, 0.5, 6).run(lambda: (DeliveryError('no'), None))
    assert bounds == [(0, 0.5), (0, 1), (0, 2), (0, 4), (0, 6), (0, 6)]
    assert waits == [0.25, 0.5, 1, 2, 3, 3]


def test_a_very_late_try_waits_no_longer():
    assert 0 <= Retries(10_000, 0.5, 6).delay(9_999) <= 6


def test_waits_differ():
    retries = Retries(2, 1, 1)
    delays = {retries.delay(1) for _ in range(20)}
    assert len(delays) > 10 and all(0 <= delay <= 1 for delay in delays)


def test_retry_after_is_waited_for_at_least(waits, receiver, backend):
    receiver.answers = [(429, {'Retry-After': '7'}, b''), (503, {}, b'')]
    backend(backoff=0.5).send(event())
    assert 7 <= waits[0] <= 7.5
    assert waits[1] <= 1


def test_retry_after_that_is_too_long_is_not_waited_for(waits, receiver, backend):
    receiver.answers = [(503, {'Retry-After': '31'}, b'')]
    assert refused(backend(longest=30)).again
    assert not waits and len(receiver.requests) == 1


@pytest.mark.parametrize(('header', 'seconds'), [
    (None, None), ('0', 0), (' 7 ', 7), ('soon', None), ('-1', None),
    ('Sat, 21 Nov 2020 20:10:00 GMT', 0)])
def test_retry_after(header, seconds):
    assert asked_for(header) == seconds


def test_retry_after_as_a_date():
    then = email.utils.formatdate(time.time() + 1000, usegmt=True)
    assert 900 < asked_for(then) <= 1000


def test_close_ends_the_wait_for_the_next_try(receiver, backend, monkeypatch):
    waiting = threading.Event()

    class Noted(threading.Event):
        def wait(self, timeout=None):
            waiting.set()
            return super().wait(timeout)
    monkeypatch.setattr('trackstore.events.retries.Event', Noted)
    receiver.answers = [503]
    to = backend(backoff=1_000_000, longest=1_000_000)
    errors = []

    def send():
        try:
            to.send(event())
        except DeliveryError as error:
            errors.append(error)
    thread = threading.Thread(target=send)
    thread.start()
    waiting.wait()
    to.close()
    thread.join()
    assert '503' in str(errors[0])
    to.send(event())
    assert len(receiver.requests) == 2


# threads and processes

def test_many_threads_share_the_connections(receiver, backend):
    to = backend(connections=3)

    def send():
        for n in range(10):
            to.send(event(data={'n': n}))
    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(receiver.requests) == 80
    assert receiver.connections <= 3


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs processes that fork')
def test_a_child_of_a_fork_has_connections_of_its_own(receiver, backend):
    to = backend(connections=1)
    to.send(event())
    with to._clients.one():  # a thread of the parent is just sending
        assert status_of(in_child(lambda: to.send(event()))) == 0
    to.send(event())
    assert receiver.connections == 2
    assert len(receiver.requests) == 3


def test_clients_in_use_when_all_are_closed_are_closed_later():
    class Client:
        closed = False

        def close(self):
            self.closed = True
    clients = Clients(Client, 2)
    with clients.one() as first:
        with clients.one() as second:
            assert second is not first
        with clients.one() as again:
            assert again is second
        clients.close()
        assert second.closed and not first.closed
    assert first.closed


# secrets

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


def test_a_wrong_option_does_not_show_a_secret(monkeypatch):
    monkeypatch.setenv('A_TOKEN', 'abc\n123')
    options = {'headers': {'Authorization': '${A_TOKEN}'}}
    with pytest.raises(ConfigurationError) as caught:
        HTTPBackend('http://localhost', **options)
    assert 'abc' not in ''.join(traceback.format_exception(caught.value))
    url = 'ftp://ann:pass-word@localhost'
    with pytest.raises(ConfigurationError) as caught:
        HTTPBackend(url)
    assert 'pass-word' not in ''.join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(('options', 'text'), [
    ({'url': 7}, "url: a value of type int; allowed are URLs like 'https://example.com/events'"),
    ({'url': 'ftp://localhost/a'}, 'url: ftp://localhost: not of HTTP; allowed are'),
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
    ({'connections': 0}, 'connections: 0 is not allowed; allowed are whole numbers'),
])
def test_options(options, text):
    with pytest.raises(ConfigurationError) as caught:
        HTTPBackend(**{'url': 'http://localhost'} | options)
    assert str(caught.value).startswith(text)


def test_httpx_is_missing(monkeypatch):
    monkeypatch.setitem(__import__('sys').modules, 'httpx', None)
    with pytest.raises(ConfigurationError, match=(
            r"comes with pip install 'trackstore\[http\]'$")):
        HTTPBackend('http://localhost')
