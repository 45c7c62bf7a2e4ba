"""Verification: every index and segment against the tracks."""

from contextlib import contextmanager
from operator import itemgetter

from trackstore import codec, damage, keys, tail
from trackstore.exceptions import DamagedError
from trackstore.index import grouped
from trackstore.record import TailPart
from trackstore.segment import BLOCK_NAME, COLLECT, NAME
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

    ``problems`` are sentences.  ``directory`` tells whether that can be read.
    ``outdated`` are the entries of which something is hurt or wrong that follows
    from the blocks, by their keys; ``lost`` are the numbers of the hurt blocks of
    a segment, by the key of its entry; ``leaves`` are the hurt leaves of runs.
    """

    def __init__(self, storage, progress=None):
        self.storage = storage
        self.progress = progress
        self.total = self.done = 0
        self.problems = []
        self.others = []  # what is wrong with the tracks themselves
        self.directory = True
        self.outdated, self.lost = {}, {}
        self.leaves = []
        self.masking = []
        self.spans = []
        self.known = {}

    def everything(self):
        """Look at all there is."""
        self.runs()
        parts = self.parts()
        entries = self.entries()
        self.total = sum(entry.count for _, entry in entries) + sum(map(len, parts))
        for key, entry in entries:
            with self.noting(NAME.format(entry.first, entry.last),
                             self._outdate, key, entry):
                self._segment(key, entry)
        for part in parts:
            self._part(part)
        self.twice()
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

    # runs

    def runs(self):
        """Read all pages and leaves of runs."""
        with self.noting('the runs'):
            table = self.storage._runs
            for page in table.pages + table.current_pages:
                with self.noting('a page of runs'):
                    damage.check(page)
            for ledger in (table.active, table.done, table.current):
                with self.noting('a ledger of runs'):
                    for number in damage.loaded(ledger).leaves:
                        with self.noting('a leaf of runs', self.leaves.append,
                                         (ledger.name, number)):
                            ledger.leaf(number)

    def _run_ids(self, where, numbers):
        for number in numbers:
            if number not in self.known:
                try:
                    self.known[number] = self.storage._run_state(number) is not None
                except DamagedError:  # which is told already
                    self.known[number] = True
            if not self.known[number]:
                self.others.append(f'{where}: run {number!r} does not exist')

    # the tail and the directory

    def parts(self):
        """Return the parts of the tail that can be read."""
        parts = []
        for n, page in enumerate(self.storage._pages):
            with self.noting(tail.NAME.format(n)):
                damage.check(page)
                self.masking += page.records
                parts.append(TailPart(page, self.storage._layout))
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
        self._span('the tail', part.numbers)
        self.advance(len(part))

    # segments

    def _outdate(self, key, entry):
        self.outdated[key] = entry

    def _segment(self, key, entry):
        name = NAME.format(entry.first, entry.last)
        segment = entry.segment
        before = len(self.problems)
        numbers = segment.numbers_at(range(len(segment)))
        self._entry(name, entry, numbers)
        self._blocks(key, entry)
        for column, index in (segment.indexes or {}).items():
            where = f'{name}, index {column}'
            values = None if key in self.lost else segment.column(
                column, range(len(segment)))
            self._index(where, index, values)
        if len(self.problems) > before + len(self.lost.get(key, ())):
            self._outdate(key, entry)
        with self.noting(name):
            self._hidden(name, entry, numbers)

    def _entry(self, name, entry, numbers):
        say = self.problems.append
        if len(numbers) != entry.count:
            say(f'{name}: has {len(numbers)} tracks, its entry says {entry.count}')
        if not isinstance(numbers, range) and numbers != sorted(set(numbers)):
            say(f'{name}: its numbers do not rise')
        if (numbers[0], numbers[-1]) != (entry.first, entry.last):
            say(f'{name}: its numbers are from {numbers[0]} to {numbers[-1]}')
        lows, highs = entry.segment.block_times
        if (min(lows), max(highs)) != (entry.low, entry.high):
            say(f'{name}: its time span is not right')

    def _hidden(self, name, entry, numbers):
        """Look at what is removed or overridden."""
        dead = entry.dead or frozenset()
        if len(dead) != entry.buried:
            self.problems.append(f'{name}: has {len(dead)} dead tracks, its entry '
                                 f'says {entry.buried}')
        hidden = dead.union(positions_of(self.masking, entry))
        if hidden:
            numbers = [number for n, number in enumerate(numbers) if n not in hidden]
        self._span(name, numbers)

    def _blocks(self, key, entry):
        segment = entry.segment
        for n in range(len(segment.blocks)):
            where = BLOCK_NAME.format(entry.first, entry.last, n)
            numbers = segment.numbers_of(n)
            with self.noting(where, self._lose, key, numbers):
                self._block(where, segment, n)
            self.advance(segment.block_starts[n + 1] - segment.block_starts[n])
            if n % COLLECT == COLLECT - 1 and self.storage._p_jar is not None:
                self.storage._p_jar.cacheGC()

    def _lose(self, key, numbers):
        self.lost.setdefault(key, []).append(numbers)

    def _block(self, where, segment, n):
        block = damage.loaded(segment.block(n))
        lows, highs = segment.block_times
        length = segment.block_starts[n + 1] - segment.block_starts[n]
        times = block.column('timeStamp')
        mappings = block.mappings
        if len(times) != length:
            self.problems.append(
                f'{where}: has {len(times)} tracks, the segment says {length}')
        elif (min(times), max(times)) != (lows[n], highs[n]):
            self.problems.append(f'{where}: its time span is not right')
        for position in range(length):
            if not isinstance(mappings[position], dict):
                self.others.append(
                    f'{where}: the data at {position} are no dictionary')
            codec.load_mapping(block.extras(position))
        self._run_ids(where, set(block.column('runId')))

    def _index(self, where, index, values):
        """Look at an index; ``values`` are those of the tracks, if all are known."""
        found, hurt = {}, []
        for pages in index.kinds.values():
            for number in range(len(pages)):
                with self.noting(f'{where}, page {number}', hurt.append, number):
                    found.update(pages.items(number))
        if values is None or hurt:
            return
        expected = {value: positions for value, positions in grouped(values).items()
                    if keys.kind_of(value) is not None}
        for value in keys.sorted_keys(expected.keys() | found.keys()):
            if expected.get(value) != found.get(value):
                self.problems.append(
                    f'{where}: does not agree with the tracks on {value!r}')

    def _span(self, name, numbers):
        if numbers:
            self.spans.append((numbers[0], numbers[-1], name, numbers))

    def twice(self):
        """Look for numbers that more than one place has."""
        self.spans.sort(key=itemgetter(0, 1))
        for n, (_, last, name, numbers) in enumerate(self.spans):
            for first, _, other, others in self.spans[n + 1:]:
                if first > last:
                    break
                for number in sorted(set(others).intersection(numbers)):
                    self.problems.append(
                        f'track {self.storage.idFromNum(number)}: is in {name} '
                        f'and in {other}')
