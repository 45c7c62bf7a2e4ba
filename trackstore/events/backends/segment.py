"""Events to Segment, by its own library."""

import atexit
import json
import logging
import threading
import time
import weakref
from urllib.parse import urlunsplit

from zope.interface import implementer

from trackstore.events import checks, paths
from trackstore.events.environment import expanded, hidden
from trackstore.events.exceptions import ConfigurationError, DeliveryError
from trackstore.events.forks import renewed_after_fork
from trackstore.events.interfaces import IBatchBackend
from trackstore.events.retries import is_final, is_for_all
from trackstore.events.transformers.statement import moment_of
from trackstore.events.wire import id_of, wire_form
from trackstore.jsonsafe import json_safe

#: What Segment takes in one request: so many events, so many bytes of them.
MOST_EVENTS = 100
MOST_BYTES = 450_000

#: So many seconds a queue has at the end of the process.
AT_EXIT = 5

#: So much of an answer is shown in an error.
SHOWN = 300

log = logging.getLogger(__name__)


@implementer(IBatchBackend)
class SegmentBackend:
    """Sends each event to Segment as a "track" call.

    ``write_key``
        the key of the source, ``${NAME}`` for a variable of the environment; None
        where the application has set up ``segment.analytics`` itself
    ``host``
        another host than Segment's, as a URL
    ``queue``
        True: the library keeps events in its own queue and sends them from a
        thread; what it gives up is logged.  False: ``send`` and ``send_many`` wait
        for Segment's answer, and raise an error where there is none
    ``user``, ``anonymous``
        paths of the fields with the ids of the user, or of a visitor that is not
        known, or lists of paths of which the first with a value counts, or None
    ``gzip``, ``timeout``, ``tries``, ``max_queue_size``, ``upload_size``
        as in the library, like ``upload_interval``: whether requests are packed,
        seconds for an answer, how often the queue tries, how many events the queue
        holds, and a request has at most, and how many seconds one waits for more

    The id of the event is the ``messageId``, by which Segment knows repeats.  The
    whole event goes as the properties.  An event without a name, or without a user or
    visitor, is not sent, and the log says so.
    """

    #: Queues need make no copies: an event is only read.
    leaves_events_alone = True

    def __init__(self, write_key=None, host=None, queue=True, user='context.user_id',
                 anonymous='context.anonymous_id', gzip=False, timeout=15, tries=10,
                 max_queue_size=10_000, upload_size=100, upload_interval=0.5):
        try:
            from segment import analytics
            from segment.analytics import request
        except ImportError as error:
            raise checks.missing(
                'segment-analytics-python', 'segment', error) from error
        self._analytics, self._request = analytics, request
        self._user = _reader(user, 'user')
        self._anonymous = _reader(anonymous, 'anonymous')
        self._queue = checks.flag(queue, 'queue')
        self._secrets = []
        if host is not None and not str(host).startswith(('http://', 'https://')):
            raise ConfigurationError(
                f'host: {host!r} is no URL; allowed are URLs like '
                f"'https://events.eu1.segmentapis.com', and None")
        self._transport = {
            'host': host, 'gzip': checks.flag(gzip, 'gzip'),
            'timeout': checks.seconds(timeout, 'timeout')}
        self._settings = {
            'send': queue, 'on_error': self._given_up,
            'max_retries': checks.whole(tries, 'tries'),
            'max_queue_size': checks.whole(max_queue_size, 'max_queue_size'),
            'upload_size': checks.whole(upload_size, 'upload_size'),
            'upload_interval': checks.seconds(upload_interval, 'upload_interval')}
        self._key = self._write_key(write_key)
        self._lock = threading.Lock()
        self._client = None
        renewed_after_fork(self)

    def __repr__(self):
        return f'<SegmentBackend {self._transport["host"] or "segment.io"}>'

    def send(self, event):
        self.send_many([event])

    def send_many(self, events):
        """Hand all events to the queue, or without one send them in a batch.

        What is in the queue before an error, or was taken with an earlier request of
        the batch, is sent once all the same when it is sent again.
        """
        messages = [self._message(event, *who) for event in events
                    if (who := self._who(event))]
        if not self._queue:
            for batch in _batches(messages):
                self._post(batch)

    def flush(self):
        """Wait until the queue is empty."""
        if self._key is None:
            self._analytics.flush()
        elif self._client is not None and self._queue:
            self._client.flush()

    def close(self):
        """Send what is in the queue and end its thread; ``send`` begins a new one."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None and self._queue:
            client.shutdown()

    def after_fork(self):
        """Begin with an empty queue: what was in it is sent by the parent process."""
        self._lock = threading.Lock()
        self._client = None
        atexit.unregister(_finish)
        # So are the connections, which the library keeps in one place for all.
        if hasattr(self._request, '_session'):
            self._request._session = type(self._request._session)()

    def _library(self):
        """Return what has the library's calls: a client of ours, or the module."""
        if self._key is None:
            return self._analytics
        with self._lock:
            if self._client is None:
                self._client = self._analytics.Client(
                    self._key, **self._settings, **self._transport)
                if self._queue:
                    # The library stops its thread at the end, whatever is queued.
                    # What is registered later is called first.
                    atexit.register(_finish, weakref.ref(self._client))
            return self._client

    def _write_key(self, key):
        if key is None:
            if not self._queue or self._transport['host'] is not None:
                raise ConfigurationError(
                    'write_key: None is for an application that sets up '
                    'segment.analytics itself; with host, or without queue, text '
                    'is wanted')
            return None
        if not isinstance(key, str) or not key:
            raise checks.wrong_type(key, 'write_key', 'key', checks.SECRET)
        key = expanded(key, 'write_key', self._secrets)
        self._secrets.append(key)
        return key

    # messages

    def _who(self, event):
        """Return the ids of the user and the visitor; None if it cannot be sent."""
        if not isinstance(event.get('name'), str) or not event['name']:
            log.warning('event %s has no name and is not sent to Segment', id_of(event))
            return None
        who = [_id(self._user(event)), _id(self._anonymous(event))]
        if not any(who):
            log.warning('event %r (%s) has no user and is not sent to Segment',
                        event['name'], id_of(event))
            return None
        return who

    def _message(self, event, user, anonymous):
        """Queue an event; without a queue, return the library's message for it."""
        told = f'event {event["name"]!r:.200} ({id_of(event)})'
        try:
            done = self._library().track(
                user, event['name'], wire_form(event), context=_context(event),
                timestamp=moment_of(event),
                anonymous_id=anonymous, message_id=id_of(event))
        except RuntimeError:  # with the whole message in its text
            raise DeliveryError(
                f'{told} is too large for Segment, which takes 32 KB',
                again=False) from None
        taken, message = done or (True, None)
        if not taken:
            raise DeliveryError(f'{told}: the queue for Segment is full')
        return message

    def _post(self, batch):
        error = None
        try:
            self._request.post(self._key, batch=batch, **self._transport)
        except self._request.APIError as failure:
            status = failure.status if isinstance(failure.status, int) else 0
            error = DeliveryError(
                self._told(f'Segment did not take it: {failure}'),
                again=not is_final(status), for_all=is_for_all(status))
        except OSError as failure:  # as all errors of requests are
            error = DeliveryError(self._told(
                f'Segment cannot be reached: {type(failure).__name__}: {failure}'))
        if error is not None:
            raise error

    def _told(self, text):
        return hidden(text, self._secrets)[:SHOWN]

    def _given_up(self, error, messages):
        names = sorted({str(message.get('event')) for message in messages})
        log.error(
            '%d events (%s) could not be sent to Segment: %s; their ids are %s',
            len(messages), ', '.join(names), self._told(str(error)),
            ', '.join(str(message.get('messageId')) for message in messages))


def _finish(reference):
    """Give a queue some seconds before the process ends."""
    client = reference()
    end = time.monotonic() + AT_EXIT
    while client is not None and client.queue.unfinished_tasks:
        if time.monotonic() > end:
            log.error('%d events for Segment were not sent before the process ended',
                      client.queue.unfinished_tasks)
            break
        time.sleep(0.02)


def _reader(option, name):
    """Return a function from an event to the field that the option says."""
    if option is None:
        return lambda event: None
    if not (found := paths.alternatives(option, name)):
        raise ConfigurationError(
            f"{name}: {option!r} has no path; allowed are text like 'context.user_id', "
            f'lists of such, and None for none')
    return lambda event: paths.first(event, found)


def _id(value):
    """Return an id as text, None for none; the library is strict about it."""
    return None if value is None or value == '' else _text(value)


def _text(value):
    """Return the text of a value, whatever it is: an error would stop all others."""
    return str(json_safe(value, text_limit=None))


def _context(event):
    """Return what Segment knows by names of its own."""
    context = event.get('context')
    if not isinstance(context, dict):
        return {}
    found = {}
    if (client := context.get('client_id')) is not None:
        found['Google Analytics'] = {'clientId': _text(client)}
    if (address := context.get('ip')) is not None:
        found['ip'] = _text(address)
    if (agent := context.get('agent')) is not None:
        found['userAgent'] = _text(agent)
    if page := _page(context):
        found['page'] = page
    return found


def _page(context):
    path, host = context.get('path'), context.get('host')
    page = context.get('page')
    if not page and path and host:
        page = urlunsplit(('https', _text(host), _text(path), '', ''))
    known = {'path': path, 'referrer': context.get('referer', context.get('referrer')),
             'url': page}
    return {key: _text(value) for key, value in known.items() if value is not None}


def _batches(messages):
    """Yield the messages in lists that are not too large for one request."""
    batch, size = [], 0
    for message in messages:
        length = len(json.dumps(message))
        if batch and (len(batch) == MOST_EVENTS or size + length > MOST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(message)
        size += length
    if batch:
        yield batch
