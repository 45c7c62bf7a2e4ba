"""The carrier of Celery without a broker: options, places, and tasks done at once."""

import threading

import pytest
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events import register_tracker, tracker_from
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.carriers import places
from trackstore.events.carriers.interfaces import ICarrier
from trackstore.events.carriers.records import json_of_event
from trackstore.events.exceptions import ConfigurationError, TrackerError
from trackstore.events.slowlog import SlowLog
from trackstore.events.tracker import TRACKERS
from trackstore.tests.servers import need
from trackstore.tests.waiting import LONG

MEMORY = {'ENGINE': 'trackstore.events.backends.memory.MemoryBackend'}
ROUTING = 'trackstore.events.backends.routing.RoutingBackend'
QUEUE = 'trackstore.events.backends.async_routing.AsyncRoutingBackend'
CARRIER = 'trackstore.events.carriers.celery.CeleryCarrier'


@pytest.fixture(scope='module', autouse=True)
def celery():
    need('celery')


@pytest.fixture(autouse=True)
def trackers():
    before = dict(TRACKERS)
    TRACKERS.clear()
    yield TRACKERS
    for tracker in TRACKERS.values():
        for _, backend in places._all(tracker.backends):
            if hasattr(backend, 'carrier'):
                backend.close(0)
    TRACKERS.clear()
    TRACKERS.update(before)


@pytest.fixture
def app():
    """An application that runs its tasks at once, in the thread that sends them."""
    from celery import Celery
    app = Celery('eager', broker='memory://', include=['trackstore.celery'])
    app.conf.task_always_eager = True
    return app


class Failing:
    """A backend that fails so many times."""

    def __init__(self, times=10 ** 9):
        self.times = times
        self.events = []

    def send(self, event):
        self.times -= 1
        if self.times >= 0:
            raise LookupError('no disk')
        self.events.append(event)


class Mute:
    """A processor that drops what is secret and shouts the rest."""

    def __call__(self, event):
        from trackstore.events.processors.exceptions import EventEmissionExit
        if event['name'] == 'secret':
            raise EventEmissionExit
        event['name'] = event['name'].upper()


def queue(app=None, name='shop', backends=None, **options):
    return {'ENGINE': QUEUE, 'OPTIONS': {
        'backend_name': name, 'backends': backends or {'kept': MEMORY}, 'pause': 0,
        'carrier': {'ENGINE': CARRIER, 'OPTIONS': {'app': app, 'delay': 0}}, **options}}


def carrier(**options):
    from trackstore.events.carriers.celery import CeleryCarrier
    return CeleryCarrier(**options)


def test_the_contract(app):
    from trackstore.events.carriers.celery import CeleryCarrier
    assert verifyClass(ICarrier, CeleryCarrier)
    backend = AsyncRoutingBackend('first', carrier=CeleryCarrier(app=app))
    assert verifyObject(ICarrier, backend.carrier)
    backend.close(0)


@pytest.mark.parametrize('options, message', [
    ({'at_once': 0}, 'at_once: 0 is not allowed; allowed are whole numbers from 1'),
    ({'tries': 1.5}, 'tries: 1.5 is not allowed; allowed are whole numbers from 1'),
    ({'time_limit': -1}, 'time_limit: -1 is no time; allowed are seconds, more th'),
    ({'soft_time_limit': True}, 'soft_time_limit: True is no time; allowed are'),
    ({'queue': ''}, "queue: '' is no queue; allowed are names, and None"),
    ({'app': 17}, "app: 17 is no Celery application; allowed is one, or its path like"),
    ({'app': 'os.sep'}, "app: '/' is no Celery application"),
    ({'app': 'shop.celery.app'}, "app: 'shop.celery.app' cannot be imported: No "),
    ({'max_events': 0}, 'max_events: 0 is not allowed'),
    ({'when_full': 'spill'}, 'folder: None is no folder'),
])
def test_options_that_are_not_possible(options, message):
    with pytest.raises(ConfigurationError, match=f'^{message}'):
        carrier(**options)


def test_an_option_that_is_not_known_is_named():
    with pytest.raises(ConfigurationError, match='limit'):
        tracker_from({'backends': {'orders': {'ENGINE': QUEUE, 'OPTIONS': {
            'carrier': {'ENGINE': CARRIER, 'OPTIONS': {'limit': 1}}}}}})


def test_a_carrier_is_for_one_backend(app):
    shared = carrier(app=app)
    backend = AsyncRoutingBackend('first', carrier=shared)
    with pytest.raises(ConfigurationError, match="carries for 'first' already; each b"):
        AsyncRoutingBackend('second', carrier=shared)
    backend.close(0)


# places

def tree(app, name='shop'):
    return tracker_from({'backends': {'a': {'ENGINE': ROUTING, 'OPTIONS': {
        'backends': {'b': {'ENGINE': ROUTING, 'OPTIONS': {
            'backends': {'c': queue(app, name)}}}, 'kept': MEMORY}}}}})


def at(tracker, *path):
    for name in path:
        tracker = tracker.backends[name]
    return tracker


def test_a_backend_has_a_place_at_any_depth(app):
    tracker = tree(app)
    assert places.place_of(at(tracker, 'a', 'b', 'c'))['path'] is None
    register_tracker(tracker, 'orders')
    place = places.place_of(at(tracker, 'a', 'b', 'c'))
    assert place == {'tracker': 'orders', 'path': ['a', 'b', 'c'], 'name': 'shop'}
    assert places.backend_at(place) is at(tracker, 'a', 'b', 'c')


def test_a_backend_that_was_moved_is_found_by_its_name(app):
    register_tracker(tracker := tree(app))
    found = places.backend_at({'tracker': 'other', 'path': ['x'], 'name': 'shop'})
    assert found is at(tracker, 'a', 'b', 'c')
    assert places.backend_at({'tracker': None, 'path': None, 'name': 'shop'}) is found


@pytest.mark.parametrize('place, message', [
    ({'tracker': 'default', 'path': ['a', 'kept'], 'name': 'other'},
     "place: this process has no AsyncRoutingBackend at 'default: a.kept', and none wi"
     "th the backend_name 'other'; register a tracker of the same configuration"),
    ({'tracker': None, 'path': None, 'name': ''}, "at 'none', and none with"),
    ({'tracker': 'x', 'path': ['a'], 'name': 'shop'}, "at 'x: a', and 2 with"),
])
def test_a_backend_that_is_not_there(app, place, message):
    register_tracker(tree(app))
    register_tracker(tree(app), 'second')
    with pytest.raises(TrackerError, match=message):
        places.backend_at(place)


# tasks that are run at once

def emit(app, backends, *names, **options):
    tracker = tracker_from({'backends': {'orders': queue(app, backends=backends,
                                                         **options)}})
    register_tracker(tracker)
    for name in names:
        tracker.emit(name, {'order': 17})
    orders = tracker.get_backend('orders')
    assert orders.flush(LONG)
    return orders


def test_routers_below_process_in_the_worker(app):
    orders = emit(app, {'kept': MEMORY, 'loud': {'ENGINE': ROUTING, 'OPTIONS': {
        'processors': [{'ENGINE': f'{__name__}.Mute'}], 'backends': {'kept': MEMORY}}}},
        'placed', 'secret')
    assert [event['name'] for event in at(orders, 'kept').events] == [
        'placed', 'secret']
    assert [event['name'] for event in at(orders, 'loud', 'kept').events] == ['PLACED']


def test_one_backend_that_fails_keeps_nothing_from_the_others(app, caplog):
    orders = emit(app, {'bad': {'ENGINE': f'{__name__}.Failing'}, 'kept': MEMORY,
                        'late': {'ENGINE': f'{__name__}.Failing',
                                 'OPTIONS': {'times': 2}}}, 'placed', tries=3)
    assert len(at(orders, 'kept').events) == len(at(orders, 'late').events) == 1
    assert caplog.text.count(
        'event not delivered to shop.bad after 3 tries: LookupError: no disk: {') == 1


def test_a_worker_that_never_has_the_backend_logs_the_event(app, caplog, monkeypatch):
    import trackstore.celery as tasks
    monkeypatch.setattr(tasks, 'TRIES', 3)
    monkeypatch.setattr(tasks, 'PAUSE', 0)
    monkeypatch.setattr(tasks, '_slow', SlowLog(tasks.log))
    tasks.send_event.apply(kwargs={
        'place': {'tracker': 'x', 'path': ['a'], 'name': 'shop'},
        'events': ['{"id": "e1"}']})
    line, warning = [record.getMessage() for record in caplog.records
                     if record.name == 'trackstore.celery']
    assert warning.startswith('events are put back into the queue: place: this proc')
    assert line.startswith('event not delivered: place: this process has no Async')
    assert line.endswith(': {"id": "e1"}')


def test_a_worker_that_has_the_backend_late_still_tries_as_often(app, monkeypatch):
    import trackstore.celery as tasks
    tracker = tracker_from({'backends': {'orders': queue(
        app, backends={'late': {'ENGINE': f'{__name__}.Failing',
                                'OPTIONS': {'times': 2}}}, tries=3)}})
    register_tracker(tracker)
    orders = tracker.get_backend('orders')
    place = places.place_of(orders)
    register_tracker(tracker_from({}))
    pauses = []

    def paused(tried, *args):
        pauses.append(tried)
        if len(pauses) == 5:
            register_tracker(tracker)
        return 0

    monkeypatch.setattr(tasks, 'pause', paused)
    tasks.send_event.apply(kwargs={'place': place, 'events': [text_of(number=1)]})
    assert pauses == [1, 2, 3, 4, 5, 1, 2]
    assert len(at(orders, 'late').events) == 1


def test_a_broker_that_does_not_take_it_again(app, caplog, monkeypatch):
    import trackstore.celery as tasks

    def refuse(*args, **options):
        raise OSError('no broker')

    tracker = tracker_from({'backends': {'orders': queue(
        app, backends={'bad': {'ENGINE': f'{__name__}.Failing'}})}})
    register_tracker(tracker)
    monkeypatch.setattr(tasks.send_event, 'apply_async', refuse)
    work_of(tracker.backends['orders']).deliver([text_of()], None)
    assert 'cannot be put into the queue again: OSError: no broker' in caplog.text
    assert 'event not delivered to shop.bad after' in caplog.text


class Moody(Failing):
    """A backend that takes each event at its second try."""

    def send(self, event):
        self.times = 1 if event.id not in [each.id for each in self.tried] else 0
        self.tried.append(event)
        super().send(event)

    def __init__(self):
        self.tried = []
        super().__init__()


def test_each_event_of_a_task_has_its_tries(app, caplog):
    """Those behind others that fail at first are not given up early."""
    tracker = tracker_from({'backends': {'orders': queue(
        app, backends={'moody': {'ENGINE': f'{__name__}.Moody'}}, tries=2)}})
    register_tracker(tracker)
    orders = tracker.get_backend('orders')
    work_of(orders).deliver([text_of(number=number) for number in range(5)], None)
    moody = at(orders, 'moody')
    assert [event['data']['number'] for event in moody.events] == list(range(5))
    assert len(moody.tried) == 10 and 'not delivered' not in caplog.text


def test_a_text_that_is_no_event_keeps_no_other_from_its_backend(app, caplog):
    tracker = tracker_from({'backends': {'orders': queue(app)}})
    register_tracker(tracker)
    orders = tracker.get_backend('orders')
    work_of(orders).deliver(['{"id": "e', text_of(number=1), '{}'], None)
    event, = at(orders, 'kept').events
    assert event['data'] == {'number': 1}
    assert 'event not delivered: it cannot be read: JSONDecodeError: ' in caplog.text
    assert "it cannot be read: KeyError: 'event': {}" in caplog.text


def work_of(backend):
    import trackstore.celery as tasks
    return tasks.Work(tasks.send_event, places.place_of(backend))


def text_of(**data):
    return json_of_event({'name': 'placed', 'data': data, 'context': {}}).decode()


# handing over

def test_large_events_have_tasks_of_their_own(app, monkeypatch):
    from celery.app.task import Task

    from trackstore.events.carriers import celery
    sent, shown = [], []
    monkeypatch.setattr(celery, 'MOST_BYTES', 1000)
    monkeypatch.setattr(Task, 'apply_async', lambda self, kwargs, **options: (
        sent.append(len(kwargs['events'])), shown.append(options['kwargsrepr'])))
    backend = AsyncRoutingBackend('shop', carrier=carrier(app=app, delay=0.2))
    for number in range(16):
        size = 2000 if number == 9 else 10
        backend.send({'name': 'placed', 'data': {'text': 'x' * size}, 'context': {}})
    assert backend.flush(LONG)
    assert sum(sent) == 16 and 1 in sent and max(sent) > 1
    assert shown == [f'{{events: {number}}}' for number in sent]  # and no data
    assert backend.carrier.counts['delivered'] == {'broker': 16}
    backend.close(0)


@pytest.mark.parametrize('url, told', [
    ('carrier-pigeon://ann:secret@loft', "'carrier-pigeon:...' cannot be used: KeyErr"),
    ('redis://:sec/ret@here', "'redis:...' cannot be used: ValueError; the library")])
def test_a_broker_that_cannot_be_used(app, url, told):
    """It is said at the start, without the password."""
    app.conf.broker_url = url
    with pytest.raises(ConfigurationError, match=f'^app: its broker {told}') as caught:
        AsyncRoutingBackend('shop', carrier=carrier(app=app))
    assert 'sec' not in str(caught.value)


@pytest.mark.parametrize('name', ['_connected', '_disconnect'])
def test_a_broker_that_hangs_does_not_hang_the_end(app, monkeypatch, name):
    entered, go_on, over = threading.Event(), threading.Event(), []

    def hang():
        entered.set()
        go_on.wait(LONG)
        over.append(True)
    backend = AsyncRoutingBackend('shop', carrier=carrier(app=app, exit_wait=0))
    monkeypatch.setattr(backend.carrier._broker, name, hang)
    backend.send({'name': 'a', 'data': {}, 'context': {}})
    assert name == '_disconnect' or entered.wait(LONG)
    backend.close(0)
    assert entered.is_set() and not over
    go_on.set()


def test_a_queue_that_is_full(app, tmp_path, caplog):
    """With a folder it spills; without one, the event is dropped after a moment."""
    app.conf.task_always_eager = False
    app.conf.broker_url = 'redis://127.0.0.1:1/0'   # where nobody listens
    for options, dropped in (({'wait': 0}, 8), ({'folder': str(tmp_path)}, 0)):
        backend = AsyncRoutingBackend('shop', carrier=carrier(
            app=app, max_events=2, exit_wait=0, **options))
        backend.register_backend('kept', Failing())
        for number in range(10):
            backend.send({'name': f'n{number}', 'data': {}, 'context': {}})
        counts = backend.carrier.counts
        assert (counts['dropped'], counts['spilled']) == (dropped, 10 - dropped - 2 * (
            dropped > 0))
        backend.close(0)
    assert 'is full; event' in caplog.text
