"""Celery's part of the pipeline: the task that delivers events in a worker.

The application of a worker needs this module, as ``include=['trackstore.celery']``,
and a tracker of the same configuration as where the events come from.
"""

import json
import logging

try:
    from billiard.exceptions import WorkerLostError
    from celery import Task, current_app, shared_task
    from celery.signals import worker_process_shutdown
    from celery.worker.request import Request
except ImportError as error:
    raise ImportError(
        f"trackstore.celery needs {error.name}: pip install 'trackstore[celery]'"
    ) from None

from trackstore import timestamps
from trackstore.events.backends import places
from trackstore.events.carriers.ending import NO_PAUSE
from trackstore.events.carriers.places import backend_at
from trackstore.events.carriers.records import event_in, json_of_event
from trackstore.events.delivery import Delivery
from trackstore.events.exceptions import TrackerError
from trackstore.events.letters import told
from trackstore.events.retries import pause
from trackstore.events.slowlog import SlowLog
from trackstore.export.values import original

__all__ = ['NAME', 'current_app', 'send_event']

NAME = 'trackstore.events.send_event'

#: So often a worker looks for a backend that it does not have, and so long pauses are
#: made, half an hour in all; it may be about to be replaced by one that has it.
TRIES, PAUSE, LONGEST_PAUSE = 66, 1, 60

#: What is logged of an event that has no place as a dead letter.
LOST = 'event not delivered: %s: %s'

#: What ends a process of the worker that is at work.
ENDS = (WorkerLostError, SystemExit, KeyboardInterrupt)

# A process of a worker ends without what atexit calls.
worker_process_shutdown.connect(places.end_all)

log = logging.getLogger(__name__)
_slow = SlowLog(log)


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
            _broken_off(self, told(error))
        return super().on_failure(exc_info, *args, **options)


class DeliveryTask(Task):
    """A task whose message stays with the broker until it is done."""

    Request = DeliveryRequest
    acks_late = True
    ignore_result = True

    # Whatever an application says for its own tasks: these are put into the queue
    # again by ``DeliveryRequest``, and would be there twice.
    acks_on_failure_or_timeout = acks_on_failure = acks_on_timeout = True
    reject_on_worker_lost = retry_on_worker_lost = False


@shared_task(name=NAME, bind=True, base=DeliveryTask)
def send_event(self, place, events, options=None, leaf=None, tried=0, first=None,
               sought=0):
    """Deliver events, texts of JSON, to the backends at a place.

    ``options`` are those of Celery for trying again.  ``leaf`` is the path of the
    only backend that the events are for; they were ``tried`` so many times since
    ``first``, a time stamp.  So many times a worker has ``sought`` the place.
    """
    Work(self, place, options, tried, first, sought).deliver(events, leaf)


def _broken_off(request, reason):
    """See to the events of a task that did not come to its end."""
    given = dict(request.kwargs)
    events, leaf = given.pop('events'), given.pop('leaf', None)
    Work(request.task, **given).try_again(events, leaf, reason)


class Work:
    """What a task is to do: see ``send_event``."""

    def __init__(self, task, place, options=None, tried=0, first=None, sought=0):
        self.task = task
        self.place = place
        self.options = options or {}
        self.tried = tried
        self.sought = sought
        self.first = timestamps.clock() if first is None else first

    def deliver(self, texts, leaf):
        """Try once to deliver events; what fails is tried again later."""
        delivery = self._delivery(texts, leaf)
        if delivery is None:
            return
        try:
            parts = _parts(texts, leaf, delivery)
        except Exception as error:  # the time is over, or the log is away
            self.try_again(texts, leaf, told(error))
            return
        try:
            for path in list(parts):
                self._deliver(delivery, path, parts[path])
                del parts[path]
        except Exception as error:  # the time is over, somewhere in between
            for path, events in parts.items():
                self._later(delivery, path, events, told(error), self.tried)

    def try_again(self, texts, leaf, reason):
        """Have all events tried again, or make dead letters of them at the last."""
        delivery = self._delivery(texts, leaf)
        if delivery is None:
            return
        if not self._again(texts, leaf, delivery, self.tried):
            events = _events(texts)
            # not processed: this process is not one for what kills
            for path in [tuple(leaf)] if leaf else delivery.unrouted(events):
                self._give_up(delivery, path, events, reason)

    def _delivery(self, texts, leaf):
        """Return the delivery of the backend; where there is none, try later."""
        try:
            return backend_at(self.place).delivery
        except TrackerError as error:
            sought = self.sought + 1
            if sought < TRIES and self._put(
                    texts, leaf, pause(sought, PAUSE, LONGEST_PAUSE), sought=sought):
                _slow.warning('events are put back into the queue: %s', error)
            else:
                for text in texts:
                    log.error(LOST, error, text)
            return None

    def _deliver(self, delivery, path, events):
        def bury(letters):
            for letter in letters:
                letter.tries += self.tried
                letter.first = self.first
            delivery.bury(letters)

        last = self.tried + 1 >= delivery.tries
        # stopped, it makes one try of each, and leaves what fails
        once = Delivery(delivery.root, delivery.name, 2, 0, 0, bury)
        # what a broker brings it may bring twice, so that backends are to look
        left = once.deliver(path, events, again=True, stop=NO_PAUSE,
                            tries=1 if last else None)
        if left:
            # behind those that came through, what is left has not been tried so often
            tried = self.tried if left == len(events) else 0
            self._later(delivery, path, events[-left:], 'it failed', tried)

    def _later(self, delivery, path, events, reason, tried):
        """Have events tried again in a task for this leaf alone."""
        texts = [json_of_event(event).decode() for event in events]
        if not self._again(texts, list(path), delivery, tried):
            self._give_up(delivery, path, events, reason)

    def _give_up(self, delivery, path, events, reason):
        delivery.abandon(path, events, f'{reason}, at try {self.tried + 1}')

    def _again(self, texts, leaf, delivery, tried):
        """Put a task for the next try into the queue; return whether it is there."""
        tried += 1
        return tried < delivery.tries and self._put(
            texts, leaf, pause(tried, delivery.pause, delivery.longest_pause), tried)

    def _put(self, texts, leaf, countdown, tried=None, sought=0):
        tried = self.tried if tried is None else tried
        try:
            self.task.apply_async(
                kwargs={'place': self.place, 'events': texts, 'options': self.options,
                        'leaf': leaf, 'tried': tried, 'first': self.first,
                        'sought': sought},
                kwargsrepr=shown(texts), ignore_result=True, countdown=countdown,
                **self.options)
            return True
        except Exception as error:
            log.error('events cannot be put into the queue again: %s', told(error))
            return False


def _parts(texts, leaf, delivery):
    """Return the events of texts for each leaf, by path, a tuple."""
    events = _events(texts)
    return {tuple(leaf): events} if leaf else delivery.routed(events)


def _events(texts):
    events = []
    for text in texts:
        try:
            events.append(event_in(original(json.loads(text))))
        except Exception as error:  # of another version; the others go on
            log.error(LOST, f'it cannot be read: {told(error)}', text)
    return events


def shown(texts):
    """Return what monitors of Celery show of a task; events may be personal."""
    return f'{{events: {len(texts)}}}'
