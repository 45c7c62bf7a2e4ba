"""Celery as a carrier, with real workers and a real broker."""

import datetime
import decimal
import json
import os
import signal
import subprocess
import sys
import time
import uuid

import pytest
from click.testing import CliRunner
from ZODB.POSException import ReadOnlyError

import trackstore
from trackstore.cli.command import command
from trackstore.events.tracker import TRACKERS
from trackstore.exceptions import OpenError
from trackstore.tests import celeryshop
from trackstore.tests.brokers import Redis
from trackstore.tests.celeryshop import BACKEND, CARRIER, QUEUE, got, tries

#: So many seconds something may take that is about to happen.
SOON = 60


@pytest.fixture(scope='module')
def redis(tmp_path_factory):
    redis = Redis(tmp_path_factory.mktemp('redis'))
    redis.start()
    yield redis
    redis.stop()


def configuration(backends=('kept',), processors=(), carrier=None, **options):
    """A tracker whose queue is not at the root of its tree."""
    backends = {name: backend if isinstance(backend, dict) else {
        'ENGINE': BACKEND, 'OPTIONS': {'name': name}} for name, backend in (
        backends.items() if isinstance(backends, dict) else zip(
            backends, backends, strict=True))}
    return {'backends': {'outer': {
        'ENGINE': 'trackstore.events.backends.routing.RoutingBackend',
        'OPTIONS': {'backends': {'orders': {'ENGINE': QUEUE, 'OPTIONS': {
            'backend_name': 'shop', 'backends': backends,
            'carrier': {'ENGINE': CARRIER, 'OPTIONS': {'delay': 0, **(carrier or {})}},
            'pause': 0.01, **options}}}}}}}


class Shop:
    """A process that emits events, and workers that deliver them."""

    def __init__(self, folder, redis, monkeypatch):
        self.folder, self.redis = folder, redis
        monkeypatch.setenv('CELERYSHOP', str(folder))
        self.before = dict(TRACKERS)
        self.workers = []
        self.settings(broker_url=redis.url, task_default_queue=folder.name,
                      broker_connection_retry_on_startup=True,
                      worker_hijack_root_logger=False,
                      broker_transport_options={
                          'visibility_timeout': 6, 'unacked_restore_interval': 0.5,
                          'unacked_restore_throttle': 1})

    def settings(self, **settings):
        (self.folder / 'celery.json').write_text(json.dumps(settings))

    def open(self, *args, **options):
        """Return the tracker of this process; those of workers are like it."""
        (self.folder / 'events.json').write_text(
            json.dumps(configuration(*args, **options)))
        celeryshop.new_app().set_default()
        self.tracker = celeryshop.new_tracker()
        self.queue = self.tracker.get_backend('outer').backends['orders']
        return self.tracker

    def worker(self, *arguments):
        with (self.folder / 'worker.log').open('ab') as log:
            process = subprocess.Popen(
                [sys.executable, '-m', 'celery', '-A',
                 'trackstore.tests.celeryshop.worker', 'worker', '-l', 'INFO',
                 '--concurrency', '1', '--without-mingle', '--without-gossip',
                 '--without-heartbeat', *arguments],
                stdout=log, stderr=log, start_new_session=True)
        self.workers.append(process)
        return process

    def kill(self, process):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)

    def run(self, *arguments):
        return subprocess.run(
            [sys.executable, '-m', 'trackstore.tests.celeryshop.emitting',
             *map(str, arguments)], check=True, timeout=SOON, capture_output=True)

    def wait(self, condition):
        """Wait until something is true, and return it."""
        end = time.monotonic() + SOON
        while not (result := condition()):
            assert time.monotonic() < end, self.log()
            time.sleep(0.05)
        return result

    def log(self):
        path = self.folder / 'worker.log'
        return path.read_text() if path.exists() else 'no worker'

    def fails(self, name, how=None):
        path = self.folder / f'{name}.fails'
        path.unlink(missing_ok=True) if how is None else path.write_text(str(how))

    def letters(self):
        """Return the data of the dead letters, with the path of the backend."""
        path = self.folder / 'dead.fs'
        if not path.exists():
            return []
        try:
            with trackstore.open(path, readOnly=True) as tracks:
                return [{'backend': track.userName, **track.data}
                        for track in tracks.query()]
        except (OpenError, ReadOnlyError):  # it is being made
            return []

    def close(self):
        for process in self.workers:
            if process.poll() is None:
                self.kill(process)
        if hasattr(self, 'queue'):
            self.queue.close(0)
        TRACKERS.clear()
        TRACKERS.update(self.before)


@pytest.fixture
def shop(tmp_path, redis, monkeypatch):
    shop = Shop(tmp_path, redis, monkeypatch)
    yield shop
    shop.close()


def numbers(name):
    return sorted(event['data']['number'] for _, event in got(name))


VALUES = {
    'order': 17, 'price': decimal.Decimal('12.50'), 'tags': {'tea', 'milk'},
    'at': datetime.datetime(2026, 11, 21, 20, 10, tzinfo=datetime.timezone.utc),
    'id': uuid.UUID(int=7), 'raw': b'\x00\xff', 'pair': (1, 2.5, None), 'nested': {
        3: [True, {'$date': 'no date'}], 'text': 'ä\ud800'}}


def test_events_come_through_as_they_are(shop):
    tracker = shop.open()
    with tracker.context({'user_id': 10938}):
        tracker.emit('order.placed', VALUES)
    shop.worker()
    (_, event), = shop.wait(lambda: got('kept'))
    assert (event['name'], event['data'], event['context']) == (
        'order.placed', VALUES, {'user_id': 10938})
    assert event['timestamp'].tzinfo is datetime.timezone.utc
    assert shop.queue.carrier.counts['delivered'] == {'broker': 1}


def test_many_events_are_delivered_once(shop):
    tracker = shop.open(carrier={'at_once': 7})
    shop.worker()
    for number in range(200):
        tracker.emit('order.placed', {'number': number})
    assert shop.queue.flush(SOON)
    shop.wait(lambda: len(got('kept')) >= 200)
    assert numbers('kept') == list(range(200))


def test_a_backend_that_fails_is_tried_again_by_itself(shop):
    shop.fails('second', 3)
    tracker = shop.open(['first', 'second'], tries=5)
    tracker.emit('order.placed', {'number': 1})
    shop.worker()
    shop.wait(lambda: got('second'))
    assert (numbers('first'), tries('first')) == ([1], 1)
    assert (numbers('second'), tries('second')) == ([1], 4)


@pytest.mark.parametrize('how, count', [('again', 3), ('never', 1)])
def test_what_fails_for_good_is_a_dead_letter_and_can_be_sent_again(shop, how, count):
    shop.fails('second', how)
    tracker = shop.open(['first', 'second'], tries=3,
                        dead_letters=str(shop.folder / 'dead.fs'))
    tracker.emit('order.placed', {'number': 1})
    shop.worker()
    letter, = shop.wait(shop.letters)
    assert (letter['backend'], letter['reason'], letter['tries']) == (
        'shop.second', 'DeliveryError: the place is closed', count)
    assert letter['event']['data'] == {'number': 1}
    assert letter['first'] <= letter['last']
    assert (numbers('first'), tries('second')) == ([1], count)

    shop.fails('second')
    path = shop.folder / 'events.yaml'
    path.write_text((shop.folder / 'events.json').read_text())
    result = CliRunner().invoke(
        command, ['dead-letters', 'replay', str(shop.folder / 'dead.fs'), str(path)])
    assert (result.exit_code, result.output) == (0, '1 event delivered\n')
    assert (shop.letters(), numbers('second'), numbers('first')) == ([], [1], [1])


def test_a_task_that_comes_twice_is_stored_once(shop):
    tracker = shop.open({'store': {
        'ENGINE': 'trackstore.events.backends.tracking.TrackingBackend',
        'OPTIONS': {'where': str(shop.folder / 'events.fs')}}, 'kept': BACKEND})
    broker = shop.queue.carrier._broker
    send = broker.send_many
    broker.send_many = lambda events: (send(events), send(events))
    for number in range(3):
        tracker.emit('order.placed', {'number': number})
    shop.worker()
    shop.wait(lambda: tries('kept') == 6)
    with trackstore.open(shop.folder / 'events.fs', readOnly=True) as tracks:
        assert sorted(track.data['data']['number'] for track in tracks.query()) == [
            0, 1, 2]


@pytest.mark.parametrize('pool', ['solo', 'threads'])
def test_workers_of_other_kinds(shop, pool):
    tracker = shop.open(carrier={'queue': f'{shop.folder.name}-own'})
    tracker.emit('order.placed', {'number': 1})
    shop.fails('kept', 1)
    shop.worker('-P', pool, '-Q', f'{shop.folder.name}-own')
    shop.wait(lambda: got('kept'))
    assert (numbers('kept'), tries('kept')) == ([1], 2)


# workers that end

def test_events_of_a_worker_that_is_killed_are_delivered_by_another(shop):
    shop.fails('kept', 'hang')
    tracker = shop.open()
    tracker.emit('order.placed', {'number': 1})
    worker = shop.worker()
    shop.wait(lambda: tries('kept'))
    shop.kill(worker)
    shop.fails('kept')
    shop.worker()
    shop.wait(lambda: got('kept'))
    assert numbers('kept') == [1]


def test_an_event_that_kills_processes_becomes_a_dead_letter(shop):
    shop.fails('kept', 'die')
    tracker = shop.open(tries=2, dead_letters=str(shop.folder / 'dead.fs'))
    tracker.emit('order.placed', {'number': 1})
    shop.worker()
    letter, = shop.wait(shop.letters)
    assert 'WorkerLostError' in letter['reason'], letter
    assert letter['backend'] == 'shop.kept' and tries('kept') == 2
    shop.fails('kept')
    tracker.emit('order.placed', {'number': 2})
    shop.wait(lambda: numbers('kept') == [2])


@pytest.mark.parametrize('how, reason', [
    ('hang', 'TimeLimitExceeded: it took more than 2 seconds, at try 2'),
    ('sleep', 'SoftTimeLimitExceeded: SoftTimeLimitExceeded()')])
def test_a_backend_that_takes_too_long_is_ended(shop, how, reason):
    shop.fails('kept', how)
    tracker = shop.open(tries=2, dead_letters=str(shop.folder / 'dead.fs'),
                        carrier={'soft_time_limit': 1, 'time_limit': 2})
    tracker.emit('order.placed', {'number': 1})
    shop.worker()
    letter, = shop.wait(shop.letters)
    assert letter['reason'] == reason
    assert tries('kept') == 2


# a broker that is down

@pytest.fixture
def broker(tmp_path_factory, shop):
    """A broker of the test, that is not started yet."""
    redis = Redis(tmp_path_factory.mktemp('redis'))
    shop.settings(broker_url=redis.url, broker_connection_retry_on_startup=True,
                  worker_hijack_root_logger=False, broker_connection_max_retries=3)
    yield redis
    redis.stop()


def test_events_wait_for_the_broker(shop, broker):
    tracker = shop.open(carrier={'tries': 1000, 'longest_pause': 0.1})
    for number in range(20):
        tracker.emit('order.placed', {'number': number})
    assert not shop.queue.flush(0.3)
    broker.start()
    assert shop.queue.flush(SOON)
    shop.worker()
    shop.wait(lambda: len(got('kept')) >= 20)
    assert numbers('kept') == list(range(20))


def test_what_the_broker_never_takes_are_dead_letters_of_the_backends(shop, broker):
    tracker = shop.open(['first', 'second'], dead_letters=str(shop.folder / 'dead.fs'),
                        carrier={'tries': 2, 'pause': 0.01})
    tracker.emit('order.placed', {'number': 1})
    assert shop.queue.flush(SOON)
    letters = shop.letters()
    assert sorted(letter['backend'] for letter in letters) == [
        'shop.first', 'shop.second']
    assert {letter['event']['data']['number'] for letter in letters} == {1}
    assert all(letter['reason'].startswith('not handed to the broker after 2 tries: ')
               for letter in letters), letters


def test_events_of_a_process_without_a_broker_are_sent_by_the_next(shop, broker):
    shop.open(carrier={'tries': 1000, 'longest_pause': 0.1, 'when_full': 'spill',
                       'folder': str(shop.folder / 'spill')})
    shop.queue.close(0)
    shop.run(30, 0.2)
    assert any((shop.folder / 'spill').rglob('*'))
    broker.start()
    shop.run(0, SOON)
    shop.worker()
    shop.wait(lambda: len(got('kept')) >= 30)
    assert numbers('kept') == list(range(30))


def connections(shop, monkeypatch):
    """Return the file that has the process of each connection that is made."""
    app, path = shop.queue.carrier._broker._app, shop.folder / 'connections'
    connect = app.connection_for_write

    def noted():
        with path.open('a') as file:
            file.write(f'{os.getpid()}\n')
        return connect()

    monkeypatch.setattr(app, 'connection_for_write', noted)
    return path


def test_a_broker_that_is_lost_in_between(shop, broker, monkeypatch):
    broker.start()
    tracker = shop.open(carrier={'tries': 1000, 'longest_pause': 0.1})
    made = connections(shop, monkeypatch)
    tracker.emit('order.placed', {'number': 1})
    assert shop.queue.flush(SOON)
    shop.worker()
    shop.wait(lambda: got('kept'))
    before = made.read_text()
    broker.stop()
    tracker.emit('order.placed', {'number': 2})
    assert not shop.queue.flush(0.3)
    broker.start()
    assert shop.queue.flush(SOON)
    assert made.read_text() != before   # a new connection for each new try
    shop.worker()
    shop.wait(lambda: len(got('kept')) >= 2)
    assert numbers('kept') == [1, 2]


# processes

def test_a_process_and_its_child_send_their_own(shop, monkeypatch):
    tracker = shop.open()
    made = connections(shop, monkeypatch)
    tracker.emit('order.placed', {'number': 1})
    assert shop.queue.flush(SOON)
    child = os.fork()
    if child == 0:
        try:
            tracker.emit('order.placed', {'number': 2})
            os._exit(0 if shop.queue.flush(SOON) else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert str(child) in made.read_text().split()
    tracker.emit('order.placed', {'number': 3})
    assert shop.queue.flush(SOON)
    shop.worker()
    shop.wait(lambda: len(got('kept')) >= 3)
    assert numbers('kept') == [1, 2, 3]


def test_a_worker_without_the_backend(shop):
    tracker = shop.open()
    configuration = shop.folder / 'events.json'
    wanted = configuration.read_text()
    configuration.write_text('{}')
    tracker.emit('order.placed', {'number': 1})
    worker = shop.worker()
    shop.wait(lambda: shop.log().count('send_event[') >= 2)  # it is put back
    shop.kill(worker)
    configuration.write_text(wanted)
    shop.worker()
    shop.wait(lambda: got('kept'))
    assert numbers('kept') == [1]
