"""Salvage: what can still be read of a hurt object, and putting one in its place.

The records of a page have checksums of their own, so that they are found in its
bytes wherever these are hurt.  And most storages keep the revision before, until
they are packed.
"""

import pickle
import pickletools
import re
from contextlib import suppress
from typing import NamedTuple

from trackstore import codec, damage, tail
from trackstore.exceptions import DamagedError

#: What a pickle begins bytes of up to 255 with, and longer ones.
_BYTES = re.compile(rb'[CB]')

#: Whole numbers in a pickle: what they begin with, and the bytes that follow.
_WHOLE = (
    (b'K', 1), (b'M', 2), (b'J', 4), *((bytes((0x8a, n)), n) for n in range(5, 9)))

_INTS = frozenset(('BININT', 'BININT1', 'BININT2', 'LONG1'))
_FILLING = frozenset(('MEMOIZE', 'FRAME'))
_TUPLES = frozenset(('EMPTY_TUPLE', 'TUPLE', 'TUPLE1', 'TUPLE2', 'TUPLE3'))
_BEGIN = ['PROTO', 'MARK', 'EMPTY_DICT']


class Salvaged(NamedTuple):
    """What is left of a page.

    ``records`` are those that are whole, ``earlier`` all of the revision before (None
    if there is none), both by key.  ``hurt`` are the keys of records that are hurt;
    ``complete`` tells whether these are all.
    """

    records: dict
    earlier: dict
    hurt: set
    complete: bool


def page(thing):
    """Return what can be salvaged of a page whose keys are whole numbers."""
    found = _stored(thing)
    if found is None:
        return Salvaged({}, None, set(), False)
    data, _ = found
    entries, changed, complete = _followed(_raw(thing, data))
    records = dict(_whole_records(data))
    if complete:  # what is removed stands there twice
        records.update((key, None) for key, record in entries
                       if record is None and key in changed)
    hurt = {key for key, _ in entries} - records.keys()
    return Salvaged(records, _earlier(thing), hurt, complete)


def whole_records(thing):
    """Return a dictionary of the records in the bytes of an object that are whole."""
    found = _stored(thing)
    return {} if found is None else dict(_whole_records(found[0]))


def state_of(thing, data=None):
    """Return the state of an object that does not accept it."""
    if data is None:
        data = thing._p_jar._storage.load(thing._p_oid)[0]
    return thing._p_jar._reader.getState(data)


def replace(owner, thing, new):
    """Put a new object in the place of a hurt one; tell whether that is possible.

    It is the same object to the database, so that who had read the old one cannot
    write it any more.  ``owner`` has a reference to it.
    """
    found = _stored(thing)
    if found is None:
        return False
    jar, oid = thing._p_jar, thing._p_oid
    owner._p_activate()
    del jar._cache[oid]
    new._p_oid, new._p_jar = oid, jar
    jar._cache[oid] = new
    new._p_serial = found[1]
    new._p_changed = True
    owner._p_invalidate()  # so that it refers to the new one
    return True


def searched(thing, cls, name):
    """Return the object of that class and name if there is one; None if several are.

    For one that a hurt reference does not lead to any more.
    """
    if _stored(thing) is not None:
        return None
    jar = thing._p_jar
    step = getattr(jar.db().storage, 'record_iternext', None)
    found, following = [], None
    while step is not None:
        oid, _, data, following = step(following)
        if name.encode() in data:
            with suppress(DamagedError, *damage.ERRORS):
                other = jar.get(oid)
                other._p_activate()
                if type(other) is cls and other.name == name:
                    found.append(other)
        if following is None:
            break
    return found[0] if len(found) == 1 else None


def _stored(thing):
    """Return the stored bytes of an object and their serial, None if there are none."""
    try:
        return thing._p_jar._storage.load(thing._p_oid)
    except damage.ERRORS:
        return None


def _raw(thing, data):
    """Return the pickle that is in the bytes of an object, as well as it can be had."""
    try:
        blob, = damage.shaped(thing, state_of(thing, data), bytes)
    except (DamagedError, *damage.ERRORS):
        return b''
    return blob[1:-codec.CHECKSUM]


def states_before(thing):
    """Yield the earlier states of an object, the last ones first, of those there are.

    Only what can be read; a storage keeps them until it is packed, if at all.
    """
    storage = thing._p_jar.db().storage
    found = _stored(thing)
    try:
        while found is not None:
            found = storage.loadBefore(thing._p_oid, found[1])
            if found is not None:
                yield state_of(thing, found[0])
    except damage.ERRORS:
        return


def _earlier(thing):
    """Return the records of the revision before, None if there is none.

    What that one has and this one had not has been sealed, so it is in a segment,
    and the same there.  Of earlier ones this is not so.
    """
    try:
        for state in states_before(thing):
            blob, = damage.shaped(thing, state, bytes)
            return pickle.loads(damage.opened(thing, blob))[0]
    except (DamagedError, *damage.ERRORS):
        pass
    return None


def _whole_records(data):
    """Yield each key and record in these bytes that agree with a checksum."""
    for match in _BYTES.finditer(data):
        place = match.start()
        size = 1 if data[place] == ord('C') else 4
        start = place + 1 + size
        end = start + int.from_bytes(data[place + 1:start], 'little')
        if start + codec.CHECKSUM < end <= len(data):
            for opcode, length in _WHOLE:
                begin = place - length
                if begin > 0 and data.startswith(opcode, begin - len(opcode)):
                    key = int.from_bytes(data[begin:place], 'little')
                    if tail.is_whole(key, data[start:end]):
                        yield key, data[start:end]


def _followed(raw):
    """Follow the pickle of a page, as far as it is as ``tail`` writes it.

    Return the pairs of key and record in it, the keys of the changed ones, and whether
    all of these were reached.
    """
    entries, changed = [], []
    steps = ((opcode.name, value) for opcode, value, _ in pickletools.genops(raw)
             if opcode.name not in _FILLING)
    try:
        if [next(steps)[0] for _ in _BEGIN] != _BEGIN:
            return entries, changed, False
        name, value = _after(steps, 'MARK')
        while name in _INTS:
            key, (name, value) = value, next(steps)
            if type(value) is not bytes and name != 'NONE':
                return entries, changed, False
            entries.append((key, value))
            name, value = next(steps)
        if name in ('SETITEM', 'SETITEMS'):
            name, value = _after(steps, 'MARK')
        while name in _INTS:
            changed.append(value)
            name, value = next(steps)
        return entries, changed, name in _TUPLES
    except Exception:  # whatever hurt bytes may bring about
        return entries, changed, False


def _after(steps, name):
    """Return the next step, the one behind it if it is of that name."""
    step = next(steps)
    return next(steps) if step[0] == name else step
