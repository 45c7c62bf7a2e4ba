"""Letters: events that could not be delivered, and why."""

from trackstore.events.event import event_of

_FIELDS = ('backend', 'reason', 'tries', 'first', 'last')


class Letter:
    """An event that could not be delivered, and why.

    ``backend`` is the path of the backend, ``first`` and ``last`` are the time
    stamps of the first and the last try.
    """

    __slots__ = ('event', 'backend', 'reason', 'tries', 'first', 'last')

    def __init__(self, event, backend, reason, tries, first, last):
        self.event = event
        self.backend = backend
        self.reason = reason
        self.tries = tries
        self.first = first
        self.last = last

    def told(self):
        """Return all but the event, as a dictionary."""
        return {name: getattr(self, name) for name in _FIELDS}


def told(error):
    """Return what an error says, for the reason of a letter, whatever error it is."""
    try:
        text = ' '.join(str(error).split())
    except Exception:
        text = ''
    return f'{type(error).__name__}: {text}' if text else type(error).__name__


def letter_from(told, event, id):
    """Return the letter of what ``told()`` has returned, an event and its id."""
    return Letter(event_of(event, id), *(told[name] for name in _FIELDS))
