"""Which transformer is for which event."""

import re
from collections.abc import Mapping

from trackstore.events.configuration import imported
from trackstore.events.exceptions import ConfigurationError


class Transformers:
    """Transformers by the names of the events that they are for.

    A transformer is a callable that takes an event and returns a mapping: what it
    has to say in a statement.  A name in which an asterisk stands, like
    ``'order.*'``, is a pattern.  A name that is equal comes first, then the pattern
    that was registered first.

    ``transformers`` is a mapping of names to transformers or their paths.
    """

    def __init__(self, transformers=None):
        self._exact = {}
        self._patterns = {}
        for name, transformer in (transformers or {}).items():
            self._add(name, transformer)

    def register(self, name, transformer=None):
        """Register a transformer and return it; without one, return a decorator."""
        if transformer is None:
            return lambda function: self.register(name, function)
        self._add(name, transformer)
        return transformer

    def _add(self, name, transformer):
        if not isinstance(name, str) or not name:
            raise ConfigurationError(
                f'transformers: {name!r} is no name of events; wanted is one like '
                f"'order.placed' or 'order.*'")
        transformer = callable_at(transformer, f'transformers[{name!r}]')
        if '*' in name:
            pattern = '.*'.join(map(re.escape, name.split('*')))
            self._patterns[name] = re.compile(pattern, re.DOTALL), transformer
        else:
            self._exact[name] = transformer

    def find(self, name):
        """Return the transformer for events of that name, or None."""
        if not isinstance(name, str):
            return None
        if name in self._exact:
            return self._exact[name]
        for pattern, transformer in self._patterns.values():
            if pattern.fullmatch(name):
                return transformer
        return None


def transformers_of(value):
    """Return the ``Transformers`` of an option: these, a mapping, or their path."""
    given = value
    if isinstance(value, str):
        value = imported(value, 'transformers')
    if isinstance(value, Transformers):
        return value
    if isinstance(value, Mapping):
        return Transformers(value)
    raise ConfigurationError(
        f'transformers: {given!r} has no transformers; wanted is a mapping of names '
        f'of events to callables or their paths, a Transformers, or the path of one')


def callable_at(value, place):
    """Return a callable, or the one at a path; ``place`` is what errors call it."""
    made = imported(value, place) if isinstance(value, str) else value
    if not callable(made):
        raise ConfigurationError(
            f'{place}: {value!r} cannot be called; wanted is a callable that takes an '
            f'event, or the path of one')
    return made
