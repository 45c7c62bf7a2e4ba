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
        first, start = _wait(where, lambda found: found)
        last, end = _wait(where, lambda found: found >= COUNT)
    finally:
        worker.terminate()
        worker.wait(60)
        top.close()
    if last != COUNT:
        raise AssertionError(f'{last:,} events are there, {COUNT:,} were sent')
    return [row('to the broker of Celery', COUNT, to_broker, taken),
            ('from there to a store, by one worker', f'{COUNT:,}',
             f'{(last - first) / (end - start):,.0f}', '', '',
             f'{where.stat().st_size / COUNT:.0f}', '')]


def _wait(where, condition):
    """Return how many events a store has, and when that was, once they suffice."""
    limit = time.monotonic() + LIMIT
    while time.monotonic() < limit:
        try:
            found = holds(where)
        except OSError:  # it is being made
            found = 0
        if condition(found):
            return found, time.perf_counter()
        time.sleep(0.05)
    raise AssertionError(f'the worker has not delivered all within {LIMIT} s')
