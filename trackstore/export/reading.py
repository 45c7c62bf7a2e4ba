"""Reading the tracks of an export: all of them, or those that are not damaged."""

from itertools import groupby

from trackstore import damage, tail
from trackstore.exceptions import DamagedError
from trackstore.track import bind
from trackstore.view import locate

AT_ONCE = 1_000     # tracks after which the cache is looked after

#: What is said of a page of the tail.
STALE = '; tracks are as they were before the changes in it'


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
    it has, None where that is not known.  Where a page of the tail is damaged, the
    tracks of segments are as they were before what was changed in it.
    """

    count = 0
    noted = ()

    def __init__(self, storage, progress, left_out):
        super().__init__(storage, None, progress)
        self.left_out = left_out

    def note(self, error, count=None, more=''):
        """Note that something is damaged, and with it so many more tracks."""
        what = f'{error.where}: {error.why}{more}'
        before = self.left_out.get(what, 0)
        self.left_out[what] = (
            None if None in (count, before) else before + count)

    def __iter__(self):
        for what in self.noted:  # it may be read more than once
            self.left_out.pop(what, None)
        before = set(self.left_out)
        yield from self._tracks()
        self.noted = self.left_out.keys() - before

    def _tracks(self):
        pages = [self._readable(page) for page in self.storage._pages]
        numbers = [number for number, _ in groupby(sorted(self._numbers(pages)))]
        self.count = 0
        for place, number in enumerate(numbers, 1):
            try:
                track = self._track(pages, number)
                if track is None:  # it is removed
                    continue
                track.metadata, track.data  # noqa: B018
            except DamagedError as e:
                self.note(e, 1)
                continue
            except damage.UNRELATED:
                raise
            except Exception as e:  # of objects, such as that their class is not here
                name = self.storage.idFromNum(number)
                self.note(damage.error(f'track {name}', damage.reason(e)), 1)
                continue
            self.count += 1
            yield track
            self._advance(place, len(numbers))

    def _readable(self, page):
        """Return a page of the tail, or an empty one in its place."""
        try:
            return damage.loaded(page)
        except DamagedError as e:
            self.note(e, None, STALE)
            return tail.Page('')

    def _numbers(self, pages):
        """Yield the numbers of all tracks that are in what can be read."""
        for page in pages:
            yield from page.records
        try:
            entries = self.storage._directory.in_order()
        except DamagedError as e:
            self.note(e)
            return
        for _, entry in entries:
            try:
                yield from entry.segment.numbers_at(range(entry.count))
            except DamagedError as e:
                self.note(e, entry.live)

    def _track(self, pages, number):
        """Return the track of a number, None if it is removed."""
        storage, segments = self.storage, self.storage._directory
        page = pages[tail.page_number(number, len(pages))]
        found = locate(segments, page, storage._layout, number)
        if found is None:
            return None
        source, position, segment = found
        directory = segments.holder(segment)
        return bind(storage.trackFactory, storage, number,
                    (page, page._v_stamp, directory, directory._v_stamp, source),
                    position)
