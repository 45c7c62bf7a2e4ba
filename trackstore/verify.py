"""Verification: every index and segment against the tracks."""

from array import array
from contextlib import contextmanager

from trackstore import codec, damage, directory, tail
from trackstore.agreement import Agreement, differences
from trackstore.checkruns import RunNumbers, check_runs
from trackstore.exceptions import DamagedError
from trackstore.overlap import Member, twice
from trackstore.record import TailPart
from trackstore.segment import BLOCK_NAME, NAME
from trackstore.view import positions_of


def info(storage):
    """Return a dictionary that describes the storage."""
    view = storage._view()
    lows = [entry.low for _, entry in view.entries]
    highs = [entry.high for _, entry in view.entries]
    for part in view.parts:
        times = part.column('timeStamp', range(len(part)))
        lows += times
        highs += times
    masked = sum(len(view.hidden(key, entry)) for key, entry in view.entries)
    runs = storage._runs
    return {
        'tracks': len(view),
        'first': min(lows, default=None),
        'last': max(highs, default=None),
        'segments': len(view.entries),
        'tail': sum(len(part) for part in view.parts),
        'changes': masked,
        'runs': len(runs.numbers(False)) + len(runs.numbers(True)),
        'format': storage.format,
        'indexes': tuple(storage.indexAttributes),
    }


def verify(storage, progress=None):
    """Return a sentence for each thing that is wrong."""
    return Check(storage, progress).everything().problems


class Check:
    """Compares the parts of a storage with each other, and goes on after each.

    What it keeps grows with the blocks and with the gaps between numbers, beside
    some bytes for each track of one segment at a time.

    ``problems`` are sentences.  ``directory`` tells whether that can be read.
    ``outdated`` are the entries of which something is hurt or wrong that follows
    from the blocks, by their keys; ``lost`` are the numbers of the hurt blocks of
    a segment, by the key of its entry.  ``graves`` are the keys of entries whose dead
    are hurt, ``pages`` the numbers of hurt pages of the tail, and ``runs`` a list of
    what is hurt of the runs, as pairs of the kind of it and what names it.
    """

    def __init__(self, storage, progress=None):
        self.storage = storage
        self.progress = progress
        self.total = self.done = 0
        self.problems = []
        self.others = []  # what is wrong with the tracks themselves
        self.directory = True
        self.outdated, self.lost = {}, {}
        self.graves, self.pages, self.runs = [], [], []
        self.masking = []
        self.members = []
        self.known = RunNumbers()

    def everything(self):
        """Look at all there is."""
        check_runs(self)
        parts = self.parts()
        entries = self.entries()
        self.total = sum(entry.count for _, entry in entries) + sum(map(len, parts))
        for key, entry in entries:
            with self.noting(NAME.format(entry.first, entry.last),
                             self._outdate, key, entry):
                self._segment(key, entry)
        for part in parts:
            self._part(part)
        for number, one, other in twice(self.members):
            self.problems.append(f'track {self.storage.idFromNum(number)}: is in '
                                 f'{one.name} and in {other.name}')
        self.problems += self.others
        return self

    def advance(self, count):
        self.done += count
        if self.progress is not None:
            self.progress(self.done, self.total)

    @contextmanager
    def noting(self, where, hurt=None, *args):
        """Note what is raised, and call ``hurt`` with the other arguments."""
        try:
            yield
            return
        except DamagedError as e:
            numbers = '' if e.first is None else f' (tracks {e.first}-{e.last})'
            self.problems.append(
                f'{e.where or where}: is damaged: {e.why or e}{numbers}')
        except damage.UNRELATED:
            raise
        except Exception as e:  # whatever hurt bytes may bring about
            self.problems.append(f'{where}: cannot be read: {damage.reason(e)}')
        if hurt is not None:
            hurt(*args)

    @contextmanager
    def releasing(self, thing):
        """Let go of what is loaded of an object in the meantime."""
        loaded = thing._p_changed is not None
        try:
            yield thing
        finally:
            if not loaded and thing._p_jar is not None:
                thing._p_deactivate()

    def _run_ids(self, where, numbers):
        self.others += [f'{where}: run {number!r} does not exist'
                        for number in numbers if number not in self.known]

    # the tail and the directory

    def parts(self):
        """Return the parts of the tail that can be read."""
        parts = []
        pages = self.storage._pages
        for n, page in enumerate(pages):
            where = tail.NAME.format(n)
            with self.noting(where, self.pages.append, n):
                damage.check(page)
                parts.append(TailPart(page, self.storage._layout))
                self.masking += page.records
                self.problems += [
                    f'{where}: has track {number}, which belongs to another page'
                    for number in page.records
                    if tail.page_number(number, len(pages)) != n]
        self.masking.sort()
        return parts

    def entries(self):
        """Return the pairs of key and entry of the directory."""
        with self.noting('directory', setattr, self, 'directory', False):
            return self.storage._directory.in_order()
        return []

    def _part(self, part):
        for position, number in enumerate(part.numbers):
            where = f'tail, track {number}'
            with self.noting(where):
                part.data_at(position)
                codec.load_mapping(part.extras(position))
                self._run_ids(where, part.column('runId', [position]))
        self.advance(len(part))

    # segments

    def _outdate(self, key, entry):
        self.outdated[key] = entry

    def _segment(self, key, entry):
        name = NAME.format(entry.first, entry.last)
        with self.releasing(entry.segment) as segment:
            before = len(self.problems)
            self._entry(name, entry)
            agreements = self._indexes(name, segment)
            self._blocks(key, entry, agreements)
            if key not in self.lost:
                self._compare(name, segment, agreements)
            if len(self.problems) > before + len(self.lost.get(key, ())):
                self._outdate(key, entry)
            where = directory.DEAD_NAME.format(entry.first, entry.last)
            with self.noting(where, self.graves.append, key):
                self._hidden(name, entry)

    def _entry(self, name, entry):
        say = self.problems.append
        segment, intervals = entry.segment, entry.segment.intervals
        for count in {len(segment), intervals.offsets[-1]} - {entry.count}:
            say(f'{name}: has {count} tracks, its entry says {entry.count}')
        if not intervals.rising:
            say(f'{name}: its numbers do not rise')
        first, last = intervals.starts[0], intervals.last
        if (first, last) != (entry.first, entry.last):
            say(f'{name}: its numbers are from {first} to {last}')
        lows, highs = segment.block_times
        if (min(lows), max(highs)) != (entry.low, entry.high):
            say(f'{name}: its time span is not right')

    def _hidden(self, name, entry):
        """Look at what is removed or overridden."""
        dead = entry.dead or frozenset()
        if len(dead) != entry.buried:
            self.problems.append(f'{name}: has {len(dead)} dead tracks, its entry '
                                 f'says {entry.buried}')
        intervals = entry.segment.intervals
        hidden = sorted(dead.union(positions_of(self.masking, entry)))
        self.members.append(
            Member(name, intervals, array('q', intervals.numbers_at(hidden))))

    def _blocks(self, key, entry, agreements):
        segment = entry.segment
        for n in range(len(segment.blocks)):
            where = BLOCK_NAME.format(entry.first, entry.last, n)
            numbers = segment.numbers_of(n)
            with (self.noting(where, self._lose, key, numbers),
                  self.releasing(segment.block(n)) as block):
                self._block(where, segment, n, damage.loaded(block), agreements)
            self.advance(segment.block_starts[n + 1] - segment.block_starts[n])

    def _lose(self, key, numbers):
        self.lost.setdefault(key, []).append(numbers)

    def _block(self, where, segment, n, block, agreements):
        lows, highs = segment.block_times
        start, stop = segment.block_starts[n:n + 2]
        length = stop - start
        times = block.column('timeStamp')
        if len(times) != length:
            self.problems.append(
                f'{where}: has {len(times)} tracks, the segment says {length}')
        elif (min(times), max(times)) != (lows[n], highs[n]):
            self.problems.append(f'{where}: its time span is not right')
        for position in range(length):
            if not isinstance(block.mappings[position], dict):
                self.others.append(
                    f'{where}: the data at {position} are no dictionary')
            codec.load_mapping(block.extras(position))
        self._run_ids(where, set(block.column('runId')))
        for column, agreement in agreements.items():
            agreement.compare(start, stop, block.column(column))

    # indexes

    def _indexes(self, name, segment):
        """Return what the indexes say of each track, of those that are not hurt."""
        found = {}
        for column, index in (segment.indexes or {}).items():
            agreement, hurt = Agreement(len(segment)), []
            for pages in index.kinds.values():
                for number, page in enumerate(pages):
                    where = f'{name}, index {column}, page {number}'
                    with (self.noting(where, hurt.append, number),
                          self.releasing(page)):
                        agreement.add(*pages.decoded(number))
            if not hurt:
                found[column] = agreement
        return found

    def _compare(self, name, segment, agreements):
        """Note where the tracks, all of which are known, have other values."""
        for column, agreement in agreements.items():
            if not agreement.complete():
                values = segment.column(column, range(len(segment)))
                self.problems += [
                    f'{name}, index {column}: does not agree with the tracks on '
                    f'{value!r}'
                    for value in differences(segment.indexes[column], values)]
