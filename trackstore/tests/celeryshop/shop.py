"""A process that emits events, and workers that deliver them."""

import json
import os
import signal
import subprocess
import sys
import time

from ZODB.POSException import ReadOnlyError

import trackstore
from trackstore.exceptions import OpenError
from trackstore.tests import celeryshop
from trackstore.tests.celeryshop import BACKEND, CARRIER, QUEUE
from trackstore.tests.waiting import LONG


def configuration(backends=('kept',), engine=CARRIER, carrier=None, **options):
    """A tracker whose queue is not at the root of its tree."""
    backends = {name: backend if isinstance(backend, dict) else {
        'ENGINE': BACKEND, 'OPTIONS': {'name': name}} for name, backend in (
        backends.items() if isinstance(backends, dict) else zip(
            backends, backends, strict=True))}
    return {'backends': {'outer': {
        'ENGINE': 'trackstore.events.backends.routing.RoutingBackend',
        'OPTIONS': {'backends': {'orders': {'ENGINE': QUEUE, 'OPTIONS': {
            'backend_name': 'shop', 'backends': backends,
            'carrier': {'ENGINE': engine, 'OPTIONS': {'delay': 0, **(carrier or {})}},
            'pause': 0.01, **options}}}}}}}


class Shop:
    """A process that emits events, and workers that deliver them."""

    def __init__(self, folder, broker):
        self.folder = folder
        self.workers = []
        self.options = {}
        self.settings(broker)

    def settings(self, broker, visible=3600, **more):
        """Say what Celery is to do.

        Redis gives a task to another worker after so many seconds.  Workers look for
        such tasks, and for processes that are gone, when they have nothing to do; one
        that is killed while it looks keeps the others from it for a second.
        """
        (self.folder / 'celery.json').write_text(json.dumps({
            'broker_url': broker.url, 'task_default_queue': self.folder.name,
            'broker_connection_retry_on_startup': True,
            'worker_hijack_root_logger': False, 'broker_transport_options': {
                'visibility_timeout': visible, 'unacked_restore_interval': 0.1,
                'unacked_restore_throttle': 1, 'unacked_mutex_expire': 1}, **more}))

    def configure(self, **options):
        """Say what trackers are like from now on, in this process and in workers."""
        self.options |= options
        (self.folder / 'events.json').write_text(
            json.dumps(configuration(**self.options)))

    def open(self, **options):
        """Return the tracker of this process."""
        self.configure(**options)
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
        process.wait(LONG)

    def run(self, *arguments):
        return subprocess.run(
            [sys.executable, '-m', 'trackstore.tests.celeryshop.emitting',
             *map(str, arguments)], check=True, timeout=LONG, capture_output=True)

    def wait(self, condition):
        """Wait until something is true, and return it."""
        end = time.monotonic() + LONG
        while not (result := condition()):
            assert time.monotonic() < end, self.log()
            time.sleep(0.05)
        return result

    def until_ready(self):
        self.wait(lambda: ' ready.' in self.log())

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
        self.leave()
        for process in self.workers:
            if process.poll() is None:
                self.kill(process)

    def leave(self):
        """Close the tracker of this process; workers go on."""
        if hasattr(self, 'queue'):
            self.queue.close(0)
            del self.queue
