"""Events by HTTP, to a server that fails in every way."""

import contextlib
import hashlib
import itertools
import shutil
import socket
import subprocess
import threading
import time
import types
from pathlib import Path

import pytest

from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.http import HTTPBackend
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.exceptions import DeliveryError
from trackstore.tests.receiver import Receiver
from trackstore.tests.servers import deaf_port, need, unavailable
from trackstore.tests.test_events_wire import event
from trackstore.tests.waiting import LONG

need('httpx')

ONCE = {'tries': 1}
QUICK = {'tries': 4, 'backoff': 0}


def refused(backend):
    with pytest.raises(DeliveryError) as caught:
        backend.send(event())
    return caught.value


@pytest.mark.parametrize('answer', [408, 425, 429, 500, 502, 503, 504, 'hang up'])
def test_what_may_pass_is_tried_again(receiver, http_backend, answer):
    receiver.answers = [answer] * 3
    one = event()
    http_backend(**QUICK).send(one)
    assert len(receiver.requests) == 4
    assert {request.headers['Idempotency-Key'] for request in receiver.requests} == {
        one.id}
    assert len({request.raw for request in receiver.requests}) == 1


@pytest.mark.parametrize('answer', [408, 425, 429, 500, 503, 'hang up'])
def test_in_the_end_it_is_an_error_that_may_pass(receiver, http_backend, answer):
    receiver.answers = [answer] * 5
    assert refused(http_backend(**QUICK)).again
    assert len(receiver.requests) == 4


@pytest.mark.parametrize('status', [
    301, 307, 400, 401, 403, 404, 405, 409, 410, 413, 415, 422])
def test_what_is_refused_for_good_is_tried_once(receiver, http_backend, status):
    receiver.answers = [status]
    error = refused(http_backend(**QUICK))
    assert not error.again
    assert error.for_all is (status not in (400, 409, 413, 422))
    assert len(receiver.requests) == 1


def test_a_batch_is_not_taken_apart_where_nobody_is_let_in(receiver, http_backend):
    receiver.answers = [401] * 100
    queue = AsyncRoutingBackend('queue', backends={
        'http': http_backend(format='array')}, carrier=LocalCarrier(delay=0.5))
    for _ in range(100):
        queue.send(event())
    queue.close()
    assert len(receiver.requests) < 5
    assert queue.carrier.counts['failed'] == {'http': 100}


def test_the_answer_is_in_the_error(receiver, http_backend):
    receiver.answers = [(409, {}, b'no  such\nfie\x1bld ' + b'x' * 500)]
    assert str(refused(http_backend())) == (
        f'{receiver.url}/events did not take it: 409 Conflict: '
        f'no such fie ld {"x" * 185}…')


def test_where_it_has_moved_to_is_told_but_not_followed(receiver, http_backend):
    receiver.answers = [(308, {'Location': 'https://example.org/a?token=1'}, b'')]
    assert str(refused(http_backend())) == (
        f'{receiver.url}/events did not take it: 308 Permanent Redirect to '
        f'https://example.org/a')
    assert len(receiver.requests) == 1


def test_an_answer_without_an_end_is_not_read_to_it(receiver, http_backend):
    receiver.answers = [(400, {'Content-Length': '10000000000'}, b'x' * 200_000)]
    assert '400 Bad Request: xxx' in str(refused(http_backend()))
    http_backend().send(event())


@pytest.mark.parametrize('headers', [
    {'Content-Length': '10', 'Connection': 'close'}, {'Content-Encoding': 'gzip'}])
def test_what_is_taken_is_taken_even_if_the_answer_breaks_off(
        receiver, http_backend, headers):
    receiver.answers = [(200, headers, b'yes'), 200]
    http_backend(**QUICK).send(event())
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
def test_an_id_that_is_no_header_is_sent_as_a_digest(receiver, http_backend, id):
    one = event()
    one.id = id
    http_backend().send(one)
    assert receiver.requests[0].headers['Idempotency-Key'] == (
        hashlib.sha256(id.encode()).hexdigest())
    assert receiver.requests[0].json['id'] == id


def test_nobody_listens():
    with deaf_port() as port:
        error = refused(HTTPBackend(f'http://127.0.0.1:{port}/', **QUICK))
    assert error.again and 'ConnectError' in str(error)


def test_no_answer_in_time(receiver, http_backend):
    held = threading.Event()
    receiver.answers = [held]
    error = refused(http_backend(timeout=0.05, **ONCE))
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


def test_a_tracker_goes_on(receiver, http_backend, caplog):
    receiver.answers = [400]
    tracker = Tracker({'http': http_backend()})
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
