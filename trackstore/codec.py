"""Columns of values as bytes, and records of columns as blocks.

A column is encoded by the types that are in it: texts joined by zero bytes,
whole numbers as the smallest array that holds them, and so on; what has no
form of its own is pickled.  The first byte names the form.

Values that can be changed in place (lists, dictionaries, objects) are pickled
one by one and loaded anew each time they are asked for, so that what a caller
does to one is never seen by another.  Dictionaries in mappings are mappings of
their own, with a column for each key.
"""

import datetime
import decimal
import io
import pickle
import sys
import uuid
import zlib
from array import array
from collections.abc import Mapping
from contextlib import suppress
from itertools import accumulate, chain, islice
from operator import itemgetter, sub

from persistent import Persistent

from trackstore.exceptions import DamagedError, DataError
from trackstore.texts import Texts

#: What stands in a column for a value that a record does not have.
ABSENT = Ellipsis

#: Types whose values cannot be changed in place, so that they may be shared.
IMMUTABLE = frozenset((
    str, int, float, bool, bytes, type(None), type(ABSENT), complex,
    datetime.date, datetime.datetime, datetime.time, datetime.timedelta,
    decimal.Decimal, uuid.UUID))

_STR, _INT, _FLOAT, _BOOL, _NONE, _DICT = map(
    frozenset, ((str,), (int,), (float,), (bool,), (type(None),), (dict,)))
_LEVEL = 1

#: The bytes of a checksum.
CHECKSUM = 4
MISMATCH = 'its checksum is not that of its bytes'

_texts = Texts()


def compress(raw):
    """Return the bytes compressed where that makes them smaller.

    The last bytes are a checksum either way: zlib has one of its own.
    """
    packed = zlib.compress(raw, _LEVEL)
    return b'z' + packed if len(packed) < len(raw) else stored(raw)


def stored(raw):
    """Return the bytes as they are, with a checksum."""
    return b'-' + raw + zlib.crc32(raw).to_bytes(CHECKSUM, 'little')


def decompress(blob):
    """Return the bytes that were given to ``compress`` or ``stored``.

    Raises a ``DamagedError`` where the checksum is not that of the bytes.
    """
    if type(blob) is bytes:
        if blob[:1] == b'z':
            with suppress(zlib.error):
                return zlib.decompress(blob[1:])
        elif blob[:1] == b'-':
            raw = blob[1:-CHECKSUM]
            if zlib.crc32(raw) == int.from_bytes(blob[-CHECKSUM:], 'little'):
                return raw
    raise DamagedError(MISMATCH)


def mark_of(blob):
    """Return what tells the bytes of ``compress`` or ``stored`` from others."""
    return int.from_bytes(blob[-CHECKSUM:], 'little')


# arrays of whole numbers, always little-endian on disk

def array_to_bytes(values):
    """Return the bytes of an array."""
    if sys.byteorder == 'big':
        values = array(values.typecode, values)
        values.byteswap()
    return values.tobytes()


def array_from_bytes(typecode, raw):
    """Return the array of which these are the bytes."""
    values = array(typecode)
    values.frombytes(raw)
    if sys.byteorder == 'big':
        values.byteswap()
    return values


def smallest_array(values):
    """Return a sequence of ints as the smallest array of signed integers.

    Raises ``OverflowError`` where one does not fit into 64 bits.
    """
    low, high = min(values), max(values)
    for typecode, bits in (('b', 7), ('h', 15), ('i', 31)):
        if -(1 << bits) <= low and high < (1 << bits):
            return array(typecode, values)
    return array('q', values)


def compact(values):
    """Return a list of values as an array if they are numbers of one type."""
    types = set(map(type, values))
    with suppress(OverflowError):
        if types == _INT:
            return array('q', values)
        if types == _FLOAT:
            return array('d', values)
    return tuple(values)


# columns

def encode_column(values, name=None, rising=False, depth=0):
    """Return a list of values as bytes.

    ``name`` is for the error that a value is answered with that does not
    pickle.  ``rising`` whole numbers are stored as differences.  Dictionaries
    are stored by column down to that ``depth``.
    """
    types = frozenset(map(type, values))
    if types == _STR:
        text = '\0'.join(values)
        if text.count('\0') == len(values) - 1:
            return b's' + text.encode('utf-8', 'surrogatepass')
    elif types == _INT:
        try:
            return _encode_ints(values, rising)
        except OverflowError:
            pass
    elif types == _FLOAT:
        return b'd' + array_to_bytes(array('d', values))
    elif types == _BOOL:
        return b'?' + bytes(values)
    elif types == _NONE:
        return b'n' + pickle.dumps(len(values), 5)
    elif types == _DICT and depth:
        return b'm' + encode_mappings(values, name, depth - 1)
    if types <= IMMUTABLE:
        with suppress(Exception):  # a time zone that does not pickle, say
            return b'p' + pickle.dumps(list(values), 5)
    return b'o' + pickle.dumps([dumps(value, name) for value in values], 5)


def _encode_ints(values, rising):
    if rising and len(values) > 1:
        array('q', (min(values), max(values)))  # all fit, or OverflowError
        steps = smallest_array(
            list(map(sub, islice(values, 1, None), values)))
        first = array_to_bytes(array('q', values[:1]))
        return b'+' + first + steps.typecode.encode() + array_to_bytes(steps)
    packed = smallest_array(values)
    return packed.typecode.encode() + array_to_bytes(packed)


def decode_column(blob):
    """Return the sequence of values that was encoded.

    For a column of changeable values these are pickles, one a value: see
    ``is_lazy`` and ``decode_values``.  It is an array or a tuple, since these
    are nothing to the garbage collector, which would go through lists again and
    again.
    """
    form = blob[:1]
    if form == b's':
        return _texts.shared(
            blob[1:].decode('utf-8', 'surrogatepass').split('\0'), len(blob))
    if form in b'bhiqd':
        return array_from_bytes(form.decode(), blob[1:])
    if form == b'+':
        first = array_from_bytes('q', blob[1:9])
        steps = array_from_bytes(blob[9:10].decode(), blob[10:])
        return array('q', accumulate(steps, initial=first[0]))
    if form == b'?':
        return tuple(map(bool, blob[1:]))
    if form == b'n':
        return (None,) * pickle.loads(blob[1:])
    if form == b'm':
        return Mappings(blob[1:])
    return tuple(pickle.loads(blob[1:]))


def is_lazy(blob):
    """Tell whether the values of this column are pickles, to be loaded."""
    return blob[:1] == b'o'


def decode_values(blob):
    """Return the sequence of values that was encoded, of whatever type."""
    column = decode_column(blob)
    return tuple(map(pickle.loads, column)) if is_lazy(blob) else column


class _Pickler(pickle.Pickler):
    """Refuses persistent objects, of which it would store a copy."""

    def reducer_override(self, value):
        if isinstance(value, Persistent):
            raise pickle.PicklingError(
                'a persistent object would be stored as a copy; '
                'store what identifies it')
        return NotImplemented


def dumps(value, name=None):
    """Return the pickle of a value, or raise ``DataError`` naming its key."""
    buffer = io.BytesIO()
    try:
        _Pickler(buffer, 5).dump(value)
    except Exception as error:  # __reduce__ may raise anything
        where = 'data' if name is None else f'data[{name!r}]'
        raise DataError(
            f'{where}: a value of type {type(value).__qualname__} cannot be '
            f'stored: {error}; allowed is what pickles') from error
    return buffer.getvalue()


def dump_mapping(data):
    """Return a dictionary as bytes, or raise ``DataError`` naming the key."""
    types = frozenset(map(type, data.values()))
    if types <= IMMUTABLE and frozenset(map(type, data)) <= IMMUTABLE:
        with suppress(Exception):  # is told with its key below
            return pickle.dumps(data, 5)
    try:
        return dumps(data)
    except DataError:
        for key, value in data.items():
            dumps(key, key)
            dumps(value, key)
        raise


def load_mapping(pickled):
    """Return the dictionary of these bytes, an empty one for None."""
    return {} if pickled is None else pickle.loads(pickled)


def as_dict(data, name='data'):
    """Return a mapping as a plain dictionary, or raise ``DataError``."""
    if type(data) is dict:
        return data
    if isinstance(data, Mapping):
        return dict(data)
    raise DataError(
        f'{name}: {data!r} is no mapping; allowed are dictionaries and other '
        f'mappings of anything that pickles')


# mappings in blocks

#: More kinds of mappings in a block than this are stored mapping by mapping.
MOST_SHAPES = 16

#: Dictionaries in the values are stored by column down to this depth.  What is
#: deeper, or has no end, is pickled.
DEPTH = 4


def encode_mappings(mappings, name=None, depth=DEPTH):
    """Return a list of dictionaries as bytes: a column for each key.

    Dictionaries with the same keys in the same order are one shape.  ``name`` is
    the key that they stand under if they are values themselves.
    """
    shapes = list(map(tuple, mappings))
    distinct = set(shapes)
    if not {str}.issuperset(map(type, chain.from_iterable(distinct))):
        # Keys may be equal and yet of other types, such as 1 and True.
        shapes = [_Keys(mapping) for mapping in mappings]
        distinct = set(shapes)
    if len(distinct) == 1:
        shape = _encode_shape(shapes[0], mappings, name, depth)
        return pickle.dumps((None, [shape]), 5)
    if len(distinct) > MOST_SHAPES:
        rows = [dump_mapping(mapping) if name is None else dumps(mapping, name)
                for mapping in mappings]
        return pickle.dumps((None, rows), 5)
    order = {shape: number for number, shape in enumerate(dict.fromkeys(shapes))}
    codes = bytes(map(order.__getitem__, shapes))
    groups = [[] for _ in order]
    for code, mapping in zip(codes, mappings, strict=True):
        groups[code].append(mapping)
    return pickle.dumps(
        (codes, [_encode_shape(shape, group, name, depth)
                 for shape, group in zip(order, groups, strict=True)]), 5)


class _Keys(tuple):
    """Keys that are equal only if their types are, too."""

    def __eq__(self, other):
        return tuple.__eq__(self, other) and all(
            type(mine) is type(theirs)
            for mine, theirs in zip(self, other, strict=True))

    __hash__ = tuple.__hash__


def _encode_shape(keys, mappings, name, depth):
    keys = tuple(keys)
    if not frozenset(map(type, keys)) <= IMMUTABLE:
        for key in keys:
            dumps(key, key if name is None else name)
    return keys, len(mappings), [
        encode_column(list(map(itemgetter(key), mappings)),
                      key if name is None else name, depth=depth) for key in keys]


class Mappings:
    """The dictionaries of a block, decoded column by column."""

    __slots__ = ('_shapes', '_places', '_plain', '_rows')

    def __init__(self, blob):
        codes, shapes = pickle.loads(blob)
        self._rows = self._places = self._plain = None
        if shapes and isinstance(shapes[0], bytes):
            self._rows = shapes
            return
        self._shapes = [_Shape(*shape) for shape in shapes]
        if codes is None and not self._shapes[0].lazy:
            self._plain = tuple(zip(
                self._shapes[0].keys, self._shapes[0].columns, strict=True))
        if codes is not None:
            counts = [0] * len(shapes)
            self._places = places = []
            for code in codes:
                places.append((self._shapes[code], counts[code]))
                counts[code] += 1

    def __getitem__(self, position):
        """Return a new dictionary, the one at the position."""
        if self._plain is not None:  # by far the most frequent
            return {key: column[position] for key, column in self._plain}
        if self._places is not None:
            shape, position = self._places[position]
            return shape.mapping(position)
        if self._rows is not None:
            return pickle.loads(self._rows[position])
        return self._shapes[0].mapping(position)

    def values(self, key, positions):
        """Return the values of a key at the positions, ABSENT where none."""
        if self._places is None and self._rows is None:
            column = self._shapes[0].column(key)
            if column is None:
                return [ABSENT] * len(positions)
            return [column[position] for position in positions]
        return [self[position].get(key, ABSENT) for position in positions]


class _Shape:

    __slots__ = ('keys', 'columns', 'lazy')

    def __init__(self, keys, length, blobs):
        self.keys = keys
        self.columns = [decode_column(blob) for blob in blobs]
        self.lazy = [n for n, blob in enumerate(blobs) if is_lazy(blob)]

    def mapping(self, position):
        row = [column[position] for column in self.columns]
        for number in self.lazy:
            row[number] = pickle.loads(row[number])
        return dict(zip(self.keys, row, strict=True))

    def column(self, key):
        try:
            number = self.keys.index(key)
        except ValueError:
            return None
        column = self.columns[number]
        if number in self.lazy:
            return [pickle.loads(value) for value in column]
        return column
