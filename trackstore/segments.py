"""All segments of a storage, whichever directory they are in.

One directory is that of upkeep, and of a process that is alone.  Where several
processes save, each adds its new segments to one of some others: so it need not
merge nor load again what the others add, unless it asks for tracks.
"""

from trackstore import damage
from trackstore.directory import Directory
from trackstore.view import prefetch

#: So many directories are there for processes that save.
WRITERS = 8

#: What errors call the directories.
NAME, WRITER_NAME = 'directory', 'directory of writer {}'


def make():
    """Return new directories for writers."""
    return tuple(Directory() for _ in range(WRITERS))


def expect(storage, main, others):
    """Note what the directories of a storage are to be."""
    damage.expect(main, Directory, NAME)
    for number, directory in enumerate(others):
        damage.expect(directory, Directory, WRITER_NAME, number)
    damage.distinct(storage, (main, *others))


class Segments:
    """What the directories of a storage have together.

    The methods are those of a ``Directory``, and what they change is in the one
    that it concerns.
    """

    def __init__(self, main, others):
        self.directories = main, *others
        self._merged = None, None, None
        self._holders = None, None

    def _loaded(self):
        for directory in self.directories:
            if directory._p_changed is None:
                prefetch(self.directories)
                return list(map(damage.loaded, self.directories))
        return self.directories

    def stamps(self):
        """Return what changes with each change."""
        return [directory._v_stamp for directory in self._loaded()]

    @property
    def last(self):
        """The highest number that ever was in a segment."""
        return max(directory.last for directory in self._loaded())

    def _now(self):
        """Return the dictionary of the entries and the list of them in order."""
        filled = [directory for directory in self._loaded() if directory.entries]
        if len(filled) == 1:  # by far the most frequent
            return filled[0].entries, filled[0].in_order()
        stamps = self.stamps()
        if self._merged[0] != stamps:
            entries = {}
            for directory in filled:
                entries.update(directory.entries)
            self._merged = stamps, entries, sorted(entries.items())
        return self._merged[1:]

    @property
    def entries(self):
        """A dictionary from key to entry, not to be changed."""
        return self._now()[0]

    def in_order(self):
        """Return the pairs of key and entry, by first number."""
        return self._now()[1]

    def holder(self, segment):
        """Return the directory that has a segment, any one for None."""
        filled = [directory for directory in self._loaded() if directory.entries]
        if segment is None or len(filled) < 2:
            return filled[0] if filled else self.directories[0]
        stamps = self.stamps()
        if self._holders[0] != stamps:
            self._holders = stamps, {
                entry.part: directory for directory in filled
                for entry in directory.entries.values()}
        return self._holders[1].get(segment, self.directories[0])

    def add(self, entry):
        """Add a segment that upkeep has made."""
        damage.loaded(self.directories[0]).add(entry)

    def replace(self, keys, entries, last=0):
        """Put segments in the place of others: a new generation."""
        main, *others = self._loaded()
        for directory in others:
            found = [key for key in keys if key in directory.entries]
            if found:
                directory.take_out(found)
        main.replace([key for key in keys if key in main.entries], entries, last)

    def bury(self, key, positions):
        """Note the positions of a segment that are dead: all of them."""
        for directory in self._loaded():
            if key in directory.entries:
                directory.bury(key, positions)
                return
        raise KeyError(key)
