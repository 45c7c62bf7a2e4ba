"""Events of many things become an event for each."""

from zope.interface import implementer

from trackstore.events.event import copy_of
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IProcessor
from trackstore.events.paths import value_at
from trackstore.events.processors.options import plain_path, texts


@implementer(IProcessor)
class Split:
    """Makes an event of each element of a list.

    In each the element is where the list was, and all else is as it was.  An event
    that has no list there goes on as it is; of an empty list there is no event.
    The ids of the parts are that of the event with a number: ``'...-1'``, ``'...-2'``.

    ``field``
        the path of the list
    ``name``
        the name of the new events; without one they keep theirs
    ``events``
        the names of the events to split; without them all that have the list
    """

    #: It never raises ``EventRefused``.
    refuses = False

    def __init__(self, field, name=None, events=None):
        if name is not None and not isinstance(name, str):
            raise ConfigurationError(
                f'name: {name!r} is no text; wanted is a name like {"order.item"!r}')
        self._path = plain_path(field, 'field')
        self.name = name
        self.events = None if events is None else frozenset(
            texts(events, 'events', "['order.placed']"))

    def __call__(self, event):
        if self.events is not None:
            name = event.get('name')
            if not isinstance(name, str) or name not in self.events:
                return event
        container = value_at(event, self._path[:-1])
        last = self._path[-1]
        elements = container.get(last) if isinstance(container, dict) else None
        if not isinstance(elements, (list, tuple)):
            return event
        try:
            return [self._part(event, container, element) for element in elements]
        finally:
            container[last] = elements

    def _part(self, event, container, element):
        container[self._path[-1]] = element  # the copy is made with this one alone
        part = copy_of(event)
        if self.name is not None:
            part['name'] = self.name
        return part
