"""The handles on tracks: one for a track at a time, over one connection."""

import weakref
from itertools import chain, islice

from trackstore import tail
from trackstore.track import bind
from trackstore.view import locate

#: A table of more handles than this is purged when it has doubled.
PURGE_AT = 1024

#: So many of the oldest handles, and of the newest, tell whether most are dead.
SAMPLE = 16

_tables = weakref.WeakKeyDictionary()


class _Table(dict):
    """Weak references to tracks by number; dead ones are purged now and then."""

    limit = PURGE_AT
    made = 0  # handles since the last purge

    def purge(self):
        alive = {n: ref for n, ref in self.items() if ref() is not None}
        self.clear()
        self.update(alive)
        self.limit = max(PURGE_AT, 2 * len(self))
        self.made = 0

    def purge_dropped(self):
        """Purge if many handles have died, as far as a sample tells.

        Dead references make each garbage collection slower.
        """
        if len(self) > PURGE_AT and self.made * 4 > len(self):
            sample = chain(islice(self.values(), SAMPLE),
                           islice(reversed(self.values()), SAMPLE))
            if sum(ref() is None for ref in sample) >= SAMPLE:
                self.purge()


def _table_of(storage):
    table = storage.__dict__.get('_v_handles')
    if table is None:
        table = storage._v_handles = _tables.setdefault(storage, _Table())
    return table


def place_of(storage, number):
    """Return where a track is, and its position there: what its handle keeps.

    Where it is, it is as long as neither of two stamps has changed.  None if it
    is nowhere.
    """
    page = storage._page(number)
    found = locate(storage._directory, page, storage._layout, number)
    if found is None:
        return None
    source, position, segment = found
    directory = storage._directory.holder(segment)
    return (page, page._v_stamp, directory, directory._v_stamp, source), position


def handle(storage, number, missing_ok=False):
    """Return the handle on a track; a KeyError if there is no such track."""
    table = _table_of(storage)
    ref = table.get(number)
    track = None if ref is None else ref()
    if track is None:
        place = place_of(storage, number)
        if place is None and not missing_ok:
            raise KeyError(storage.idFromNum(number))
        track = bind(storage.trackFactory, storage, number, *(place or (None, 0)))
        table[number] = weakref.ref(track)
        if len(table) > table.limit:
            table.purge()
    return track


def handles(storage, chunk, view):
    """Yield the handles of a chunk that was found in a view."""
    if chunk.segment is None or view is not storage._view():
        for number in chunk.numbers:
            yield handle(storage, number, missing_ok=True)
        return
    table = _table_of(storage)
    table.purge_dropped()
    get, ref, factory = table.get, weakref.ref, storage.trackFactory
    directory = storage._directory.holder(chunk.segment)
    stamp = directory._v_stamp
    count, size = len(storage._pages), tail.PAGE_SIZE
    # As they are now: a page that changes while we go through has another stamp.
    pages = [(page, page._v_stamp, directory, stamp) for page in storage._pages]
    for numbers, block, local in chunk.places():
        places = [None] * count
        for number, position in zip(numbers, local, strict=True):
            found = get(number)
            track = None if found is None else found()
            if track is None:
                n = number // size % count
                place = places[n]
                if place is None:
                    place = places[n] = *pages[n], block
                track = bind(factory, storage, number, place, position)
                table[number] = ref(track)
            yield track
        table.made += len(numbers)
        if len(table) > table.limit:
            table.purge()
