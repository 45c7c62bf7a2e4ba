"""Routing: what a story does not tell."""

import copy
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackstore.events import Tracker
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.event import Event
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.processors.exceptions import (
    EventEmissionExit,
    NoBackendEnabled,
    NoTransformerImplemented,
)


def named(backend):
    return [event['name'] for event in backend.events]


@pytest.mark.parametrize('parts, message', [
    ({'backends': [MemoryBackend()]}, r'backends: \[.*\] is no mapping; wanted is one'),
    ({'backends': {1: MemoryBackend()}}, 'backends: 1 is no name; allowed is text'),
    ({'processors': MemoryBackend()}, 'processors: <.*> is no list; wanted is one of'),
])
def test_parts_that_are_none(parts, message):
    with pytest.raises(ConfigurationError, match=f'^{message}'):
        RoutingBackend(**parts)


def test_processors_in_series_and_backends_by_name():
    order = []

    class Noting:
        def __init__(self, name):
            self.name = name

        def send(self, event):
            order.append((self.name, event['data']['steps']))

    def step(letter):
        return lambda event: {**event, 'data': {
            'steps': event['data'].get('steps', '') + letter}}

    names = ['b', 'c', 'a']
    routing = RoutingBackend({name: Noting(name) for name in names},
                             [step('1'), step('2')])
    routing.register_processor(step('3'))
    routing.register_backend('aa', Noting('aa'))
    routing.send({'name': 'x', 'data': {}})
    assert order == [('a', '123'), ('aa', '123'), ('b', '123'), ('c', '123')]


def test_an_event_keeps_its_id_through_processors():
    memory = MemoryBackend()
    event = Event(name='x', data={}, context={})
    RoutingBackend({'a': memory}, [lambda event: dict(event), lambda event: None]
                   ).send(event)
    assert type(memory.events[0]) is Event
    assert memory.events[0].id == event.id


def test_a_processor_for_which_there_is_no_form_of_the_event(caplog):
    def none(event):
        raise NoTransformerImplemented('no statement')

    def off(event):
        raise NoBackendEnabled('switched off')

    kept, left = MemoryBackend(), MemoryBackend()
    tree = RoutingBackend({
        'kept': kept,
        'none': RoutingBackend({'left': left}, [none]),
        'off': RoutingBackend({'left': left}, [off]),
        'parts': RoutingBackend({'left': left}, [lambda event: [event, event], none])})
    with caplog.at_level(logging.INFO):
        tree.send({'name': 'x', 'data': {}})
    assert named(kept) == ['x'] and not left.events
    assert [record.getMessage() for record in caplog.records] == [
        f"event 'x' is not for the backends here: {reason}"
        for reason in ('no statement', 'switched off', 'no statement', 'no statement')]


def test_an_event_that_is_split():
    memory = MemoryBackend()

    def split(event):
        return [{**event, 'data': {'item': item}} for item in event['data']['items']]

    def not_milk(event):
        if event['data']['item'] == 'milk':
            raise EventEmissionExit

    event = Event(name='cart', data={'items': ['tea', 'milk', 'rice']}, context={})
    RoutingBackend({'a': memory}, [split, not_milk]).send(event)
    assert [event['data'] for event in memory.events] == [
        {'item': 'tea'}, {'item': 'rice'}]
    assert [each.id for each in memory.events] == [f'{event.id}-1', f'{event.id}-3']


@given(st.recursive(st.just(MemoryBackend), lambda each: st.lists(each, max_size=3)))
def test_no_backend_sees_what_another_does(tree):
    """In trees of any shape in which every processor and backend changes events."""
    leaves = []

    class Spoiling(MemoryBackend):
        def send(self, event):
            leaves.append(copy.deepcopy(event))
            event['data']['list'].append('spoilt')
            event['context'].clear()
            event.clear()

    def made(node, path=()):
        if node is MemoryBackend:
            return Spoiling()
        return RoutingBackend(
            {str(n): made(child, (*path, n)) for n, child in enumerate(node)},
            [lambda event: event['data']['list'].append(path)])

    def expected(node, path=(), steps=()):
        if node is MemoryBackend:
            yield list(steps)
        else:
            for n, child in enumerate(node):
                yield from expected(child, (*path, n), (*steps, path))

    event = {'name': 'x', 'data': {'list': []}, 'context': {'a': 1}}
    made([tree]).send(event)
    assert event == {'name': 'x', 'data': {'list': []}, 'context': {'a': 1}}
    assert [leaf['data']['list'] for leaf in leaves] == list(expected([tree]))
    assert all(leaf['context'] == {'a': 1} for leaf in leaves)


def test_what_fails_is_logged_and_stops_no_other(caplog):
    class Broken:
        def send(self, event):
            raise LookupError('no server')

    memory = MemoryBackend()
    tracker = Tracker(
        {'a': Broken(), 'b': RoutingBackend({'c': Broken(), 'd': memory})},
        processors=[lambda event: 1 / 0])
    tracker.emit('x')
    assert named(memory) == ['x']
    assert [record.getMessage().split(' at ')[0] for record in caplog.records] == [
        'processor <function test_what_fails_is_logged_and_stops_no_other.<locals>'
        '.<lambda>',
        "event 'x' could not be sent to backend 'a'",
        "event 'x' could not be sent to backend 'c'"]
    assert all(record.exc_info for record in caplog.records)


@pytest.mark.parametrize('reason', [NoTransformerImplemented, NoBackendEnabled])
def test_a_backend_that_goes_without_is_no_error(caplog, reason):
    class Without:
        def send(self, event):
            raise reason('not here')

    caplog.set_level(logging.INFO)
    Tracker({'a': Without()}).emit('x')
    record, = caplog.records
    assert record.levelname == 'INFO'
    assert record.getMessage() == "event 'x' is not for backend 'a': not here"


def test_what_is_neither_backend_nor_processor():
    with pytest.raises(ConfigurationError, match=(
            r"^backends\['a'\]: 17 is no backend; wanted is an object with a method")):
        Tracker({'a': 17})
    with pytest.raises(ValueError, match='^processors: 17 is no processor; wanted is'):
        Tracker(processors=[17])


def test_coroutines_that_nobody_would_await():
    class Later:
        async def send(self, event):
            pass

        async def __call__(self, event):
            pass

    for make in (lambda: RoutingBackend({'a': Later()}),
                 lambda: RoutingBackend(processors=[Later()]),
                 lambda: RoutingBackend(processors=[Later().send])):
        with pytest.raises(ConfigurationError, match='is a coroutine function'):
            make()


def test_a_class_is_no_backend():
    with pytest.raises(ConfigurationError, match=r"^backends\['a'\]: <class '.*Memory"):
        RoutingBackend({'a': MemoryBackend})


def test_a_tree_of_backends_has_no_cycle():
    one, memory = RoutingBackend(), MemoryBackend()
    one.register_backend('memory', memory)
    two = RoutingBackend({'one': one, 'memory': memory})  # which is no cycle
    for inner in (one, two):
        with pytest.raises(ConfigurationError, match='would stand inside itself$'):
            one.register_backend('inner', inner)
    assert list(one.backends) == ['memory']


def test_parts_of_an_event_share_nothing():
    class Changing:
        def send(self, event):
            event['data']['changed'] = True

    memory = MemoryBackend()
    RoutingBackend(
        {'a': memory, 'b': Changing()},
        [lambda event: [{**event, 'name': 'x'}, {**event, 'name': 'y'}]],
    ).send({'name': 'a', 'data': {}})
    assert list(memory.events) == [{'name': 'x', 'data': {}}, {'name': 'y', 'data': {}}]


def test_backends_that_change_while_an_event_is_sent(caplog):
    class Adding:
        def send(self, event):
            router.backends['late'] = late

    memory, late = MemoryBackend(), MemoryBackend()
    router = RoutingBackend({'a': Adding(), 'b': memory})
    router.send({'name': 'first'})
    router.send({'name': 'second'})
    assert list(memory.events) == [{'name': 'first'}, {'name': 'second'}]
    assert list(late.events) == [{'name': 'second'}]
    assert caplog.text == ''


@pytest.mark.parametrize('result', ['', 'text', 17, {1, 2}, (each for each in ())])
def test_a_processor_that_returns_what_is_no_event(caplog, result):
    memory = MemoryBackend()
    RoutingBackend({'a': memory}, [lambda event: result]).send({'name': 'a'})
    assert list(memory.events) == [{'name': 'a'}]
    assert 'it returned' in caplog.text
    assert 'allowed are None, an event, and a list of events' in caplog.text
