"""Repair: what can be made anew from the tracks.

That is what follows from the blocks of a segment, the directory if its
references can be read, and the leaves of runs.  Tracks whose own bytes are
damaged are left where they are.
"""

import pickle
from typing import NamedTuple

from trackstore import aggregate, codec, damage, keys, merge, numbering
from trackstore.directory import Directory, Entry
from trackstore.exceptions import DamagedError
from trackstore.ledger import LEAF_NAME, Leaf, leaf_of
from trackstore.run import RunState
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
        for key in check.outdated.keys() - check.lost.keys():
            told = renew_segment(storage, key)
            if told:
                yield
                self.repaired.append(told)
        for name, number in check.leaves:
            told = renew_leaf(storage, name, number)
            if told:
                yield
                self.repaired.append(told)


def _state_of(thing):
    """Return the state of an object that does not accept it."""
    jar = thing._p_jar
    return jar._reader.getState(jar._storage.load(thing._p_oid)[0])


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
            entry.part, _state_of(entry.part), tuple, tuple, object)[0])
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
            directory, _state_of(directory), tuple, tuple, object)
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


# runs

def renew_leaf(storage, name, number):
    """Make a leaf of runs anew from the tracks; tell of it, or None."""
    table = storage._runs
    ledger = damage.loaded(getattr(table, name))
    hurt = ledger.leaves[number]
    leaf = ledger.leaves[number] = Leaf(name, number)
    try:
        if name == 'current':
            leaf.entries = _currents(table, number)
        else:
            leaf.entries = _runs(storage, number, name == 'done')
    except DamagedError:
        ledger.leaves[number] = hurt
        return None
    ledger._p_changed = True
    return (f'{LEAF_NAME.format(name, number)}: was made anew with '
            f'{len(leaf.entries)} runs, as the tracks tell; runs without tracks, if '
            f'it had any, are lost')


def _currents(table, number):
    """Return the current runs of tasks: the last ones that were not stopped."""
    found = {}
    for run in table.numbers(False):
        state = table.get(run)
        if state.end is None and state.taskId is not None:
            key = keys.sort_key(state.taskId)
            if leaf_of(key) == number:
                found[key] = run
    return found


def _runs(storage, number, finished):
    """Return records of the runs that tracks have, and no other leaf."""
    found = {}
    for run, group in aggregate.group_by(storage, 'runId', None, {}).items():
        if leaf_of(run) == number and storage._runs.get(run) is None:
            tasks = storage.distinct('taskId', runId=run)
            state = RunState(tasks[0] if len(tasks) == 1 else None, group.first,
                             group.last if finished else None, finished)
            found[run] = pickle.dumps(tuple(state), 5)
    return found
