"""Events that are let through by their names."""

from zope.interface import implementer

from trackstore.events.interfaces import IProcessor
from trackstore.events.processors.exceptions import EventEmissionExit
from trackstore.events.processors.options import texts


@implementer(IProcessor)
class NameWhitelistProcessor:
    """Lets events through that have one of the names of a list, and no others."""

    #: It never raises ``EventRefused``.
    refuses = False

    def __init__(self, whitelist):
        self.whitelist = frozenset(texts(whitelist, 'whitelist', "['order.placed']"))

    def __call__(self, event):
        name = event.get('name')
        if not isinstance(name, str) or name not in self.whitelist:
            raise EventEmissionExit(f'{name!r} is not in the whitelist')
        return event
