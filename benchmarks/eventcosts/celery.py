"""Events that Celery takes to a store: a real broker and a worker of one process."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from trackstore.events import tracker_from
from trackstore.events.tracker import register_tracker
from trackstore.tests.brokers import Redis

from .load import emit_all, row
from .store import holds

COUNT = 50_000

#: So many seconds the worker has to deliver them all.
LIMIT = 300

#: The environment has the configuration of the tracker under this name.
CONFIGURATION = 'BENCHMARK_EVENTS'


def application():
    """Return the Celery application and the tracker, of caller and worker alike."""
    from celery import Celery
    given = json.loads(os.environ[CONFIGURATION])
    app = Celery('benchmark', broker=given['broker'], include=['trackstore.celery'])
    app.conf.broker_connection_retry_on_startup = True
    app.set_default()
    tracker = tracker_from({'backends': {'celery': {
        'ENGINE': 'trackstore.events.backends.async_routing.AsyncRoutingBackend',
        'OPTIONS': {
            'backends': {'store': {
                'ENGINE': 'trackstore.events.backends.tracking.TrackingBackend',
                'OPTIONS': {'where': given['where']}}},
            'carrier': {
                'ENGINE': 'trackstore.events.carriers.celery.CeleryCarrier',
                'OPTIONS': {'at_once': 1000, 'max_events': 100_000}}}}}})
    register_tracker(tracker)
    return app, tracker


def measure():
    """Return a row of the way to the broker, and one of that to the store."""
    with tempfile.TemporaryDirectory() as folder:
        redis = Redis(folder)
        redis.start()
        try:
            return _measure(Path(folder), redis)
        finally:
            redis.stop()


def _measure(folder, redis):
    where = folder / 'events.fs'
    os.environ[CONFIGURATION] = json.dumps({'broker': redis.url, 'where': str(where)})
    _, tracker = application()
    top = tracker.get_backend('celery')
    start = time.perf_counter()
    taken = emit_all(tracker, COUNT)
    if not top.flush():
        raise AssertionError('the broker has not taken all events')
    to_broker = COUNT / (time.perf_counter() - start)
    with (folder / 'worker.log').open('wb') as log:
        worker = subprocess.Popen(
            [sys.executable, '-m', 'celery', '-A', f'{__package__}.celeryworker',
             'worker', '--pool', 'solo', '--without-mingle', '--without-gossip',
             '--without-heartbeat'], stdout=log, stderr=log)
    try:
        tasks = Tasks(redis.url)
        count = tasks.count()
        start = _when(lambda: tasks.waiting() < count)
        end = _when(lambda: not tasks.count())
    finally:
        worker.terminate()
        worker.wait(60)
        top.close()
    found = holds(where)
    if found != COUNT:
        raise AssertionError(f'{found:,} events are there, {COUNT:,} were sent')
    return [row('to the broker of Celery', COUNT, to_broker, taken),
            ('from there to a store, by one worker', f'{COUNT:,}',
             f'{COUNT / (end - start):,.0f}', '', '',
             f'{where.stat().st_size / COUNT:.0f}', '')]


class Tasks:
    """The tasks that a broker has, for Celery's usual queue."""

    def __init__(self, url):
        from redis import Redis
        self._redis = Redis.from_url(url)

    def waiting(self):
        """Return how many no worker has taken yet."""
        return self._redis.llen('celery')

    def count(self):
        """Return how many are not done yet."""
        return self.waiting() + self._redis.hlen('unacked')


def _when(condition):
    """Wait until something is true, and return when that was."""
    limit = time.monotonic() + LIMIT
    while not condition():
        if time.monotonic() > limit:
            raise AssertionError(f'the worker has not delivered all within {LIMIT} s')
        time.sleep(0.01)
    return time.perf_counter()
