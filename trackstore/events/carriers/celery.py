"""Celery as a carrier: events are delivered by workers.

The caller puts events into a local queue.  A thread hands them to the broker in
batches, so that the caller does not wait for it, nor notices when it is down.
"""

import logging
import threading
from types import SimpleNamespace

from zope.interface import implementer

from trackstore.events import checks
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.carriers import ending, places
from trackstore.events.carriers.interfaces import ICarrier
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.carriers.records import json_of_event
from trackstore.events.configuration import imported
from trackstore.events.delivery import Delivery
from trackstore.events.exceptions import ConfigurationError, DeliveryError
from trackstore.events.forks import renewed_after_fork

#: The name that the broker has in paths.
BROKER = 'broker'

#: So many bytes of events are in a task at the most; one that has more by itself has
#: a task of its own.  Brokers refuse messages that are too large, with all in them.
MOST_BYTES = 100_000

log = logging.getLogger(__name__)


@implementer(ICarrier)
class CeleryCarrier:
    """Sends events to Celery's task ``trackstore.events.send_event``.

    ``app``
        the Celery application, or its path; without it, the current one
    ``queue``
        the queue of Celery that the task goes into, if not its usual one
    ``at_once``
        so many events are in a task at the most
    ``soft_time_limit``, ``time_limit``
        so many seconds a task may take until it is told to end, and is ended; after
        both, its events are tried again
    ``tries``, ``pause``, ``longest_pause``
        so often handing events to the broker is tried, as an ``AsyncRoutingBackend``
        has it for the backends; what fails for good becomes dead letters of the
        backends
    ``options``
        of the local queue in front: all others, see ``LocalCarrier``.  With a
        ``folder`` it spills to disk when it is full; without, the caller waits
        ``wait`` seconds, 1 if nothing is said, and the event is dropped

    ``flush`` and ``close`` wait until the broker has the events, not for workers.
    """

    def __init__(self, app=None, queue=None, at_once=100, soft_time_limit=60,
                 time_limit=90, tries=10, pause=0.1, longest_pause=30, **options):
        try:
            import trackstore.celery as tasks
        except ImportError as error:
            raise checks.missing('Celery', 'celery', error) from None
        for name, value in (('at_once', at_once), ('tries', tries)):
            checks.whole(value, name)
        for name, value in (('soft_time_limit', soft_time_limit),
                            ('time_limit', time_limit)):
            if value is not None:
                checks.seconds(value, name)
        if queue is not None and not (isinstance(queue, str) and queue):
            raise ConfigurationError(
                f'queue: {queue!r} is no queue; allowed are names, and None')
        if isinstance(app, str):
            app = imported(app, 'app')
        if not callable(getattr(app or tasks.current_app, 'send_task', None)):
            raise ConfigurationError(
                f"app: {app!r} is no Celery application; allowed is one, or its path "
                f"like 'shop.celery.app'")
        self._tries = tries, pause, longest_pause
        full = 'spill' if options.get('folder') is not None else 'wait'
        self._queue = LocalCarrier(**{'when_full': full, 'wait': 1, **options})
        self._broker = Broker(self, app or tasks.current_app, at_once, {
            'queue': queue, 'soft_time_limit': soft_time_limit,
            'time_limit': time_limit})
        self._backend = None
        self._ready = False

    def bind(self, backend):
        if self._backend is not None:
            raise ConfigurationError(
                f'carrier: {self!r} carries for {self._backend.delivery.name!r} '
                f'already; each backend needs one of its own')
        self._broker.check()
        self._backend = backend
        self._queue.bind(SimpleNamespace(
            backend_name=backend.backend_name,
            delivery=Delivery(RoutingBackend({BROKER: self._broker}),
                              backend.delivery.name, *self._tries,
                              _Burial(backend.delivery))))

    @property
    def place(self):
        """Where the backend is, for workers to find theirs."""
        return places.place_of(self._backend)

    @property
    def folder(self):
        """The folder that events are written to, a ``SpillFolder``, or None."""
        return self._queue.folder

    @property
    def counts(self):
        """What has become of events in this process, numbers by name.

        They are those of the queue: ``delivered`` are those the broker has.
        """
        return self._queue.counts

    def carry(self, event):
        if not self._ready:
            self._ready = True
            try:
                self._broker.check()  # the application may be configured by now
            except ConfigurationError as error:
                log.error('%s', error)
        self._queue.carry(event)

    def flush(self, timeout=None):
        return self._queue.flush(timeout)

    def close(self, timeout=None):
        done = self._queue.close(timeout)
        # not longer: a broker that does not answer does not say goodbye either
        ending.within(ending.NOTICE, self._broker.close)
        return done


class _Burial:
    """Makes dead letters of the backends of what the broker does not take."""

    def __init__(self, delivery):
        self._delivery = delivery

    def __call__(self, letters):
        by_reason = {}
        for letter in letters:
            told = f'not handed to the broker after {letter.tries} tries: ' if (
                letter.tries) else ''
            by_reason.setdefault(told + letter.reason, []).append(letter.event)
        for reason, events in by_reason.items():
            parts = self._delivery.routed(events, keep=True)
            for path, own in (parts or {(): events}).items():
                self._delivery.abandon(path, own, reason)

    def take_back(self):
        """Save letters that could not be saved before, if they can be now."""
        take_back = getattr(self._delivery.bury, 'take_back', None)
        if take_back is not None:
            take_back()


class Broker:
    """The broker, as the backend of the local queue: it gets tasks with events."""

    #: Events become JSON, and stay as they are.
    leaves_events_alone = True

    def __init__(self, carrier, app, at_once, options):
        self._carrier = carrier
        self._app = app
        self.most_at_once = at_once
        self._options = {key: value for key, value in options.items()
                         if value is not None}
        self.after_fork()
        renewed_after_fork(self)

    def after_fork(self):
        """Have no connection: that of the parent belongs to the parent."""
        self._connection = self._producer = None
        self._lock = threading.Lock()

    def check(self):
        """Import what sending needs; when the process ends that is not possible.

        What is missing is a ``ConfigurationError``.
        """
        import concurrent.futures.thread  # noqa: F401

        from kombu import Connection
        url = self._app.conf.broker_write_url
        try:
            Connection(url).create_transport()  # connects to nothing yet
        except Exception as error:
            # the rest of the address, and what is said of it, may have a password
            kind = str(url).partition(':')[0]
            told = f'{type(error).__name__}: {error}' if isinstance(
                error, (ImportError, KeyError)) else type(error).__name__
            raise ConfigurationError(
                f"app: its broker '{kind}:...' cannot be used: {told}; the library of "
                f"a broker comes with an extra, such as pip install 'celery[redis]'"
            ) from None

    def send(self, event):
        self.send_many([event])

    def send_many(self, events):
        from trackstore.celery import NAME, shown
        texts = [json_of_event(event).decode() for event in events]
        if len(texts) > 1 and sum(map(len, texts)) > MOST_BYTES:
            raise DeliveryError('too much for a task', again=False)  # comes in halves
        with self._lock:
            try:
                self._app.tasks[NAME].apply_async(
                    kwargs={'place': self._carrier.place, 'options': self._options,
                            'events': texts},
                    kwargsrepr=shown(texts), producer=self._connected(), retry=False,
                    ignore_result=True, **self._options)
            except BaseException:
                self._disconnect()
                raise

    def close(self):
        """Let go of the connection; leave it to who hangs at it, if somebody does."""
        if self._lock.acquire(timeout=ending.NOTICE):
            try:
                self._disconnect()
            finally:
                self._lock.release()

    def _connected(self):
        """Return a producer of our own: Celery's are not safe after a fork."""
        if self._producer is None and not self._app.conf.task_always_eager:
            self._connection = self._app.connection_for_write()
            self._connection.ensure_connection(max_retries=1, interval_start=0)
            self._producer = self._app.amqp.Producer(
                self._connection, auto_declare=False)
        return self._producer

    def _disconnect(self):
        connection, self._connection = self._connection, None
        self._producer = None
        if connection is not None:
            try:
                connection.release()
            except Exception as error:
                log.info('the connection to the broker could not be closed: %s', error)
