"""Delivery: what is tried again, what is not, and what becomes of the rest."""

import logging
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events import ConfigurationError, Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.backends.tracking import TrackingBackend
from trackstore.events.carriers import ending
from trackstore.events.carriers.interfaces import ICarrier
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.configuration import tracker_from
from trackstore.events.delivery import Delivery
from trackstore.events.event import Event, event_of
from trackstore.events.exceptions import DeliveryError
from trackstore.events.interfaces import IRoutingBackend
from trackstore.events.processors.exceptions import EventEmissionExit, NoBackendEnabled
from trackstore.exceptions import DataError, OpenError
from trackstore.tests.waiting import LONG


def event(number):
    return event_of({'name': 'n', 'data': {'n': number}}, f'id-{number}')


def numbers(events):
    return [each['data']['n'] for each in events]


class Single:
    """A backend for one event at a time; fails as a list says, None for success."""

    def __init__(self, errors=()):
        self.errors = list(errors)
        self.calls = []
        self.events = []

    def answer(self, events):
        self.calls.append(numbers(events))
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.events += events

    def send(self, event):
        self.answer([event])


class Many(Single):
    """A backend that takes lists."""

    def send_many(self, events):
        self.answer(events)


class Repeating(Many):
    """A backend that knows what it has; ``again`` are the lists that it was asked."""

    again = ()

    def holds(self, event):
        return event.id in {each.id for each in self.events}

    def send_again(self, events):
        self.again = (*self.again, numbers(events))
        self.answer([each for each in events if not self.holds(each)])


def delivery(backends, tries=3, pause=0, bury=None):
    return Delivery(RoutingBackend(backends), 'queue', tries, pause, 30, bury)


def delivered(backend, count=1, **options):
    """Deliver events to a backend; return numbers and tries of the failed ones."""
    _, letters = delivery({'it': backend}, **options).attempt(
        ('it',), list(map(event, range(count))))
    return [(letter.event['data']['n'], letter.tries, letter.reason)
            for letter in letters]


# tries

def test_what_fails_is_tried_again():
    backend = Many([OSError('a'), OSError('b')])
    assert delivered(backend, 2) == []
    assert backend.calls == [[0, 1]] * 3 and numbers(backend.events) == [0, 1]


def test_a_repeat_asks_what_is_there_already():
    backend = Repeating([OSError('unclear')])
    assert delivered(backend, 2) == []
    assert backend.again == ([0, 1],)


def test_what_fails_at_each_try():
    backend = Many([OSError('down\nfor today')] * 3)
    assert delivered(backend, 2) == [
        (0, 3, 'OSError: down for today'), (1, 3, 'OSError: down for today')]


@pytest.mark.parametrize('error', [
    DeliveryError('refused', again=False), TypeError('bad'), ValueError('bad'),
    DataError('bad'), RecursionError('deep')])
def test_what_is_refused_is_not_tried_again(error):
    backend = Single([error])
    reason = f'{type(error).__name__}: {error}'
    assert delivered(backend) == [(0, 1, reason)]
    assert len(backend.calls) == 1


@pytest.mark.parametrize('error', [
    DeliveryError('busy'), OpenError('locked'), KeyError('x'), OSError()])
def test_what_is_tried_again(error):
    backend = Single([error])
    assert delivered(backend) == []
    assert len(backend.calls) == 2


@pytest.mark.parametrize('error', [EventEmissionExit(), NoBackendEnabled('off')])
def test_what_is_not_for_the_backend_is_no_failure(error):
    assert delivered(Single([error])) == []


@given(bad=st.sets(st.integers(0, 30)), count=st.integers(1, 31),
       cls=st.sampled_from([Single, Many, Repeating]))
def test_a_bad_event_does_not_take_its_neighbours_with_it(bad, count, cls):
    class Choosy(cls):
        def answer(self, events):
            if bad & set(numbers(events)):
                raise DeliveryError('bad', again=False)
            super().answer(events)
    backend = Choosy()
    failed = delivered(backend, count)
    expected = [n for n in range(count) if n in bad]
    assert [number for number, _, _ in failed] == expected
    assert numbers(backend.events) == [n for n in range(count) if n not in bad]


def test_one_that_takes_single_events_is_given_up_sooner_by_the_others():
    backend = Single([OSError('down')] * 7)
    assert [tries for _, tries, _ in delivered(backend, 6)] == [3, 1, 1, 1, 1]
    assert numbers(backend.events) == [5]


def test_an_event_that_was_changed_by_a_failing_backend_is_tried_as_it_was():
    class Changing(Many):
        def answer(self, events):
            for each in events:
                each['data']['changed'] = each['data'].get('changed', 0) + 1
            super().answer(events)
    backend = Changing([OSError('once')])
    delivered(backend)
    assert backend.events[0]['data'] == {'n': 0, 'changed': 1}


def test_a_backend_says_how_many_it_takes_at_once():
    backend = Many()
    backend.most_at_once = 2
    assert delivered(backend, 5) == []
    assert backend.calls == [[0, 1], [2, 3], [4]]


def test_pauses_grow_and_are_random(monkeypatch):
    limits = []
    monkeypatch.setattr('trackstore.events.retries.random.uniform',
                        lambda low, high: limits.append((low, high)) or 0)
    delivered(Many([OSError()] * 12), tries=12, pause=0.1)
    assert limits[:4] == [(0, 0.1), (0, 0.2), (0, 0.4), (0, 0.8)]
    assert limits[-1] == (0, 30)


def test_a_stop_ends_the_tries():
    stop = threading.Event()

    class Stopping(Single):
        def answer(self, events):
            super().answer(events)
            if len(self.events) == 2:
                stop.set()

    single = Stopping()
    one = delivery({'it': single}, pause=1000)
    left, letters = one.attempt(('it',), list(map(event, range(5))), stop=stop)
    assert (left, letters, single.calls) == (3, [], [[0], [1]])


def test_a_single_try_each():
    one = delivery({'it': Single([None, OSError()])}, pause=1000)
    left, letters = one.attempt(
        ('it',), list(map(event, range(5))), stop=ending.NO_PAUSE)
    assert (left, letters) == (4, [])


# the tree

def split(event):
    return [{**event, 'name': 'a'}, {**event, 'name': 'b'}]


def drop_odd(event):
    if event['data']['n'] % 2:
        raise EventEmissionExit


def mark(event):
    event['data']['mark'] = True


def test_routers_below_process():
    tree = {'a': MemoryBackend(), 'r': RoutingBackend(
        {'x': MemoryBackend(), 'y': MemoryBackend()}, [mark, drop_odd, split])}
    events = list(map(event, range(3)))
    parts = delivery(tree).routed(events, keep=True)
    assert sorted(parts) == [('a',), ('r', 'x'), ('r', 'y')]
    assert parts['a',] == events == list(map(event, range(3)))
    for path in ('r', 'x'), ('r', 'y'):
        assert [(each['name'], each['data'], each.id) for each in parts[path]] == [
            (name, {'n': n, 'mark': True}, f'id-{n}-{part}')
            for n in (0, 2) for part, name in ((1, 'a'), (2, 'b'))]


def test_backends_never_see_the_changes_of_others():
    class Changing(Many):
        def answer(self, events):
            for each in events:
                each['data']['seen'] = each['data'].get('seen', 0) + 1
            super().answer(events)
    tree = {'a': Changing(), 'b': Changing(), 'c': RoutingBackend({'d': Changing()}),
            'e': RoutingBackend({'f': Changing()}, [mark])}
    all = delivery(tree)
    for path, events in all.routed([event(1)]).items():
        all.deliver(path, events)
    seen = {'n': 1, 'seen': 1}
    assert [each['data'] for backend in (
        tree['a'], tree['b'], tree['c'].backends['d'], tree['e'].backends['f'])
        for each in backend.events] == [seen] * 3 + [{**seen, 'mark': True}]


def test_a_queue_below_a_queue_is_a_backend_of_it():
    memory = MemoryBackend()
    below = AsyncRoutingBackend('below', backends={'memory': memory})
    above = AsyncRoutingBackend('above', backends={'r': RoutingBackend({'q': below})})
    assert list(above.delivery.leaves()) == [('r', 'q')]
    above.send(event(1))
    assert above.flush(LONG) and numbers(memory.events) == [1]
    assert above.close() and below.close()


def test_backends_below_are_flushed_and_closed(caplog):
    class Closing(MemoryBackend):
        called = ()

        def flush(self):
            self.called += 'flush',

        def close(self):
            self.called += 'close',
            raise OSError('not closed')

    closing = Closing()
    backend = AsyncRoutingBackend('queue', backends={'r': RoutingBackend(
        {'closing': closing})})
    assert backend.flush(LONG) and not backend.close()
    assert closing.called == ('flush', 'close')
    assert 'close() of' in caplog.text


def test_the_time_limit_holds_for_a_queue_below_a_queue():
    release = threading.Event()

    class Hanging(Single):
        def answer(self, events):
            release.wait(LONG)

    below = AsyncRoutingBackend('below', backends={'hanging': Hanging()})
    above = AsyncRoutingBackend('above', backends={'below': below})
    above.send(event(1))
    assert not above.flush(0.01)
    release.set()
    assert above.flush(LONG) and above.close(LONG)


# the backend

def test_the_classes():
    assert verifyClass(IRoutingBackend, AsyncRoutingBackend)
    assert verifyClass(ICarrier, LocalCarrier)
    backend = AsyncRoutingBackend('queue', backends={'memory': MemoryBackend()})
    assert verifyObject(IRoutingBackend, backend)
    assert verifyObject(ICarrier, backend.carrier)


def test_processors_work_in_the_caller_and_the_backend_gets_a_copy():
    threads = []

    def note(event):
        threads.append(threading.current_thread())
        event['data']['seen'] = True

    memory = MemoryBackend()
    backend = AsyncRoutingBackend(
        'queue', processors=[note, split], backends={'memory': memory})
    given = Event(event(1))
    backend.send(given)
    given['data']['n'] = 2
    assert backend.flush(LONG)
    assert threads == [threading.current_thread()]
    assert [(each['name'], each['data']) for each in memory.events] == [
        ('a', {'n': 1, 'seen': True}), ('b', {'n': 1, 'seen': True})]
    assert given['data'] == {'n': 2}
    backend.close()


def test_a_processor_may_drop_the_event():
    memory = MemoryBackend()
    backend = AsyncRoutingBackend('queue', [drop_odd], {'memory': memory})
    for number in range(4):
        backend.send(event(number))
    assert backend.close() and numbers(memory.events) == [0, 2]


def test_from_a_configuration(tmp_path):
    path = 'trackstore.events.'
    tracker = tracker_from({'backends': {'queue': {
        'ENGINE': path + 'backends.async_routing.AsyncRoutingBackend',
        'OPTIONS': {
            'backend_name': 'queue', 'tries': 2, 'dead_letters': f'{tmp_path}/dead.fs',
            'carrier': {'ENGINE': path + 'carriers.local.LocalCarrier', 'OPTIONS': {
                'when_full': 'spill', 'folder': str(tmp_path / 'spill')}},
            'backends': {'memory': {
                'ENGINE': path + 'backends.memory.MemoryBackend'}}}}}})
    tracker.emit('a')
    backend = tracker.get_backend('queue')
    assert backend.close()
    assert len(backend.backends['memory'].events) == 1


def joining():
    return TrackingBackend(storage=lambda: None)


@pytest.mark.parametrize(('options', 'message'), [
    ({'backend_name': 5}, "backend_name: 5 is no name; allowed is text"),
    ({'tries': 0}, 'tries: 0 is not allowed; allowed are whole numbers from 1'),
    ({'pause': -1},
     'pause: -1 is no time; allowed are seconds, from 0'),
    ({'longest_pause': 'x'},
     "longest_pause: 'x' is no time; allowed are seconds, from 0"),
    ({'carrier': 'local'}, "carrier: 'local' is no carrier; wanted is an object with "
                           "the methods bind, carry, flush, close"),
    ({'dead_letters': 5},
     'dead_letters: 5 is no place for dead letters; allowed are the path of a '
     'database file, a ZODB URI, a DeadLetters, and None'),
])
def test_options_that_are_refused(options, message):
    with pytest.raises(ConfigurationError) as error:
        AsyncRoutingBackend(**{'backend_name': 'queue', **options})
    assert str(error.value) == message


@pytest.mark.parametrize('nested', [False, True])
def test_a_backend_that_joins_the_callers_transaction_is_refused(nested):
    store = joining()
    below = RoutingBackend({'store': store}) if nested else store
    with pytest.raises(ConfigurationError) as error:
        AsyncRoutingBackend('queue', backends={'b': below})
    place = "backends['b'].store" if nested else "backends['b']"
    assert str(error.value).startswith(f'{place}: {store!r} joins the transaction')


def test_a_carrier_is_for_one_backend():
    carrier = LocalCarrier()
    AsyncRoutingBackend('a', carrier=carrier)
    with pytest.raises(ConfigurationError, match="carries for 'a' already"):
        AsyncRoutingBackend('b', carrier=carrier)


# each by itself

def test_a_failing_backend_neither_stops_nor_repeats_the_others(caplog):
    release = threading.Event()

    class Hanging(Many):
        def answer(self, events):
            release.wait(LONG)
            raise DeliveryError('never', again=False)

    hanging, good = Hanging(), Many()
    backend = AsyncRoutingBackend(
        'queue', backends={'bad': hanging, 'good': good},
        carrier=LocalCarrier(batch=10, delay=0.001))
    tracker = Tracker({'queue': backend})
    done = threading.Event()
    good.answer = lambda events: (good.events.extend(events), len(
        good.events) == 200 and done.set())
    for number in range(200):
        tracker.emit('n', {'n': number})
    assert done.wait(LONG)  # while the other one hangs
    assert not backend.flush(0)
    release.set()
    with caplog.at_level(logging.CRITICAL, 'trackstore'):
        assert backend.flush(LONG)
    assert numbers(good.events) == list(range(200))
    assert backend.carrier.counts['failed'] == {'bad': 200}
    backend.close()


def test_backends_that_are_registered_later():
    first, second = MemoryBackend(), MemoryBackend()
    backend = AsyncRoutingBackend('queue')
    backend.send(event(1))
    assert backend.flush(LONG)
    backend.register_backend('first', first)
    backend.send(event(2))
    assert backend.flush(LONG)
    backend.register_backend('second', second)
    backend.send(event(3))
    assert backend.close()
    assert (numbers(first.events), numbers(second.events)) == ([2, 3], [3])
