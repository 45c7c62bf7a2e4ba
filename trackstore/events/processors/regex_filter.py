"""Events that are let through, or not, by regular expressions of their names."""

import re

from zope.interface import implementer

from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IProcessor
from trackstore.events.processors.exceptions import EventEmissionExit
from trackstore.events.processors.options import texts

ALLOWLIST = 'allowlist'
BLOCKLIST = 'blocklist'


@implementer(IProcessor)
class RegexFilter:
    """Lets events through whose names match, or those whose names do not.

    ``filter_type`` is ``'allowlist'`` or ``'blocklist'``, ``regular_expressions`` a
    list of texts.  An expression matches from the beginning of the name; one that is
    to match all of it ends in ``$``.  An event whose name is no text matches none.
    """

    #: It never raises ``EventRefused``.
    refuses = False

    def __init__(self, filter_type=ALLOWLIST, regular_expressions=()):
        if filter_type not in (ALLOWLIST, BLOCKLIST):
            raise ConfigurationError(
                f'filter_type: {filter_type!r} is not known; allowed are '
                f'{ALLOWLIST!r} and {BLOCKLIST!r}')
        self.filter_type = filter_type
        self.regular_expressions = [
            _compiled(text) for text in texts(
                regular_expressions, 'regular_expressions', "['order', 'user.*gone$']")]

    def __call__(self, event):
        name = event.get('name')
        if self._matches(name) != (self.filter_type == ALLOWLIST):
            raise EventEmissionExit(f'{name!r} is dropped by the {self.filter_type}')
        return event

    def _matches(self, name):
        if isinstance(name, str):
            for expression in self.regular_expressions:
                if expression.match(name):
                    return True
        return False


def _compiled(text):
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigurationError(
            f'regular_expressions: {text!r} is no regular expression: '
            f'{error}') from error
