"""Damaged bytes: how they are noticed, and how it is said what is hurt.

Each object of the store has its content as bytes with a checksum, and knows a
*mark* of each object that it refers to and that does not change: the last bytes
of its content, which are the checksum.  So a reference that leads to another
object is noticed, too.
"""

import pickle
import struct
import zlib
from typing import NamedTuple
from weakref import WeakKeyDictionary

from persistent import Persistent
from ZODB.FileStorage.format import CorruptedError
from ZODB.POSException import (
    ConflictError,
    ConnectionStateError,
    POSKeyError,
    StateLoadError,
    StorageError,
)

from trackstore import codec
from trackstore.exceptions import DamagedError

#: What the ZODB raises where the bytes of an object are not what was written.
ERRORS = (StateLoadError, POSKeyError, CorruptedError, pickle.UnpicklingError,
          EOFError, zlib.error, struct.error, AssertionError, UnicodeDecodeError)

#: What has nothing to do with bytes, but may be raised where they are read.
UNRELATED = (ConflictError, StorageError, ConnectionStateError, OSError)

WRONG = 'it is not what was written there'

_known = WeakKeyDictionary()


class _Expected(NamedTuple):
    """What is known of an object: its mark (or None), its name, its numbers.

    The name is a format and what goes into it: it is made when it is needed.
    """

    mark: int
    numbers: tuple
    form: str
    words: tuple


def expect(thing, cls, form, *words, mark=None, numbers=None):
    """Note what an object is to be: its class, mark and name.

    ``numbers`` are the first and the last number of the tracks in it.
    """
    if not isinstance(thing, cls):  # the ZODB has no class of that name, say
        raise error(form.format(*words), WRONG, numbers)
    _known[thing] = _Expected(mark, numbers, form, words)


def error_of(thing, why):
    """Return a ``DamagedError`` for an object; ``why`` is a text or an error."""
    known = _known.get(thing)
    if known is None:
        return error(f'an object of class {type(thing).__name__}', why)
    return error(known.form.format(*known.words), why, known.numbers)


def check(thing):
    """Load an object if it is not; a ``DamagedError`` if it is not as expected."""
    if thing._p_changed is None:
        try:
            thing._p_activate()
        except (DamagedError, *ERRORS) as e:
            raise error_of(thing, e) from e
    known = _known.get(thing)
    if known is not None and known.mark is not None and known.mark != thing.mark:
        raise error_of(thing, WRONG)


def loaded(thing):
    """Return an object; it is checked if it has to be loaded."""
    if thing._p_changed is None:
        check(thing)
    return thing


def opened(thing, blob):
    """Return the bytes that are in those of an object."""
    try:
        return codec.decompress(blob)
    except DamagedError as e:
        raise error_of(thing, e) from e


def error(where, why, numbers=None):
    """Return a ``DamagedError``; ``why`` is a text or an error."""
    if isinstance(why, Exception):
        why = reason(why)
    found = DamagedError(
        f'{where}: is damaged: {why}; "trackstore verify" tells what else is, and '
        f'what can be repaired')
    found.where, found.why = where, why
    found.first, found.last = numbers or (None, None)
    return found


def reason(error):
    """Return what an error says, with the first cause of it, as a text."""
    while isinstance(error.__cause__ or error.__context__, Exception):
        error = error.__cause__ or error.__context__
    if isinstance(error, DamagedError):
        return error.why or str(error)
    text = ' '.join(str(error).split())[:200]
    if isinstance(error, POSKeyError):
        return f'an object is missing ({text})'
    kind = type(error).__name__
    return f'{text} ({kind})' if text else kind


def shaped(thing, state, *types):
    """Return the state of an object if it is a tuple of these types."""
    if (type(state) is not tuple or len(state) != len(types)
            or not all(map(isinstance, state, types))):
        raise error_of(thing, WRONG)
    return state


def distinct(thing, parts):
    """Raise a ``DamagedError`` if parts of an object are none, or the same one."""
    if (len(set(map(id, parts))) < len(parts)
            or not all(isinstance(part, Persistent) for part in parts)):
        raise error_of(thing, WRONG)


def check_name(thing, name):
    """Raise a ``DamagedError`` if an object calls itself other than expected."""
    known = _known.get(thing)
    if known is not None and known.form.format(*known.words) != name:
        raise error_of(thing, WRONG)
