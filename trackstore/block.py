"""Blocks: some thousand tracks, encoded by column and compressed."""

import pickle

from persistent import Persistent

from trackstore import codec, damage

#: The number of tracks in a full block.
SIZE = 1024


class Block(Persistent):
    """The columns and the data of some tracks; it never changes.

    The columns are apart from the data, so that merging and counting need not
    read the data.
    """

    def __init__(self, columns, mappings, extras=None):
        """Encode the block.

        ``columns`` maps names to lists of values, ``mappings`` is a list of
        dictionaries, and ``extras`` one of further attributes as bytes, None
        for a track that has none.
        """
        self.columns = codec.compress(pickle.dumps((
            tuple(columns),
            [codec.encode_column(values, name, rising=name == 'timeStamp')
             for name, values in columns.items()]), 5))
        if extras is not None and not any(extras):
            extras = None
        self.data = codec.compress(pickle.dumps(
            (codec.encode_mappings(mappings), extras), 5))

    @classmethod
    def inline(cls, columns, data):
        """Return a block of these bytes that is no object of a database."""
        block = cls.__new__(cls)
        block.columns, block.data = columns, data
        return block

    def __getstate__(self):
        return self.columns, self.data

    def __setstate__(self, state):
        self.columns, self.data = damage.shaped(self, state, bytes, bytes)

    @property
    def mark(self):
        """What tells the block from others."""
        return codec.mark_of(self.columns) << 32 | codec.mark_of(self.data)

    def _checked(self, name):
        damage.check(self)
        return pickle.loads(damage.opened(self, getattr(self, name)))

    def column(self, name):
        """Return a sequence of the values, or None if there are none."""
        cached = self.__dict__.get('_v_columns')
        if cached is None:
            names, blobs = self._checked('columns')
            cached = self._v_columns = dict(zip(names, blobs, strict=True))
        values = cached.get(name)
        if type(values) is bytes:
            values = cached[name] = codec.decode_values(values)
        return values

    def _decoded(self):
        cached = self.__dict__.get('_v_data')
        if cached is None:
            mappings, extras = self._checked('data')
            cached = self._v_data = codec.Mappings(mappings), extras
        return cached

    @property
    def mappings(self):
        """The data, a ``codec.Mappings``."""
        return self._decoded()[0]

    def value(self, name, position):
        """Return a value of a track, ABSENT if it has none."""
        values = self.column(name)
        return codec.ABSENT if values is None else values[position]

    def data_at(self, position):
        """Return the data of a track, a new dictionary."""
        cached = self.__dict__.get('_v_data') or self._decoded()
        return cached[0][position]

    def extras(self, position):
        """Return the further attributes of a track as bytes, or None."""
        extras = self._decoded()[1]
        return extras and extras[position]
