"""Reading the tracks of an export: all of them, or those that are not damaged."""

from itertools import groupby

from trackstore import damage
from trackstore.exceptions import DamagedError

AT_ONCE = 1_000     # tracks after which the cache is looked after


class Reading:
    """Tracks that are read one after the other, within the cache's limit."""

    left_out = None

    def __init__(self, storage, found, progress):
        self.storage, self.found, self.progress = storage, found, progress

    def __iter__(self):
        total = len(self.found)
        for number, track in enumerate(self.found, 1):
            yield track
            self._advance(number, total)

    def _advance(self, number, total):
        if not number % AT_ONCE or number == total:
            if self.storage._p_jar is not None:
                self.storage._p_jar.cacheGC()
            if self.progress is not None:
                self.progress(number, total)

    @property
    def count(self):
        return len(self.found)


class WholeReading(Reading):
    """The tracks of a storage that can be read.

    ``left_out`` is a dictionary from the name of what is damaged to how many tracks
    it has, None where that is not known.
    """

    def __init__(self, storage, progress, left_out):
        super().__init__(storage, None, progress)
        self.left_out = left_out

    count = 0

    def note(self, error, count=None):
        """Note that something is damaged, and with it so many tracks."""
        where = f'{error.where}: {error.why}'
        self.left_out[where] = max(
            count or 0, self.left_out.get(where) or 0) or None

    def __iter__(self):
        storage = self.storage
        numbers = [number for number, _ in groupby(sorted(self._numbers()))]
        hurt = {}
        self.count = 0
        for place, number in enumerate(numbers, 1):
            try:
                track = storage.get(storage.idFromNum(number))
                if track is None:  # it is removed
                    continue
                track.metadata, track.data  # noqa: B018
            except DamagedError as e:
                hurt[e.where] = hurt.get(e.where, 0) + 1
                self.note(e, hurt[e.where])
                continue
            self.count += 1
            yield track
            self._advance(place, len(numbers))

    def _numbers(self):
        """Yield the numbers of all tracks that are in what can be read."""
        storage = self.storage
        for page in storage._pages:
            try:
                yield from damage.loaded(page).records
            except DamagedError as e:
                self.note(e)
        try:
            entries = storage._directory.in_order()
        except DamagedError as e:
            self.note(e)
            return
        for _, entry in entries:
            try:
                yield from entry.segment.numbers_at(range(entry.count))
            except DamagedError as e:
                self.note(e, entry.live)
