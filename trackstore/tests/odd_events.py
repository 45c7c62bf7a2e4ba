"""Events of all kinds, for tests of what must cope with each of them."""

import collections
import datetime
import enum
from dataclasses import dataclass, field

from hypothesis import strategies as st
from persistent import Persistent
from persistent.mapping import PersistentMapping

from trackstore.events.event import Event

KEYS = ('email', 'user', 'items', 'a.b', '', '*', '1')

Pair = collections.namedtuple('Pair', 'email user')


class Colour(enum.Enum):
    RED = 'red'


@dataclass
class Card:
    email: object
    hidden: object = field(default=None, repr=False)


class Model(Persistent):
    def __init__(self, email):
        self.email = email

    def __repr__(self):
        return f'<Model {self.email!r}>'


class Broken:
    def __repr__(self):
        raise RuntimeError('no repr')

    def __getattr__(self, name):
        raise RuntimeError('no attributes')


def pickled_with(call):
    """Return a moment whose time zone calls a function while it is pickled."""
    class Zone(datetime.tzinfo):
        def utcoffset(self, moment):
            return datetime.timedelta()

        def __reduce__(self):
            call()
            return datetime.timezone, (datetime.timedelta(),)

    return datetime.datetime(2026, 11, 21, 12, tzinfo=Zone())


class Words(dict):
    """A dictionary of a class of its own."""


keys = st.one_of(st.sampled_from(KEYS), st.text(max_size=3))
plain = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5))
json_like = st.recursive(
    plain, lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=8)
odd_leaves = st.one_of(
    plain, st.binary(max_size=3), st.datetimes(), st.decimals(), st.uuids(),
    st.just(Colour.RED), st.builds(Broken), st.just(Broken),
    st.sets(st.text(max_size=2), max_size=2))
odd_keys = st.one_of(keys, st.integers(0, 2), st.binary(max_size=2), st.none(),
                     st.tuples(st.integers(0, 1)))
odd = st.recursive(
    odd_leaves, lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.tuples(inner, inner),
        st.dictionaries(odd_keys, inner, max_size=3),
        st.builds(Card, inner, inner), st.builds(Model, inner),
        st.builds(Pair, inner, inner), st.lists(inner).map(collections.deque),
        st.dictionaries(keys, inner, max_size=2).map(Words),
        st.dictionaries(keys, inner, max_size=2).map(PersistentMapping)),
    max_leaves=8)
names = st.one_of(st.text(max_size=8), st.sampled_from(['order.placed', 'user.gone']),
                  plain)
stamps = st.one_of(st.datetimes(timezones=st.just(datetime.timezone.utc)), plain,
                   st.datetimes())


def events_of(values):
    """Return a strategy of events with such values; any of their keys may lack."""
    return st.fixed_dictionaries({}, optional={
        'name': names, 'timestamp': st.one_of(stamps, values), 'data': values,
        'context': st.one_of(values, st.dictionaries(
            st.sampled_from(['session', 'user', 'user_id']), values, max_size=2)),
        'type': values,
    }).map(Event)


#: An event whose values JSON has, and one whose values may be anything.
json_events = events_of(json_like)
odd_events = st.one_of(json_events, events_of(odd))

#: Values that are in no event by chance.
marks = st.uuids(version=4).map(lambda value: f'mark-{value.hex}')
