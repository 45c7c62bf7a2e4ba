"""Texts of which equal ones are one object.

So those of the tracks that are looked at take less memory, and stay in fast caches.
"""

#: So many texts at the most are kept, and so many bytes of them.
MOST = 2 ** 16
MOST_BYTES = 2 ** 25

#: Texts of more bytes on average are seldom equal, and are not kept.
LONG = 256


class Texts(dict):
    """The texts that are kept.

    ``size`` is how many bytes they have at the most: those of all columns that
    brought a new one.
    """

    size = 0

    def shared(self, texts, size):
        """Return a list of texts of so many bytes as a tuple, equal ones as one."""
        if size > LONG * len(texts):
            return tuple(texts)
        if len(self) > MOST or self.size > MOST_BYTES:
            self.clear()
            self.size = 0
        before = len(self)
        found = tuple(map(self.setdefault, texts, texts))
        if len(self) > before:
            self.size += size
        return found
