"""Events that are given up before they were processed: letters of what is topmost."""

import threading
from types import SimpleNamespace

import pytest

from trackstore.events import Tracker, register_tracker, routes
from trackstore.events.backends import routing
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.carriers.records import json_of_event
from trackstore.events.tracker import TRACKERS
from trackstore.tests.gate import emit
from trackstore.tests.servers import need
from trackstore.tests.waiting import LONG


class Hanging:
    """A processor that does not come back until it may."""

    def __init__(self):
        self.threads = []
        self.entered, self.go_on = threading.Event(), threading.Event()

    def __call__(self, event):
        self.threads.append(threading.current_thread())
        self.entered.set()
        event['name'] = 'processed'
        assert self.go_on.wait(LONG)


@pytest.fixture
def hanging():
    hanging = Hanging()
    yield hanging
    hanging.go_on.set()


def below(processor, carrier, also=True, **options):
    """Return a queue with a router below, and the list of its letters.

    There is ``also`` a backend beside the router.
    """
    letters = []
    router = RoutingBackend({'memory': MemoryBackend()}, [processor])
    backend = AsyncRoutingBackend(
        'queue', carrier=carrier, pause=0, **options, backends={
            **({'memory': MemoryBackend()} if also else {}), 'router': router})
    backend.delivery.bury = letters.extend
    return backend, letters


def told(letters):
    return [(each.backend, each.event['name'], each.reason) for each in letters]


def test_the_end_does_not_wait_for_a_processor_that_hangs(hanging):
    backend, letters = below(hanging, LocalCarrier(delay=0, batch=2))
    emit(Tracker({'queue': backend}), 0, 3)
    assert hanging.entered.wait(LONG)
    assert not backend.carrier.close(0)
    reason = 'the process ended before it was delivered'
    assert sorted(told(letters)) == [
        ('queue.memory', 'n', reason)] * 3 + [('queue.router', 'n', reason)] * 3
    assert threading.current_thread() not in hanging.threads


@pytest.mark.parametrize('processor', ['hangs', 'breaks off'])
def test_letters_have_what_came_to_the_router(hanging, processor, monkeypatch):
    def break_off(event):
        event['name'] = 'processed'
        return 5    # what is said of it fails

    def fail(*args, **options):
        raise OSError('the log is away')

    hangs = processor == 'hangs'
    for module in (routes, routing):
        monkeypatch.setattr(module.log, 'exception', fail)
    backend, letters = below(
        hanging if hangs else break_off, LocalCarrier(delay=0), also=False)
    emit(Tracker({'queue': backend}), 0, 2)
    assert not hangs or hanging.entered.wait(LONG)
    backend.carrier.close(0 if hangs else LONG)
    assert [(each.backend, each.event['name'], each.event['data']['n'])
            for each in letters] == [('queue.router', 'n', 0), ('queue.router', 'n', 1)]


def test_who_sends_after_the_end_does_not_wait_for_a_processor_that_hangs(hanging):
    backend, letters = below(hanging, LocalCarrier(wait=0))
    assert backend.carrier.close()
    emit(Tracker({'queue': backend}), 0, 1)
    reason = 'a processor did not come back'
    assert told(letters) == [
        ('queue.memory', 'n', reason), ('queue.router', 'n', reason)]


# with Celery

@pytest.fixture
def app():
    need('celery')
    from celery import Celery
    app = Celery('given-up', broker='memory://', include=['trackstore.celery'])
    before = dict(TRACKERS)
    yield app
    TRACKERS.clear()
    TRACKERS.update(before)


def of_celery(app, processor, **options):
    from trackstore.events.carriers.celery import CeleryCarrier
    return below(processor, CeleryCarrier(app=app, pause=0.001, **options), tries=3)


def test_what_a_processor_has_killed_is_not_processed_by_who_looks_after(app):
    import trackstore.celery as tasks
    ran = []
    backend, letters = of_celery(app, ran.append)
    register_tracker(Tracker({'queue': backend}))
    text = json_of_event({'name': 'n', 'data': {}, 'context': {}}).decode()
    request = SimpleNamespace(task=app.tasks[tasks.NAME], kwargs={
        'place': backend.carrier.place, 'events': [text], 'tried': 2})
    tasks._broken_off(request, 'WorkerLostError')
    assert told(letters) == [
        (f'queue.{name}', 'n', 'WorkerLostError, at try 3')
        for name in ('memory', 'router')]
    assert not ran
    backend.close(0)


def test_processors_of_workers_do_not_run_where_the_broker_is_away(app):
    def away():
        raise OSError('away')
    ran = []
    backend, letters = of_celery(app, ran.append, tries=2)
    backend.carrier._broker._connected = away
    emit(Tracker({'queue': backend}), 0, 1)
    assert backend.flush(LONG)
    assert told(letters) == [
        (f'queue.{name}', 'n', 'not handed to the broker after 2 tries: OSError: away')
        for name in ('memory', 'router')]
    assert not ran
    backend.close(0)
