"""Repair: what can be made anew.

That is what follows from the blocks of a segment, the directory and the ledgers of
runs if their references can be read, and pages and leaves as far as they can be
salvaged, or as the tracks tell.  Tracks in hurt blocks are left where they are.
"""

from contextlib import suppress
from typing import NamedTuple

from trackstore import codec, damage, mending, merge, numbering, salvage
from trackstore.directory import DEAD_NAME, Dead, Directory, Entry
from trackstore.exceptions import DamagedError
from trackstore.segment import NAME, Segment, SegmentBuilder, blocks_in
from trackstore.verify import Check, verify


class Repair(NamedTuple):
    """What was repaired, and what is wrong still: lists of sentences."""

    repaired: list
    problems: list


def repair(storage, progress=None):
    """Repair what can be; return a ``Repair``."""
    steps = _Repairing(progress)
    if numbering.is_committed(storage):
        merge.in_transactions(storage, steps)
    else:
        for _ in steps(storage):
            pass
    return Repair(steps.repaired,
                  verify(storage) if steps.repaired else steps.problems)


#: What makes parts of the runs anew, in the order in which they need each other.
_OF_RUNS = {
    'ledger': mending.renew_ledger,
    'shelf': lambda storage, name: mending.renew_shelf(storage, *name),
    'page': mending.renew_runs_page,
    'leaf': lambda storage, name: mending.renew_leaf(storage, *name),
    'currents': lambda storage, name: mending.renew_currents(storage),
    'current page': mending.renew_currents_page}


class _Repairing:
    """The steps of a repair; each is told of when it has been committed."""

    def __init__(self, progress):
        self.progress = progress
        self.repaired = []
        self.problems = []

    def __call__(self, storage):
        check = Check(storage, self.progress).everything()
        if not check.directory:
            for told in renewed_directories(storage):
                yield
                self.repaired.append(told)
                check = Check(storage).everything()
        self.problems = check.problems
        for number in check.pages:
            yield from self._step(mending.renew_page, storage, number)
        for key in check.outdated.keys() - check.lost.keys():
            yield from self._step(renew_segment, storage, key)
        for key in check.graves:
            yield from self._step(renew_dead, storage, key)
        for kind, renew in _OF_RUNS.items():
            for found, name in dict.fromkeys(check.runs):
                if found == kind:
                    yield from self._step(renew, storage, name)
        if check.runs:
            yield from self._step(mending.drop_lost_currents, storage)

    def _step(self, renew, *args):
        """Renew something; note it after the commit that follows a yield."""
        try:
            told = renew(*args)
        except DamagedError:  # it needs something else that is hurt
            return
        if told:
            yield
            self.repaired.append(told)


# segments

def renew_segment(storage, key):
    """Make a segment anew from its blocks; tell of it, or None if it cannot be."""
    directory = storage._directory
    entry = directory.entries.get(key)
    if entry is None:  # it was merged in between
        return None
    try:
        blocks, numbers = _content(entry)
        builder = SegmentBuilder(storage._layout.columns)
        for block in blocks:
            _add_block(storage, builder, block, numbers)
    except (DamagedError, *damage.ERRORS):
        return None
    if len(builder) != len(numbers):
        return None
    segment, low, high = builder.build()
    directory.replace([key], [entry._replace(
        part=segment, first=numbers[0], last=numbers[-1], count=len(numbers),
        low=low, high=high)])
    return (f'{NAME.format(entry.first, entry.last)}: its indexes, times and entry '
            f'were made anew from {len(numbers)} tracks')


def _content(entry):
    """Return the blocks of a segment and its numbers.

    The numbers follow from the entry where there is no gap between them.
    """
    try:
        segment = entry.segment
    except DamagedError:
        if entry.last - entry.first + 1 != entry.count:
            raise
        blocks = blocks_in(entry.part, damage.shaped(
            entry.part, salvage.state_of(entry.part), tuple, tuple, object)[0])
        damage.distinct(entry.part, blocks)
        return blocks, range(entry.first, entry.last + 1)
    blocks = [segment.block(n) for n in range(len(segment.blocks))]
    return blocks, segment.numbers_at(range(len(segment)))


def _add_block(storage, builder, block, numbers):
    length = len(damage.loaded(block).column('timeStamp'))
    columns = {}
    for name in storage._layout.columns:
        values = block.column(name)
        columns[name] = [codec.ABSENT] * length if values is None else values
    block.data_at(0)  # a DamagedError if it is hurt
    builder.add_block(block, numbers[len(builder):len(builder) + length], columns)
    if block._p_jar is not None:
        block._p_deactivate()


def renew_dead(storage, key):
    """Make anew which tracks of a segment are dead; tell of it, or None.

    Dead is what other segments have, too, and what was dead before, as far as the
    storage has earlier revisions.
    """
    directory = storage._directory
    entry = directory.entries.get(key)
    if entry is None:
        return None
    try:
        dead = _overridden(directory, key, entry) | _dead_before(
            directory.holder(entry.part), entry)
    except DamagedError:
        return None
    removed = entry.buried - len(dead)
    if dead:
        directory.bury(key, dead)
    else:
        directory.replace([key], [entry._replace(grave=None, buried=0, grave_mark=0)])
    told = f'{DEAD_NAME.format(entry.first, entry.last)}: were made anew'
    if removed > 0:
        told += f'; there again though removed: {removed:,} of {entry.buried:,}'
    return told


def _overridden(directory, key, entry):
    """Return the positions of the tracks that other segments have, too."""
    found = set()
    segment = entry.segment
    for other_key, other in directory.in_order():
        if other_key == key or other.first > entry.last or other.last < entry.first:
            continue
        dead = other.dead or ()
        theirs = other.segment.intervals
        for n, start in enumerate(theirs.starts):
            for position in range(theirs.offsets[n], theirs.offsets[n + 1]):
                if position not in dead:
                    number = start + position - theirs.offsets[n]
                    found.add(segment.position_of(number))
    return found - {None}


def _dead_before(directory, entry):
    """Return what was dead in the last revision of which that can be read."""
    for state in salvage.states_before(directory):
        with suppress(DamagedError, ValueError, *damage.ERRORS):
            for segment, grave in zip(*state[:2], strict=True):
                if segment is entry.part and isinstance(grave, Dead):
                    return grave.positions
    return frozenset()


# the directory

def renewed_directories(storage):
    """Make hurt directories anew from their segments; yield what was done."""
    made = []
    for number, directory in enumerate((storage.directory, *storage.directories)):
        new = directory
        try:
            damage.check(directory)
        except DamagedError as error:
            new = _renewed(directory, number == 0) or directory
            if new is not directory:
                made.append(f'{error.where}: was made anew from {len(new.entries)} '
                            f'segments')
        if number == 0:
            main, others = new, []
        else:
            others.append(new)
    if made:
        storage.directory, storage.directories = main, tuple(others)
        storage._v_segments = None
        yield '; '.join(made)


def _renewed(directory, main):
    """Return a directory of the segments of another one, or None."""
    entries = []
    try:
        segments, graves, _ = damage.shaped(
            directory, salvage.state_of(directory), tuple, tuple, object)
        damage.distinct(directory, segments)
        damage.distinct(directory, [grave for grave in graves if grave is not None])
        for segment, grave in zip(segments, graves, strict=True):
            entries.append(_entry(segment, grave))
    except (DamagedError, ValueError, *damage.ERRORS):
        return None
    new = Directory()
    for entry in entries:
        new.generation += main  # so that no key is there twice
        new.add(entry)
    return new


def _entry(segment, grave):
    damage.expect(segment, Segment, 'a segment')
    damage.check(segment)
    dead, mark = (), 0
    if grave is not None:
        damage.check(grave)
        dead, mark = grave.positions, grave.mark
    lows, highs = segment.block_times
    return Entry(segment, *segment.span, len(segment), min(lows), max(highs),
                 grave, len(dead), grave_mark=mark)
