"""Celery's part of the pipeline: the task that delivers events in a worker.

The application of a worker needs this module, as ``include=['trackstore.celery']``,
and a tracker of the same configuration as where the events come from.
"""

import json
import logging
import random

try:
    from billiard.exceptions import WorkerLostError
    from celery import Task, current_app, shared_task
    from celery.worker.request import Request
except ImportError as error:
    raise ImportError(
        f"trackstore.celery needs {error.name}: pip install 'trackstore[celery]'"
    ) from None

from trackstore import timestamps
from trackstore.events.carriers.ending import NO_PAUSE
from trackstore.events.carriers.places import backend_at
from trackstore.events.carriers.records import event_in, json_of_event
from trackstore.events.delivery import Delivery
from trackstore.events.exceptions import TrackerError
from trackstore.export.values import original

__all__ = ['NAME', 'current_app', 'send_event']

NAME = 'trackstore.events.send_event'

#: So often a worker looks for a backend that it does not have, and so long pauses are
#: made; it may be about to be replaced by one that has it.
TRIES, PAUSE, LONGEST_PAUSE = 10, 1, 60

#: What ends a process of the worker that is at work.
ENDS = (WorkerLostError, SystemExit, KeyboardInterrupt)

log = logging.getLogger(__name__)


class DeliveryRequest(Request):
    """Has events tried again whose process was lost, or ended for its time.

    Celery itself would forget them, or have them tried without end.
    """

    def on_timeout(self, soft, timeout):
        if not soft:
            _broken_off(self, f'TimeLimitExceeded: it took more than {timeout} seconds')
        super().on_timeout(soft, timeout)

    def on_failure(self, exc_info, *args, **options):
        error = getattr(exc_info.exception, 'exc', exc_info.exception)
        if isinstance(error, ENDS) and not (
                self._already_cancelled or self._already_revoked):
            _broken_off(self, f'{type(error).__name__}: {error}')
        return super().on_failure(exc_info, *args, **options)


class DeliveryTask(Task):
    """A task whose message stays with the broker until it is done."""

    Request = DeliveryRequest
    acks_late = True
    ignore_result = True


@shared_task(name=NAME, bind=True, base=DeliveryTask)
def send_event(self, place, events, options=None, leaf=None, tried=0, first=None):
    """Deliver events, texts of JSON, to the backends at a place.

    ``options`` are those of Celery for trying again.  ``leaf`` is the path of the
    only backend that the events are for; they were ``tried`` so many times since
    ``first``, a time stamp.
    """
    Work(self, place, options, tried, first).deliver(events, leaf)


def _broken_off(request, reason):
    """See to the events of a task that did not come to its end."""
    given = dict(request.kwargs)
    events, leaf = given.pop('events'), given.pop('leaf', None)
    Work(request.task, **given).try_again(events, leaf, reason)


class Work:
    """What a task is to do: see ``send_event``."""

    def __init__(self, task, place, options=None, tried=0, first=None):
        self.task = task
        self.place = place
        self.options = options or {}
        self.tried = tried
        self.first = timestamps.clock() if first is None else first

    def deliver(self, texts, leaf):
        """Try once to deliver events; what fails is tried again later."""
        delivery = self._delivery(texts, leaf)
        if delivery is None:
            return
        events = [event_in(original(json.loads(text))) for text in texts]
        parts = {tuple(leaf): events} if leaf else delivery.routed(events)
        try:
            for path in list(parts):
                self._deliver(delivery, path, parts[path])
                del parts[path]
        except Exception as error:  # the time is over, somewhere in between
            for path, events in parts.items():
                self._later(delivery, path, events, _told(error))

    def try_again(self, texts, leaf, reason):
        """Have all events tried again, or make dead letters of them at the last."""
        delivery = self._delivery(texts, leaf)
        if delivery is None:
            return
        if not self._put(texts, leaf, delivery):
            events = [event_in(original(json.loads(text))) for text in texts]
            parts = {tuple(leaf): events} if leaf else delivery.routed(events)
            for path, own in parts.items():
                self._give_up(delivery, path, own, reason)

    def _delivery(self, texts, leaf):
        """Return the delivery of the backend; where there is none, try later."""
        try:
            return backend_at(self.place).delivery
        except TrackerError as error:
            if not self._put(texts, leaf, tries=TRIES, pause=PAUSE,
                             longest=LONGEST_PAUSE):
                for text in texts:
                    log.error('event not delivered: %s: %s', error, text)
            return None

    def _deliver(self, delivery, path, events):
        def bury(letters):
            for letter in letters:
                letter.tries += self.tried
                letter.first = self.first
            delivery.bury(letters)

        last = self.tried + 1 >= delivery.tries
        once = Delivery(delivery.root, delivery.name, 1 if last else 2, 0, 0, bury)
        # what a broker brings it may bring twice, so that backends are to look
        left = once.deliver(path, events, again=True, stop=NO_PAUSE)
        if left:
            self._later(delivery, path, events[-left:], 'it failed')

    def _later(self, delivery, path, events, reason):
        """Have events tried again in a task for this leaf alone."""
        texts = [json_of_event(event).decode() for event in events]
        if not self._put(texts, list(path), delivery):
            self._give_up(delivery, path, events, reason)

    def _give_up(self, delivery, path, events, reason):
        delivery.abandon(path, events, f'{reason}, at try {self.tried + 1}')

    def _put(self, texts, leaf, delivery=None, tries=0, pause=0, longest=0):
        """Put a task for the next try into the queue; return whether it is there."""
        if delivery is not None:
            tries, pause, longest = (
                delivery.tries, delivery.pause, delivery.longest_pause)
        tried = self.tried + 1
        if tried >= tries:
            return False
        try:
            self.task.apply_async(
                kwargs={'place': self.place, 'events': texts, 'options': self.options,
                        'leaf': leaf, 'tried': tried, 'first': self.first},
                ignore_result=True, countdown=random.uniform(
                    0, min(longest, pause * 2 ** min(tried - 1, 60))), **self.options)
            return True
        except Exception as error:
            log.error('events cannot be put into the queue again: %s', _told(error))
            return False


def _told(error):
    return f'{type(error).__name__}: {error}'
