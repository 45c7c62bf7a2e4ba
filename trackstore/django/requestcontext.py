"""The context of a request: read when an event is emitted, and not before."""

import asyncio
import contextvars
import logging
import re
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TimedOut

from asgiref.sync import AsyncToSync, SyncToAsync, sync_to_async
from django.core.exceptions import SynchronousOnlyOperation

from trackstore.django.requestparts import CHEAP, FIXED
from trackstore.events.slowlog import SlowLog

#: What a request id that somebody sends may be.
REQUEST_ID = re.compile(r'[A-Za-z0-9._:+/=-]{1,128}')

#: So many seconds asynchronous code waits for what only synchronous code can read.
WAIT = 5

log = SlowLog(logging.getLogger(__name__))
_reading = contextvars.ContextVar('trackstore reads a request', default=False)


class RequestContext(Mapping):
    """The context that the events of a request have, by the keys of the options.

    What the request does not have is None.  User, session and language are read
    anew for each event, since they may change while the request is answered.
    """

    __slots__ = ('request', 'options', 'request_id', '_fixed', '_late')

    def __init__(self, request, options):
        self.request = request
        self.options = options
        given = request.META.get(options.meta, '') if options.meta else ''
        self.request_id = given if REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        self._fixed = {}
        self._late = False

    def __iter__(self):
        return iter(self.options.parts)

    def __len__(self):
        return len(self.options.parts)

    def __getitem__(self, key):
        if key in self._fixed:
            return self._fixed[key]
        part = self.options.parts[key]
        if part not in CHEAP:
            return self._read(key, part)
        value = part(self)
        if part in FIXED:
            self._fixed[key] = value
        return value

    def __repr__(self):
        return f'<RequestContext {self.request_id}>'

    def _read(self, key, part):
        """Return a part; what fails is logged, and None."""
        if _reading.get():  # loading a user may emit events, too
            return None
        session = getattr(self.request, 'session', None)
        accessed = getattr(session, 'accessed', None)
        token = _reading.set(True)
        try:
            try:
                return part(self)
            except SynchronousOnlyOperation:
                return self._read_elsewhere(part)
        except Exception:
            log.error('%s of a request could not be read', key, exc_info=True)
            return None
        finally:
            _reading.reset(token)
            if accessed is False:  # the answer does not depend on the session
                session.accessed = False

    def _read_elsewhere(self, part):
        """Read a part in the thread that Django runs synchronous code in.

        This is called in a coroutine, and has to wait: the loop does nothing else in
        the meantime.
        """
        if self._late:
            return None
        outcome = Future()
        context = contextvars.copy_context()
        waiting = _waiting_thread()

        def work():
            try:
                outcome.set_result(
                    part(self) if waiting else asyncio.run(sync_to_async(part)(self)))
            except BaseException as error:
                outcome.set_exception(error)

        if waiting:
            waiting.submit(context.run, work)
        else:  # ``sync_to_async`` finds the thread by the context variables
            threading.Thread(target=context.run, args=(work,), daemon=True).start()
        try:
            return outcome.result(WAIT)
        except TimedOut:
            self._late = True
            raise


def _waiting_thread():
    """Return the executor of the thread that waits for this coroutine, or None.

    There is one under a synchronous server and in tests, and the connection to the
    database is that thread's.  ``sync_to_async`` looks here, too, in this order, but
    would do so for a loop of its own.
    """
    found = getattr(AsyncToSync.executors, 'current', None)
    if found is None and SyncToAsync.thread_sensitive_context.get(None) is None:
        found = AsyncToSync.loop_thread_executors.get(asyncio.get_running_loop())
    return found
