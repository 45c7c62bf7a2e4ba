"""From objects to one flat dictionary: the walk over objects and their children."""

from collections import deque
from typing import NamedTuple

from trackstore.jsonsafe import json_safe
from trackstore.models.entries import OBJECT_LIMIT, Entry
from trackstore.models.exceptions import (
    ClashError,
    ReadingError,
    TellingError,
    TooManyError,
    UnknownClassError,
)
from trackstore.models.reading import listed, queryset_of


class Place(NamedTuple):
    """Where an object is told."""

    scope: str = ''   # the roles that lead to it
    prefix: str = ''  # what its names begin with, before its class
    number: str = ''  # its place in a list
    listed: bool = False  # then the names of its children begin with its own


class Told(NamedTuple):
    """An object that has its names."""

    entry: Entry
    obj: object
    identity: tuple
    names: str
    place: Place
    in_full: bool


def told_values(tracking_map, given):
    """Return the values of objects, of pairs (role or '', object)."""
    telling = Telling(tracking_map)
    places = [Place(f'{role}_', f'{role}_') if role else Place() for role, _ in given]
    # Who is given is told in full; as somebody's child it is not told again.
    told = [telling.take(obj, place, (), place.scope[:-1])
            for (_, obj), place in zip(given, places, strict=True)]
    for one in told:
        if one is not None:
            telling.fill(one, ())
    telling.finish()
    return json_safe(telling.data, tracking_map.text_limit)


class Telling:
    """One walk.  In each scope an object is told in full once."""

    def __init__(self, tracking_map, outer=None):
        self.map = tracking_map
        self.data = {}
        self.taken = {}  # beginnings of names, and the identity of whose they are
        # where an object is told in full, by scope and identity
        self.full = {} if outer is None else outer.full
        # all objects, so that the id of one is not given to another
        self.objects = [] if outer is None else outer.objects
        # Lists come after all that is one, whose names are shorter: who is both is
        # told in full there.
        self.lists = deque()

    def finish(self):
        """Write the lists."""
        while self.lists:
            self._list(*self.lists.popleft())

    def take(self, obj, place, inside, where):
        """Take the names for an object, and return it as told; None if it cannot be.

        ``inside`` are the identities of the objects it is a child of: a cycle ends
        there, but a list is complete.
        """
        entry = self.map.entry_of(obj)
        if entry is None:
            self.map.problem(lacking(self.map, obj, where))
            return None
        identity = identity_of(entry, obj)
        names = f'{place.prefix}{entry.name}_{place.number}'
        cycle = identity in inside
        if (cycle and not place.listed) or self.taken.get(names) == identity:
            return None
        if names in self.taken:
            self.map.problem(_clash(entry, names, self.taken[names], identity))
            return None
        if self._is_full(obj, names):
            return None
        self.taken[names] = identity
        in_full = not cycle and names == self.full.setdefault(
            (place.scope, identity), names)
        return Told(entry, obj, identity, names, place, in_full)

    def _is_full(self, obj, names):
        self.objects.append(obj)
        if len(self.objects) == OBJECT_LIMIT + 1:  # said once
            self.map.problem(TooManyError(
                f'{names[:-1]}: an event has at most {OBJECT_LIMIT} objects; give '
                f"children a smaller 'limit', or the map a smaller depth"))
        return len(self.objects) > OBJECT_LIMIT

    def fill(self, told, inside):
        """Write the values of an object, then those of its children."""
        entry = told.entry
        if not told.in_full:
            # it is somewhere else; here is only what tells which one it is
            if entry.key is not None:
                self._write(told, [entry.key_source])
            return
        self._write(told, entry.attributes)
        if len(inside) < self.map.depth:
            for child in entry.children:
                self._child(told, child, (*inside, told.identity))

    def _write(self, told, attributes):
        for attribute in attributes:
            try:
                value = attribute.read(told.obj, told.entry.name)
            except TellingError as problem:
                self.map.problem(problem)
                continue
            self._put(told.names + attribute.name, value)

    def _put(self, name, value):
        if name in self.data:
            self.map.problem(ClashError(
                f'{name}: two values would have this name; rename an attribute or a '
                f'role'))
        else:
            self.data[name] = value

    def _child(self, told, child, inside):
        where = f'{told.entry.name}.{child.name}'
        try:
            value = queryset_of(child.read(told.obj, told.entry.name), where)
        except TellingError as problem:
            self.map.problem(problem)
            return
        outer = told.names if told.place.listed else told.place.prefix
        place = Place(told.place.scope + child.prefix, outer + child.prefix)
        if value is None:
            return
        if self.map.entry_of(value) is not None:
            self._one(value, place, inside, where)
        else:
            more = f'{told.names}{child.name}_more'
            self.lists.append((child, value, place, inside, where, more))

    def _list(self, child, value, place, inside, where, more):
        try:
            parts, cut = self._parts(value, child.limit, where)
        except TellingError as problem:
            self.map.problem(problem)
            return
        write = self._collected if child.collected else self._indexed
        write(parts, place._replace(listed=True), inside, where)
        if cut:
            self._put(more, True)

    def _parts(self, value, limit, where):
        try:
            parts = listed(value, limit)
        except Exception as e:
            raise ReadingError(f'{where}: reading it failed: {type(e).__name__}: '
                               f'{e!s:.200}') from e
        if parts is None:
            raise lacking(self.map, value, where)
        return parts

    def _one(self, obj, place, inside, where):
        told = None if obj is None else self.take(obj, place, inside, where)
        if told is not None:
            self.fill(told, inside)

    def _indexed(self, parts, place, inside, where):
        for number, part in enumerate(parts):
            self._one(part, place._replace(number=f'{number}_'), inside, where)

    def _collected(self, parts, place, inside, where):
        each, names = [], {}
        for part in parts:
            one = Telling(self.map, outer=self)
            one._one(part, place, inside, where)
            one.finish()
            if one.data:
                each.append(one.data)
                names.update(dict.fromkeys(one.taken))
        for name in names:
            if name in self.taken:
                self.map.problem(ClashError(
                    f'{name[:-1]}: {where} would have the names that another object '
                    f"has; give the child a role: {{'path': ..., 'role': ...}}"))
                return
        self.taken.update(dict.fromkeys(names, (where, 'collected')))
        for name in dict.fromkeys(name for data in each for name in data):
            self._put(name, [data.get(name) for data in each])


def lacking(tracking_map, obj, where):
    """Return the error for an object of a class that the map lacks."""
    try:
        obj.__class__  # noqa: B018
    except Exception as e:  # a lazy object that cannot be made
        return ReadingError(
            f'{where or type(obj).__name__}: reading it failed: {type(e).__name__}: '
            f'{e!s:.200}')
    return UnknownClassError(
        f'{where}{": " if where else ""}the map lacks the class '
        f'{obj.__class__.__name__}; it has {tracking_map.names()}')


def identity_of(entry, obj):
    """Return what two handles on the same object have in common."""
    if entry.key is not None:
        try:
            value = entry.key_source.read(obj, entry.name)
            if value is not None:
                hash(value)
                if value == value:  # not one like NaN
                    return entry.name, value
        except Exception:  # no key after all: it is this object, and no other
            pass
    return entry.name, None, id(obj)


def _clash(entry, names, one, other):
    keys = ''
    if len(one) == len(other) == 2:
        keys = f' ({entry.key} {one[1]!r:.80} and {other[1]!r:.80})'
    return ClashError(
        f'{names[:-1]}: two objects would have the same names{keys}; tell them apart '
        f"by a role: tracking_values(buyer=..., seller=...), or for a child "
        f"{{'path': ..., 'role': ...}}")
