"""Events as lines of JSON to Python's logging."""

import logging

from zope.interface import implementer

from trackstore.events import checks
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IBackend
from trackstore.events.wire import id_of, wire_text

LEVELS = ('debug', 'info', 'warning', 'error', 'critical')

#: So many characters the line of an event may have, if nothing else is said.
MAX_EVENT_SIZE = 1024

log = logging.getLogger(__name__)


@implementer(IBackend)
class LoggerBackend:
    """Logs each event as one line of JSON, in ASCII.

    ``name``
        the name of the logger; None is the root logger
    ``max_event_size``
        how many characters a line may have, None for no limit.  A longer one is
        not logged; a warning of this module's logger names the event and its size
    ``level``
        'debug', 'info', 'warning', 'error' or 'critical'
    """

    #: Queues need make no copies: an event is only read.
    leaves_events_alone = True

    def __init__(self, name=None, max_event_size=MAX_EVENT_SIZE, level='info'):
        if name is not None and not isinstance(name, str):
            raise ConfigurationError(
                f'name: {name!r} is no name of a logger; allowed are text and None')
        self.max_event_size = checks.whole(max_event_size, 'max_event_size', none=True)
        level = level.lower() if isinstance(level, str) else level
        self.level = getattr(logging, checks.one_of(level, 'level', LEVELS).upper())
        self.event_logger = logging.getLogger(name)

    def send(self, event):
        if not self.event_logger.isEnabledFor(self.level):
            return
        line = wire_text(event, ascii=True)
        if self.max_event_size is not None and len(line) > self.max_event_size:
            log.warning(
                'event %r (%s) is not logged: it has %d characters, more than '
                'max_event_size, %d', event.get('name'), id_of(event), len(line),
                self.max_event_size)
            return
        self.event_logger.log(self.level, line)
