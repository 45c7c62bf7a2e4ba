"""Events that a processor refuses: dropped and logged, below a queue a dead letter."""

import json
import logging

import pytest
from click.testing import CliRunner

import trackstore
from trackstore.cli.command import command
from trackstore.django.trial import send
from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.deadletters import event_of_letter
from trackstore.events.delivery import Delivery
from trackstore.events.event import event_of
from trackstore.events.exceptions import DeliveryError
from trackstore.events.processors.exceptions import EventEmissionExit, EventRefused
from trackstore.events.processors.fields import MaskFields, RenameFields
from trackstore.events.processors.split import Split
from trackstore.events.processors.validate import RegistryValidator
from trackstore.events.registry import Registry
from trackstore.events.transformers.cloudevents import CloudEventsProcessor
from trackstore.events.transformers.registry import Transformers

shop = Transformers()


@shop.register('order.*')
def subject(event):
    """Say what the order is of; there is none of milk."""
    if event['data'].get('of') == 'milk':
        raise LookupError('no such thing')
    return {'subject': event['data']['of']}


def event(number, of, name='order.placed'):
    return event_of({'name': name, 'timestamp': None, 'context': {},
                     'data': {'n': number, 'thing': of}}, f'id-{number}')


def cloud():
    return [RenameFields({'data.thing': 'data.of'}),
            CloudEventsProcessor('/shop', transformers=shop)]


def routed(*events, processors=None):
    """Route events below a queue; return those for each leaf, and the letters."""
    letters = []
    router = RoutingBackend({'x': MemoryBackend(), 'y': MemoryBackend()},
                            cloud() if processors is None else processors)
    delivery = Delivery(RoutingBackend({'cloud': router}), 'queue', 1, 0, 0,
                        letters.extend)
    parts = delivery.routed(list(events))
    assert sum(delivery.failed.values()) == len(letters)
    return parts, letters


def test_it_is_an_exit_and_an_error_for_good():
    error = EventRefused('no')
    assert isinstance(error, EventEmissionExit) and isinstance(error, DeliveryError)
    assert not error.again and error.rest == [] and str(error) == 'no'


def test_below_a_queue_it_is_a_letter_of_the_router_as_it_came():
    parts, letters = routed(event(1, 'tea'), event(2, 'milk'), event(3, 'rice'))
    for leaf in 'xy':
        assert [each['subject'] for each in parts['cloud', leaf]] == ['tea', 'rice']
    [letter] = letters
    assert letter.event == event(2, 'milk') and letter.event.id == 'id-2'
    assert (letter.backend, letter.tries) == ('queue.cloud', 1)
    assert letter.reason == (
        'EventRefused: it makes no CloudEvent: LookupError: no such thing')


def refusing(event):
    event['data']['seen'] = True
    raise EventRefused('no')


@pytest.mark.parametrize('before', [
    [], [lambda event: None], [MaskFields(['data.thing'])],
    [CloudEventsProcessor('/shop'), MaskFields(['data.thing'])]])
def test_a_letter_is_as_it_came_whatever_processors_did(before):
    _, letters = routed(event(1, 'tea'), processors=[*before, refusing])
    assert letters[0].event == event(1, 'tea')


def test_processors_that_never_refuse_need_no_copies():
    def same(each):
        seen.append(each)
    seen, same.refuses = [], False
    given = event(1, 'tea')
    routed(given, processors=[same, MaskFields(['data.thing'])])
    assert seen[0] is given


def test_what_is_not_as_registered_is_a_letter():
    registry = Registry()
    registry.register('order.placed', 'An order.', {
        'n': {'description': 'Its number.', 'type': 'integer'}})
    validator = RegistryValidator(
        registry, missing='refuse', undocumented='refuse', unknown='refuse')
    good, bad, new = event(1, 'tea'), event(2, 'milk'), event(3, 'rice', 'order.lost')
    del good['data']['thing'], bad['data']['n']
    parts, letters = routed(good.copy(), bad.copy(), new, processors=[validator])
    assert parts['cloud', 'x'] == [{**good, 'type': 'order.placed/1'}]
    assert [letter.reason for letter in letters] == [
        'EventRefused: it is missing: it has no n; it is undocumented: thing is not '
        'documented', 'EventRefused: it is unknown: it is not registered']
    assert letters[0].event == bad


def of_many(*things):
    return event_of({'name': 'order.placed', 'timestamp': None, 'context': {},
                     'data': {'of': list(things)}}, 'id')


def test_of_a_split_event_all_parts_arrive_or_none_below_a_queue():
    split = [Split('data.of'), cloud()[1]]
    parts, letters = routed(of_many('tea', 'milk'), processors=split)
    assert parts['cloud', 'x'] == []
    [letter] = letters
    assert letter.event == of_many('tea', 'milk')
    parts, letters = routed(of_many('tea', 'rice'), processors=split)
    assert [each['id'] for each in parts['cloud', 'x']] == ['id-1', 'id-2']
    assert not letters


def test_without_a_queue_it_is_logged_and_the_other_parts_arrive(caplog):
    memory = MemoryBackend()
    router = RoutingBackend({'memory': memory}, [Split('data.of'), cloud()[1]])
    router.send(of_many('tea', 'milk', 'rice'))
    assert [each['subject'] for each in memory.events] == ['tea', 'rice']
    [record] = caplog.records
    assert record.getMessage() == (
        "event 'order.placed' is dropped; it makes no CloudEvent: LookupError: no such "
        'thing')
    assert isinstance(record.exc_info[1], LookupError)  # and where it is from


def test_splits_within_splits(caplog):
    memory = MemoryBackend()
    router = RoutingBackend({'memory': memory}, [
        Split('data.of'), Split('data.of'), cloud()[1]])
    router.send(of_many(['tea', 'milk'], ['rice'], ['milk']))
    assert [each['id'] for each in memory.events] == ['id-1-1', 'id-2-1']
    assert len(caplog.records) == 1


def test_above_the_queue_it_is_logged(caplog):
    memory = MemoryBackend()
    queue = AsyncRoutingBackend('queue', cloud(), {'memory': memory})
    queue.send(event(1, 'milk'))
    queue.send(event(2, 'tea'))
    assert queue.close() and len(memory.events) == 1
    assert "event 'order.placed' is dropped; it makes no CloudEvent" in caplog.text


def test_a_trial_tells_it():
    tracker = Tracker({'cloud': RoutingBackend({'memory': MemoryBackend()}, cloud())})
    told, _ = send(tracker, 'order.placed', {'thing': 'milk'}, 1)
    assert told == {
        'cloud': 'failed: it makes no CloudEvent: LookupError: no such thing'}


@pytest.mark.parametrize('after_the_end', [False, True])
def test_a_router_that_drops_all_leaves_nothing_to_deliver(after_the_end, caplog):
    def none(event):
        raise EventEmissionExit
    memory = MemoryBackend()
    queue = AsyncRoutingBackend('queue', backends={
        'router': RoutingBackend({'memory': memory}, [none])})
    if after_the_end:
        queue.close()
    queue.send(event(1, 'tea'))
    queue.close()
    queue.delivery.deliver_all([event(1, 'tea')])  # as a worker does
    assert not memory.events and not caplog.records


# replay

@pytest.fixture
def configuration(tmp_path):
    path = tmp_path / 'events.toml'
    engines, here = 'trackstore.events', 'trackstore.tests.test_events_refused'
    path.write_text(f"""
[backends.queue]
ENGINE = '{engines}.backends.async_routing.AsyncRoutingBackend'
OPTIONS.backend_name = 'queue'
OPTIONS.pause = 0
[backends.queue.OPTIONS.backends.cloud]
ENGINE = '{engines}.backends.routing.RoutingBackend'
[[backends.queue.OPTIONS.backends.cloud.OPTIONS.processors]]
ENGINE = '{engines}.processors.fields.RenameFields'
OPTIONS.fields = {{'data.thing' = 'data.of'}}
[[backends.queue.OPTIONS.backends.cloud.OPTIONS.processors]]
ENGINE = '{engines}.transformers.cloudevents.CloudEventsProcessor'
OPTIONS = {{source = '/shop', transformers = '{here}.shop'}}
[backends.queue.OPTIONS.backends.cloud.OPTIONS.backends.file]
ENGINE = '{engines}.backends.jsonlines.JSONLinesBackend'
OPTIONS.path = '{tmp_path}/sent.jsonl'
""")
    return path


def test_a_replay_sends_it_through_the_router_again(
        configuration, tmp_path, monkeypatch, caplog):
    dead = tmp_path / 'dead.fs'
    queue = AsyncRoutingBackend(
        'queue', backends={'cloud': RoutingBackend(
            {'file': MemoryBackend()}, cloud())}, dead_letters=dead)
    with caplog.at_level(logging.CRITICAL, 'trackstore'):
        queue.send(event(1, 'milk'))
        queue.send(event(2, 'milk'))
        queue.close()
        queue.delivery.routed([event(2, 'milk')])  # as after the end of a process

    def replay(status):
        result = CliRunner().invoke(
            command, ['dead-letters', 'replay', str(dead), str(configuration)])
        assert result.exit_code == status, result.output
        return result.stdout.splitlines()

    assert replay(1) == [
        '0 events delivered', '3 events not delivered to queue.cloud: EventRefused: it '
        'makes no CloudEvent: LookupError: no such thing']
    with trackstore.open(dead) as tracks:
        assert [(event_of_letter(track), track.userName, track.data['tries'])
                for track in tracks.query()] == [
            (event(n, 'milk'), 'queue.cloud', 2) for n in (1, 2, 2)]
    monkeypatch.setitem(shop._exact, 'order.placed', lambda event: {'subject': 'milk'})
    assert replay(0) == ['3 events delivered']
    lines = (tmp_path / 'sent.jsonl').read_text().splitlines()
    assert [(each['id'], each['subject']) for each in map(json.loads, lines)] == [
        ('id-1', 'milk'), ('id-2', 'milk')]
    with trackstore.open(dead) as tracks:
        assert not len(tracks)
