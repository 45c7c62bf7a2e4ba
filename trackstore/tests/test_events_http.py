"""Events by HTTP: what is sent, by many threads and processes."""

import hashlib
import hmac
import json
import os
import threading

import pytest
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events.backends.clients import Clients
from trackstore.events.backends.http import HTTPBackend
from trackstore.events.interfaces import IBackend, IBatchBackend
from trackstore.tests.forks import in_child, status_of
from trackstore.tests.servers import need
from trackstore.tests.test_events_wire import event

need('httpx')


@pytest.mark.parametrize('format', ['event', 'array', 'lines'])
def test_it_is_a_backend_and_one_for_batches_where_these_are_one_request(
        http_backend, format):
    verifyClass(IBackend, HTTPBackend)
    to = http_backend(format=format)
    verifyObject(IBackend, to)
    assert IBatchBackend.providedBy(to) is hasattr(to, 'send_many')
    assert hasattr(to, 'send_many') is (format != 'event')
    if format != 'event':
        verifyObject(IBatchBackend, to)


# what is sent

def test_each_event_is_a_request(receiver, http_backend):
    one, two = event(data={'name': 'é'}), event()
    to = http_backend()
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


def test_an_array_is_one_request(receiver, http_backend):
    events = [event(), event()]
    to = http_backend(format='array')
    to.send_many(events)
    to.send(events[0])
    to.send_many([])
    both, single = receiver.requests
    assert [each['id'] for each in both.json] == [each.id for each in events]
    assert [each['id'] for each in single.json] == [events[0].id]
    digest = hashlib.sha256(f'{events[0].id}\n{events[1].id}'.encode()).hexdigest()
    assert both.headers['Idempotency-Key'] == digest
    assert single.headers['Idempotency-Key'] == events[0].id


def test_json_lines(receiver, http_backend):
    events = [event(data={'text': 'a\nb'}), event()]
    http_backend(format='lines').send_many(events)
    request, = receiver.requests
    assert request.headers['Content-Type'] == 'application/x-ndjson'
    lines = request.body.decode().split('\n')
    assert [json.loads(line)['id'] for line in lines[:-1]] == [
        each.id for each in events]
    assert lines[-1] == ''


def test_packed_and_signed(receiver, http_backend, monkeypatch):
    monkeypatch.setenv('HOOK_KEY', 'a-key')
    one = event(data={'x': 'x' * 1000})
    http_backend(gzip=True, signing_key='${HOOK_KEY}').send(one)
    request, = receiver.requests
    assert request.headers['Content-Encoding'] == 'gzip'
    assert len(request.raw) < 400
    assert request.json['id'] == one.id
    assert request.headers['X-Signature'] == 'sha256=' + hmac.new(
        b'a-key', request.raw, 'sha256').hexdigest()


def test_headers_and_no_key(receiver, http_backend, monkeypatch):
    monkeypatch.setenv('A_TOKEN', 'abc123')
    http_backend(headers={'Authorization': 'Bearer ${A_TOKEN}', 'X-Team': 'shop'},
            idempotency_header=None).send(event())
    headers = receiver.requests[0].headers
    assert (headers['Authorization'], headers['X-Team']) == ('Bearer abc123', 'shop')
    assert 'Idempotency-Key' not in headers
    assert 'X-Signature' not in headers


def test_a_user_in_the_url(receiver, http_backend):
    url = receiver.url.replace('//', '//ann:pass-word@')
    to = HTTPBackend(f'{url}/a?token=abc123')
    to.send(event())
    to.close()
    request, = receiver.requests
    assert request.path == '/a?token=abc123'
    assert request.headers['Authorization'] == 'Basic YW5uOnBhc3Mtd29yZA=='
    assert repr(to) == f'<HTTPBackend {receiver.url}/a>'


# threads and processes

def test_many_threads_share_the_connections(receiver, http_backend):
    to = http_backend(connections=3)

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
def test_a_child_of_a_fork_has_connections_of_its_own(receiver, http_backend):
    to = http_backend(connections=1)
    to.send(event())
    with to._clients.one():  # a thread of the parent is just sending
        assert status_of(in_child(lambda: to.send(event()))) == 0
    to.send(event())
    assert receiver.connections == 2
    assert len(receiver.requests) == 3


class Client:
    closed = False

    def close(self):
        self.closed = True


def test_one_who_waited_while_all_were_closed_gets_none_of_them():
    clients = Clients(Client, 1)
    with clients.one() as first:
        pass

    class Turn:
        def __enter__(self):
            clients.close()

        def __exit__(self, *error):
            pass
    clients._turn = Turn()
    with clients.one() as second:
        assert first.closed and not second.closed


def test_clients_in_use_when_all_are_closed_are_closed_later():
    clients = Clients(Client, 2)
    with clients.one() as first:
        with clients.one() as second:
            assert second is not first
        with clients.one() as again:
            assert again is second
        clients.close()
        assert second.closed and not first.closed
    assert first.closed
