"""An application of Celery whose workers deliver events.

It reads its tracker from the file ``events.json`` in the folder ``CELERYSHOP``; what
the backends get is in files there, too.
"""

import json
import os
import pickle
import signal
import time
from pathlib import Path

from trackstore.events import register_tracker, tracker_from
from trackstore.events.exceptions import DeliveryError

BACKEND = f'{__name__}.Writing'
QUEUE = 'trackstore.events.backends.async_routing.AsyncRoutingBackend'
CARRIER = 'trackstore.events.carriers.celery.CeleryCarrier'
LOCAL = 'trackstore.events.carriers.local.LocalCarrier'


def folder():
    return Path(os.environ['CELERYSHOP'])


def new_app():
    """Return the application, with the settings of the file ``celery.json``."""
    from celery import Celery
    app = Celery('celeryshop', include=['trackstore.celery'])
    app.conf.update(json.loads((folder() / 'celery.json').read_text()))
    return app


def new_tracker():
    """Register the tracker of the file."""
    tracker = tracker_from(json.loads((folder() / 'events.json').read_text()))
    register_tracker(tracker)
    return tracker


class Writing:
    """Writes what it gets into a file; as long as another is there, it fails.

    What it does then is the text in that file, ``NAME.fails``: ``again``, ``never``,
    ``die`` (the process), ``hang``, ``sleep``, or a number: that many times it fails.
    """

    def __init__(self, name):
        self.name = name

    def send(self, event):
        with (folder() / f'{self.name}.tries').open('a') as file:
            file.write(f'{event.id} {os.getpid()}\n')
        self._fail()
        with (folder() / f'{self.name}.events').open('ab') as file:
            pickle.dump((event.id, dict(event)), file)

    def _fail(self):
        path = folder() / f'{self.name}.fails'
        if not path.exists():
            return
        how = path.read_text()
        if how == 'die':
            os.kill(os.getpid(), signal.SIGKILL)
        if how == 'sleep':
            time.sleep(600)
        if how == 'hang':
            while True:
                try:
                    time.sleep(600)
                except Exception:  # also when it is told that the time is over
                    continue
        if how.isdigit():
            path.write_text(str(int(how) - 1)) if int(how) > 1 else path.unlink()
        raise DeliveryError('the place is closed', again=how != 'never')


def got(name):
    """Return what a backend has got, pairs of the id and the event."""
    found = []
    path = folder() / f'{name}.events'
    if path.exists():
        with path.open('rb') as file:
            while file.peek(1):
                found.append(pickle.load(file))
    return found


def numbers(name):
    """Return the numbers that are in the data of these events."""
    return sorted(event['data']['number'] for _, event in got(name))


def tries(name):
    """Return how often a backend was asked to take an event."""
    path = folder() / f'{name}.tries'
    return len(path.read_text().splitlines()) if path.exists() else 0
