"""Verification: every index and segment against the tracks."""

from operator import itemgetter

from trackstore import codec, keys
from trackstore.index import grouped


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
    view = storage._view()
    total = sum(entry.count for _, entry in view.entries) + sum(map(len, view.parts))
    check = _Check(storage, progress, total)
    for key, entry in view.entries:
        check.segment(entry, view.hidden(key, entry))
    for part in view.parts:
        check.part(part)
    check.twice()
    return check.problems


class _Check:

    def __init__(self, storage, progress, total):
        self.storage = storage
        self.progress = progress
        self.total = total
        self.done = 0
        self.problems = []
        self.spans = []
        self.runs = {}

    def advance(self, count):
        self.done += count
        if self.progress is not None:
            self.progress(self.done, self.total)

    def segment(self, entry, hidden):
        name = f'segment {entry.first}-{entry.last}'
        try:
            self._segment(name, entry, hidden)
        except Exception as error:  # whatever hurt bytes may bring about
            self.problems.append(f'{name}: cannot be read: {error!r}')

    def _segment(self, name, entry, hidden):
        segment = entry.segment
        say = self.problems.append
        count = len(segment)
        if count != entry.count:
            say(f'{name}: has {count} tracks, its entry says {entry.count}')
        numbers = segment.numbers_at(range(count))
        if not isinstance(numbers, range) and numbers != sorted(set(numbers)):
            say(f'{name}: its numbers do not rise')
        if (numbers[0], numbers[-1]) != (entry.first, entry.last):
            say(f'{name}: its numbers are from {numbers[0]} to {numbers[-1]}')
        dead = () if entry.dead is None else entry.dead
        if len(dead) != entry.buried:
            say(f'{name}: has {len(dead)} dead tracks, its entry says {entry.buried}')
        if hidden:
            numbers = [number for n, number in enumerate(numbers) if n not in hidden]
        self._span(name, numbers)
        self._blocks(name, entry)
        for column, index in (segment.indexes or {}).items():
            self._index(f'{name}, index {column}', index,
                        segment.column(column, range(count)))

    def _blocks(self, name, entry):
        segment = entry.segment
        lows, highs = segment.block_times
        starts = segment.block_starts
        for n, block in enumerate(segment.blocks):
            times = block.column('timeStamp')
            length = starts[n + 1] - starts[n]
            where = f'{name}, block {n}'
            if len(times) != length:
                self.problems.append(
                    f'{where}: has {len(times)} tracks, the segment says {length}')
            elif (min(times), max(times)) != (lows[n], highs[n]):
                self.problems.append(f'{where}: its time span is not right')
            for position in range(length):
                if not isinstance(block.mappings[position], dict):
                    self.problems.append(
                        f'{where}: the data at {position} are no dictionary')
                codec.load_mapping(block.extras(position))
            self._runs(where, set(block.column('runId')))
            self.advance(length)
        if (min(lows), max(highs)) != (entry.low, entry.high):
            self.problems.append(f'{name}: its time span is not right')

    def _index(self, where, index, values):
        expected = {value: positions for value, positions in grouped(values).items()
                    if keys.kind_of(value) is not None}
        found = {value: list(positions) for value, positions in index.items()}
        for value in keys.sorted_keys(expected.keys() | found.keys()):
            if expected.get(value) != found.get(value):
                self.problems.append(
                    f'{where}: does not agree with the tracks on {value!r}')

    def _runs(self, where, numbers):
        for number in numbers:
            if number not in self.runs:
                self.runs[number] = self.storage._run_state(number)
            if self.runs[number] is None:
                self.problems.append(f'{where}: run {number!r} does not exist')

    def part(self, part):
        where = 'tail'
        try:
            for position in range(len(part)):
                where = f'tail, track {part.numbers[position]}'
                part.data_at(position)
                codec.load_mapping(part.extras(position))
                self._runs(where, set(part.column('runId', [position])))
        except Exception as error:  # whatever hurt bytes may bring about
            self.problems.append(f'{where}: cannot be read: {error!r}')
        self._span('the tail', part.numbers)
        self.advance(len(part))

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
