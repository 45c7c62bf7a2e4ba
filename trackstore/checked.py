"""Objects that are bytes with a checksum."""

from persistent import Persistent

from trackstore import codec, damage


class Checked(Persistent):
    """Content as bytes that ``codec`` has packed; it never changes."""

    def __init__(self, blob):
        self.blob = blob

    def __getstate__(self):
        return self.blob,

    def __setstate__(self, state):
        self.blob, = damage.shaped(self, state, bytes)

    @property
    def mark(self):
        """What tells this from others."""
        return codec.mark_of(self.blob)

    def content(self):
        """Return the bytes; a ``DamagedError`` if they are hurt, or not its own."""
        damage.check(self)
        return damage.opened(self, self.blob)
