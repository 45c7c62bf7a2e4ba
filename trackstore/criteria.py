"""What a query may ask of an index, beside plain values.

>>> Between('a', 'f'), Not('admin*'), Prefix('/blog/'), Equal('5*')
(Between('a', 'f'), Not('admin*'), Prefix('/blog/'), Equal('5*'))
"""

from trackstore import keys
from trackstore.exceptions import CriteriaError

#: What a query takes beside the indexes.
OPTIONS = ('timeFrom', 'timeTo', 'timeFromTo', 'limit', 'reverse', 'after')


class Criterion:
    """What a criterion does: tell of a value whether it matches.

    ``exact``
        a tuple of the values that match, where these are known; else None
    ``span``
        ``(low, high)`` where it matches what lies between them; else None
    """

    __slots__ = ('arguments',)
    exact = span = None
    negated = False

    def __repr__(self):
        arguments = ', '.join(map(repr, self.arguments))
        return f'{type(self).__name__}({arguments})'

    def __eq__(self, other):
        return type(self) is type(other) and self.arguments == other.arguments

    def __hash__(self):
        return hash((type(self), self.arguments))

    def parts(self):
        """Return the simple criteria of which any is to match."""
        return (self,)


class Equal(Criterion):
    """Matches that value alone, also a ``str`` that ends in ``*``."""

    __slots__ = ('exact',)

    def __init__(self, value):
        _check_value(value, 'Equal')
        self.arguments = self.exact = (value,)

    def matches(self, value):
        return value == self.exact[0]


class Between(Criterion):
    """Matches values from ``low`` to ``high``, both inclusive.

    Either may be left out.  Values of another kind never match: numbers
    compare with numbers, ``str`` with ``str``, and so on.
    """

    __slots__ = ('span', 'kind')

    def __init__(self, low=None, high=None):
        kinds = {keys.kind_of(_check_value(value, 'Between'))
                 for value in (low, high) if value is not None}
        if len(kinds) != 1:
            raise CriteriaError(
                f'Between({low!r}, {high!r}): allowed are one or two values '
                f'that compare with each other')
        self.arguments = self.span = (low, high)
        self.kind = kinds.pop()

    def matches(self, value):
        low, high = self.span
        return (keys.kind_of(value) == self.kind
                and (low is None or low <= value)
                and (high is None or value <= high))


class Prefix(Criterion):
    """Matches each ``str`` (or ``bytes``) that begins so."""

    __slots__ = ('kind',)

    def __init__(self, prefix):
        if not isinstance(prefix, (str, bytes)):
            raise CriteriaError(
                f'Prefix({prefix!r}): allowed are str and bytes')
        self.arguments = (prefix,)
        self.kind = keys.kind_of(prefix)

    @property
    def prefix(self):
        return self.arguments[0]

    def matches(self, value):
        return keys.kind_of(value) == self.kind and value.startswith(self.prefix)


class Any(Criterion):
    """Matches what any of its criteria match: a list of values in a query."""

    __slots__ = ('_parts',)

    def __init__(self, parts):
        self.arguments = self._parts = tuple(parts)

    def parts(self):
        return self._parts

    def matches(self, value):
        return any(part.matches(value) for part in self._parts)


class Not(Criterion):
    """Matches what its criterion does not, tracks without a value included."""

    __slots__ = ('inner',)
    negated = True

    def __init__(self, criterion):
        self.arguments = (criterion,)
        self.inner = criterion_of(criterion, 'Not')
        if self.inner.negated:
            raise CriteriaError(
                f'Not({criterion!r}): a Not within a Not is not allowed')

    def parts(self):
        return self.inner.parts()

    def matches(self, value):
        return not self.inner.matches(value)


def criterion_of(value, name):
    """Return the criterion that a value in a query stands for."""
    if isinstance(value, Criterion):
        return value
    if isinstance(value, (list, tuple, set, frozenset)):
        parts = []
        for item in value:
            part = criterion_of(item, name)
            if part.negated:
                raise CriteriaError(
                    f'{name}: {item!r} cannot stand in a list; '
                    f'use Not([...]) around the list')
            parts.extend(part.parts())
        return Any(parts)
    if isinstance(value, str) and value.endswith('*'):
        return Prefix(value[:-1])
    _check_value(value, name)
    return Equal(value)


def _check_value(value, name):
    if keys.kind_of(value) is None:
        raise CriteriaError(
            f'{name}: {value!r} is no criterion; allowed are {keys.ALLOWED}, '
            f'a list, tuple or set of these, and Between, Not, Prefix and Equal '
            f'of trackstore.criteria')
    return value
