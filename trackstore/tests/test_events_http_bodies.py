"""What a request has in it: the media type, and how much of a batch."""

import json

import pytest

from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.event import Event
from trackstore.events.exceptions import DeliveryError
from trackstore.events.transformers.caliper import CaliperProcessor
from trackstore.events.transformers.cloudevents import CloudEventsProcessor
from trackstore.tests.servers import need
from trackstore.tests.test_events_wire import event

need('httpx')


def clouds(count=2):
    return [CloudEventsProcessor('/shop')(event()) for _ in range(count)]


def envelopes(*sensors):
    return [CaliperProcessor({'*': lambda event: {
        'type': 'ViewEvent', 'action': 'Viewed', 'actor': 'https://example.org/ann',
        'object': 'https://example.org/tea'}}, sensor=sensor)(event())
        for sensor in sensors]


def kinds(receiver):
    return [request.headers.get_all('Content-Type') for request in receiver.requests]


# media types

def test_cloud_events_are_told_as_such(receiver, http_backend):
    one, two = clouds()
    http_backend().send(one)
    batches = http_backend(format='array')
    batches.send_many([one, two])
    batches.send(one)
    assert kinds(receiver) == [
        ['application/cloudevents+json'], ['application/cloudevents-batch+json'],
        ['application/cloudevents-batch+json']]
    assert receiver.requests[0].json == one
    assert [request.json for request in receiver.requests[1:]] == [[one, two], [one]]


def test_what_is_not_all_of_cloud_events_is_json(receiver, http_backend):
    lines, array = http_backend(format='lines'), http_backend(format='array')
    lines.send_many(clouds())
    array.send_many([*clouds(), event()])
    array.send_many([event(type='order'), event(specversion='1.0')])
    assert kinds(receiver) == [
        ['application/x-ndjson'], ['application/json'], ['application/json']]


@pytest.mark.parametrize('name', ['Content-Type', 'content-type'])
def test_the_header_that_is_given_counts(receiver, http_backend, name):
    to = http_backend(format='array', headers={name: 'application/vnd.shop+json'})
    to.send_many(clouds())
    assert kinds(receiver) == [['application/vnd.shop+json']]


def test_headers_of_the_backend_are_there_once(receiver, http_backend):
    to = http_backend(headers={'idempotency-key': 'mine', 'x-signature': 'mine'},
                      signing_key='a-key')
    to.send(one := event())
    headers = receiver.requests[0].headers
    assert headers.get_all('Idempotency-Key') == [one.id]
    assert len(headers.get_all('X-Signature')) == 1


def test_envelopes_of_a_sensor_become_one(receiver, http_backend):
    here, there = 'https://example.org/here', 'https://example.org/there'
    to = http_backend(format='array')
    to.send_many(sent := envelopes(here, here, here))
    to.send(sent[0])
    assert [request.json for request in receiver.requests] == [
        {**sent[2], 'data': [each['data'][0] for each in sent]}, sent[0]]
    to.send_many(sent := envelopes(here, there))
    assert receiver.requests[-1].json == sent
    odd = [Event(sensor=17, sendTime='', dataVersion=[], data={})] * 2
    to.send_many(odd)
    assert receiver.requests[-1].json == odd
    assert {kind for [kind] in kinds(receiver)} == {'application/json'}


# how much

def test_a_queue_gives_so_many_at_once(receiver, http_backend):
    queue = AsyncRoutingBackend('queue', backends={
        'http': http_backend(format='array', most_at_once=3)})
    for number in range(7):
        queue.send(event(data={'n': number}))
    queue.close()
    sent = [[each['data']['n'] for each in request.json]
            for request in receiver.requests]
    assert sum(sent, []) == list(range(7)) and max(map(len, sent)) <= 3


def test_a_batch_with_too_many_bytes_is_not_sent(receiver, http_backend):
    events = [event(data={'x': 'é' * 40}) for _ in range(2)]
    http_backend(format='array').send_many(events)
    size = len(receiver.requests[0].raw)
    http_backend(format='array', most_bytes=size).send_many(events)
    to = http_backend(format='array', most_bytes=size - 1)
    with pytest.raises(DeliveryError) as caught:
        to.send_many(events)
    assert not caught.value.again
    assert str(caught.value) == (
        f'2 events have {size} bytes, more than most_bytes, {size - 1}; fewer of them '
        f'can be sent')
    assert len(receiver.requests) == 2
    http_backend(format='array', most_bytes=1).send_many(events[:1])
    http_backend(most_bytes=1).send(events[0])
    assert len(receiver.requests) == 4


def test_a_queue_takes_it_apart_and_sends_what_is_large_alone(
        receiver, http_backend, caplog):
    queue = AsyncRoutingBackend('queue', backends={
        'http': http_backend(format='lines', most_bytes=1000)},
        carrier=LocalCarrier(delay=0.5))
    for number in range(20):
        queue.send(event(data={'n': number, 'x': 'x' * (1000 * (number == 9))}))
    queue.close()
    sent = [[json.loads(line)['data']['n'] for line in request.body.splitlines()]
            for request in receiver.requests]
    assert sum(sent, []) == list(range(20)) and [9] in sent
    assert 4 <= len(sent) < 20
    assert all(len(request.body) <= 1000 for request, numbers in zip(
        receiver.requests, sent, strict=True) if numbers != [9])
    assert not caplog.records


def test_through_routers_below_a_queue(receiver, http_backend):
    queue = AsyncRoutingBackend('queue', backends={'cloud': RoutingBackend(
        {'http': http_backend(format='array')}, [CloudEventsProcessor('/shop')])})
    queue.send(event())
    queue.close()
    assert kinds(receiver) == [['application/cloudevents-batch+json']]
