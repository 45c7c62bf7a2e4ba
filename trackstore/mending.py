"""Mending: hurt pages, and hurt leaves and ledgers of runs, made anew.

From what can be salvaged of them, from the tracks, and from each other.
"""

import pickle

from trackstore import aggregate, damage, keys, salvage, tail
from trackstore.exceptions import DamagedError
from trackstore.ledger import LEAF_NAME, NAME, Leaf, Ledger, leaf_of
from trackstore.run import CURRENT_NAME, PAGE_NAME, RunState

#: What is said where runs are made anew from tracks.
FROM_TRACKS = ', as the tracks tell; runs without tracks, if it had any, are lost'


def _put(owner, name, number, new, records):
    """Put a page with these records in the place of a hurt one."""
    new.records = records
    new.changed = set(records)
    pages = getattr(owner, name)
    if not salvage.replace(owner, pages[number], new):
        setattr(owner, name, (*pages[:number], new, *pages[number + 1:]))


# the tail

def renew_page(storage, number):
    """Make a page of the tail anew; tell of it."""
    count = len(storage._pages)
    name = tail.NAME.format(number)
    found = salvage.page(storage._pages[number])
    records = {key: record
               for key, record in {**(found.earlier or {}), **found.records}.items()
               if tail.page_number(key, count) == number}
    hurt = {key for key in found.hurt if tail.page_number(key, count) == number}
    complete = found.complete and hurt == found.hurt
    if not complete:
        hurt = hurt.union(_gaps(storage, number)) - found.records.keys()
    lost = {key for key in hurt
            if key not in records and not _in_segment(storage, key)}
    directory = storage._directory
    if max(lost, default=0) > directory.last:  # so that none is given out again
        directory.replace([], [], max(lost))
    _put(storage, '_pages', number, tail.Page(name), records)
    return f'{name}: was made anew with {_counted(len(records), "record")}' + ''.join(
        _losses(lost, hurt - lost, complete, found.earlier is not None))


def _losses(lost, stale, complete, earlier):
    """Yield what is to be said of tracks that are lost, or older than they were."""
    if lost:
        sure = '' if complete else ', so far as there were such'
        yield f'; lost are tracks {_ranges(lost)}{sure}'
    if stale:
        yield f'; tracks {_ranges(stale)} are as they were before the last change'
    if not complete:
        what = 'the last transaction' if earlier else 'the transactions'
        yield f'; so are others that {what} in it had changed or removed'


def _gaps(storage, number):
    """Yield numbers of a page that no segment has, though it has their neighbours."""
    pages = storage._pages
    directory = storage._directory
    around = len(pages) * tail.PAGE_SIZE
    new = [key for page in filter(tail.is_readable, pages) for key in page.records
           if not _in_segment(storage, key)]
    for place in {key // around for key in new or [directory.last + 1]}:
        start = place * around + number * tail.PAGE_SIZE
        for key in range(max(start, 1), start + tail.PAGE_SIZE):
            if not _in_segment(storage, key):
                yield key


def _in_segment(storage, number):
    """Tell whether a segment has a number; one that is hurt may have it."""
    for _, entry in storage._directory.in_order():
        if entry.first <= number <= entry.last:
            try:
                if entry.segment.position_of(number) is not None:
                    return True
            except DamagedError:
                return True
    return False


def _counted(count, noun):
    return f'{count:,} {noun}' + 's' * (count != 1)


def _ranges(numbers):
    """Return numbers as a text: 1-3, 7."""
    ranges = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ', '.join(f'{first}-{last}' if last > first else str(first)
                     for first, last in ranges)


# runs

def renew_runs_page(storage, number):
    """Make a page of runs anew; tell of it, or None if the tracks cannot be read."""
    table = storage._runs
    count = len(table.pages)
    name = PAGE_NAME.format(number)
    found = salvage.page(table.pages[number])
    records = {key: record
               for key, record in {**(found.earlier or {}), **found.records}.items()
               if tail.page_number(key, count) == number}
    told = f'{name}: was made anew with {_counted(len(records), "run")}'
    if found.hurt or not found.complete:
        more = _runs_of_tracks(storage, lambda run: (
            tail.page_number(run, count) == number and run not in records
            and damage.loaded(table.active).get(run) is None
            and damage.loaded(table.done).get(run) is None), False)
        if more is None:
            return None
        told += f', and {len(more)}{FROM_TRACKS}, and so are changes to the others'
        for run, record in more.items():
            records[run] = record + tail.check_of(run, record)
    _put(table, 'pages', number, tail.SharingPage(name), records)
    return told


def renew_currents_page(storage, number):
    """Make a page of the current runs anew from the runs; tell of it, or None."""
    table = storage._runs
    name = CURRENT_NAME.format(number)
    try:
        ledger = damage.loaded(table.current)
        records = {key: run for key, run in _currents(table)
                   if _hash_of(key) % len(table.current_pages) == number
                   and ledger.get(key) != run}
    except DamagedError:
        return None
    _put(table, 'current_pages', number, tail.SharingPage(name), records)
    return f'{name}: was made anew from the runs'


def renew_ledger(storage, name):
    """Make a ledger of runs anew from its leaves; tell of it, or None."""
    table = storage._runs
    hurt, new = getattr(table, name), Ledger(name)
    try:
        leaves, _ = damage.shaped(hurt, salvage.state_of(hurt), tuple, object)
        damage.distinct(hurt, leaves)
        for leaf in leaves:
            damage.expect(leaf, Leaf, 'a leaf of runs')
            leaf._p_activate()
            if leaf.name != name or leaf.number in new.leaves:
                return None
            new.leaves[leaf.number] = leaf
    except (DamagedError, *damage.ERRORS):
        return None
    if not salvage.replace(table, hurt, new):
        setattr(table, name, new)
    return f'{NAME.format(name)}: were made anew from {len(leaves)} leaves'


def renew_leaf(storage, name, number):
    """Make a leaf of runs anew; tell of it, or None if it cannot be."""
    table = storage._runs
    ledger = damage.loaded(getattr(table, name))
    hurt = ledger.leaves[number]
    leaf = ledger.leaves[number] = Leaf(name, number)
    try:
        if name == 'current':
            entries = {key: run for key, run in _currents(table)
                       if leaf_of(key) == number and run is not None}
        else:
            entries = _runs_of_tracks(storage, lambda run: (
                leaf_of(run) == number and table.get(run) is None), name == 'done')
    except DamagedError:
        entries = None
    if entries is None:
        ledger.leaves[number] = hurt
        return None
    leaf.entries = entries
    ledger._p_changed = True
    return (f'{LEAF_NAME.format(name, number)}: was made anew with '
            f'{_counted(len(entries), "run")}{FROM_TRACKS}')


def _currents(table):
    """Return pairs of a task, as its key, and its current run or None.

    That is the one that was started last, unless it has been stopped.
    """
    found = {}
    for finished in (True, False):
        for run in table.numbers(finished):
            state = table.get(run)
            if state.taskId is not None:
                key = keys.sort_key(state.taskId)
                found[key] = max(found.get(key, (0, None)), (run, state.end is None))
    return [(key, run if is_open else None) for key, (run, is_open) in found.items()]


def _hash_of(key):
    kind, value = key
    return keys.stable_hash(None if kind == keys.NONE else value)


def _runs_of_tracks(storage, is_missing, finished):
    """Return records of the runs that tracks have and that are missing, by number.

    None if the tracks cannot be read.
    """
    found = {}
    try:
        for run, group in aggregate.group_by(storage, 'runId', None, {}).items():
            if is_missing(run):
                tasks = storage.distinct('taskId', runId=run)
                state = RunState(tasks[0] if len(tasks) == 1 else None, group.first,
                                 group.last if finished else None, finished)
                found[run] = pickle.dumps(tuple(state), 5)
    except DamagedError:
        return None
    return found
