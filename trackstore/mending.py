"""Mending: hurt pages, and hurt leaves and ledgers of runs, made anew.

From what can be salvaged of them, from the tracks, and from each other.
"""

import pickle
from contextlib import suppress

from trackstore import aggregate, damage, keys, salvage, tail
from trackstore.branches import Branch
from trackstore.exceptions import DamagedError
from trackstore.ledger import LEAF_NAME, SHELF, Leaf, Ledger, Shelf, leaf_of
from trackstore.run import CURRENT_NAME, PAGE_NAME, RunState


def _put(owner, name, number, new, records):
    """Put a page with these records in the place of a hurt one."""
    new.records = records
    new.changed = set(records)
    pages = getattr(owner, name)
    if not salvage.replace(owner, pages[number], new):
        setattr(owner, name, (*pages[:number], new, *pages[number + 1:]))


def _found_again(owner, attribute, number, cls, name):
    """Refer to a page again that is not lost; tell of it, or None."""
    pages = getattr(owner, attribute)
    page = salvage.searched(pages[number], cls, name)
    if page is None or page in pages:
        return None
    setattr(owner, attribute, (*pages[:number], page, *pages[number + 1:]))
    return f'{name}: was found again'


# the tail

def renew_page(storage, number):
    """Make a page of the tail anew; tell of it."""
    count = len(storage._pages)
    name = tail.NAME.format(number)
    told = _found_again(storage, '_pages', number, tail.Page, name)
    if told:
        return told
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
        yield f'; lost: {_named("track", lost)}{sure}'
    if stale:
        yield f'; as before the last change: {_named("track", stale)}'
    if not complete:
        what = 'the last transaction' if earlier else 'others'
        yield f'; what else {what} in it had changed or removed is as before'


def _gaps(storage, number):
    """Yield numbers of a page that no segment has, though it has their neighbours."""
    pages = storage._pages
    directory = storage._directory
    around = len(pages) * tail.PAGE_SIZE
    new = [key for page in filter(tail.is_readable, pages) for key in page.records
           if not _in_segment(storage, key)]
    new += [key + 1 for key in new or [directory.last]]
    for place in {key // around for key in new}:
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


def _counted(count, noun, plural=None):
    return f'{count:,} {noun if count == 1 else plural or noun + "s"}'


def _named(noun, numbers):
    """Return numbers as a text: tracks 1-3, 7."""
    ranges = []
    for number in sorted(numbers):
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return f'{noun}{"s" * (len(numbers) != 1)} ' + ', '.join(
        f'{first}-{last}' if last > first else str(first) for first, last in ranges)


# runs

def renew_runs_page(storage, number):
    """Make a page of runs anew; tell of it, or None if the tracks cannot be read."""
    table = storage._runs
    count = len(table.pages)
    name = PAGE_NAME.format(number)
    told = _found_again(table, 'pages', number, tail.SharingPage, name)
    if told:
        return told
    found = salvage.page(table.pages[number])
    records = {key: record
               for key, record in {**(found.earlier or {}), **found.records}.items()
               if tail.page_number(key, count) == number}
    told = ''
    if found.hurt or not found.complete:
        try:
            more = _runs_of_tracks(storage, lambda run: (
                tail.page_number(run, count) == number and run not in records
                and table.in_ledgers(run) is None), False)
            records.update(more)
            lost = {run for run in found.hurt - records.keys()
                    if table.in_ledgers(run) is None}
        except DamagedError:
            return None
        told = ''.join(_losses_of_runs(more, lost, found))
    _put(table, 'pages', number, tail.SharingPage(name), records)
    drop_lost_currents(storage)
    return f'{name}: was made anew with {_counted(len(records), "run")}{told}'


def _losses_of_runs(more, lost, found):
    """Yield what is to be said of runs that are lost, or older than they were."""
    if more:
        yield f'; as the tracks tell: {_named("run", more)}'
    if lost:
        yield f'; lost: {_named("run", lost)}'
    if found.hurt - lost - more.keys():
        stale = found.hurt - lost - more.keys()
        yield f'; as before the last change: {_named("run", stale)}'
    if not found.complete:
        yield '; runs without tracks, if it had others, are lost, and changes to others'


def renew_currents_page(storage, number):
    """Make a page of the current runs anew from the runs; tell of it, or None."""
    table = storage._runs
    name = CURRENT_NAME.format(number)
    try:
        branch = damage.loaded(table.current)
        records = {key: run for key, run in _currents(table)
                   if table.current_page_number(keys.value_of(key)) == number
                   and branch.get(key) != run}
    except DamagedError:
        return None
    _put(table, 'current_pages', number, tail.SharingPage(name), records)
    return f'{name}: was made anew from the runs'


def renew_ledger(storage, name):
    """Make a ledger of runs anew from its shelves; tell of it, or None."""
    table = storage._runs
    hurt = getattr(table, name)
    new = _renewed(hurt, Ledger(name))
    if new is not None and not salvage.replace(table, hurt, new):
        setattr(table, name, new)
    return new and _told_of(new)


def renew_shelf(storage, name, number):
    """Make a shelf of runs anew from its leaves; tell of it, or None."""
    ledger = damage.loaded(getattr(storage._runs, name))
    hurt = ledger.parts[number]
    new = _renewed(hurt, Shelf(name, number))
    if new is not None:
        _put_part(ledger, number, new)
    return new and _told_of(new)


def _renewed(hurt, new):
    """Return the new holder with the parts of a hurt one, None if one is hurt, too."""
    try:
        parts, _ = damage.shaped(hurt, salvage.state_of(hurt), tuple, object)
        damage.distinct(hurt, parts)
        for part in parts:
            part._p_activate()
            name, number = part.words
            if (type(part) is not new.PART or name != new.words[0]
                    or number in new.parts):
                return None
            new.parts[number] = part
    except (DamagedError, *damage.ERRORS):
        return None
    return new


def _told_of(holder):
    return (f'{holder.FORM.format(*holder.words)}: were made anew from '
            f'{_counted(len(holder.parts), *holder.PART.NOUN)}')


def _put_part(holder, number, new):
    """Put a new part in the place of a hurt one."""
    if not salvage.replace(holder, holder.parts[number], new):
        holder.parts[number] = new
        holder._p_changed = True


def renew_leaf(storage, name, number):
    """Make a leaf of runs anew; tell of it, or None if it cannot be."""
    table = storage._runs
    try:
        ledger, other = (damage.loaded(getattr(table, each)) for each in (
            name, 'active' if name == 'done' else 'done'))
        entries = _whole_entries(ledger, number)
        elsewhere = _whole_entries(other, number)
        entries.update(_runs_of_tracks(storage, lambda run: (
            leaf_of(run) == number and run not in entries and run not in elsewhere
            and not table.in_page(run)), name == 'done'))
    except DamagedError:
        return None
    leaf = Leaf(name, number)
    leaf.entries = entries
    _put_part(ledger.part(number // SHELF), number, leaf)
    drop_lost_currents(storage)
    return (f'{LEAF_NAME.format(name, number)}: was made anew with '
            f'{_counted(len(entries), "run")}; those that are hurt as the tracks '
            f'tell, and lost if they have no tracks')


def _whole_entries(ledger, number):
    """Return the entries of a leaf, those that are whole if it is hurt."""
    try:
        leaf = ledger.leaf(number)
        return {} if leaf is None else dict(leaf.entries)
    except DamagedError:
        hurt = ledger.part(number // SHELF).parts[number]
        return {run: record for run, record in salvage.whole_records(hurt).items()
                if leaf_of(run) == number}


def renew_currents(storage):
    """Make the branches of the current runs anew from the runs; tell of it."""
    table = storage._runs
    hurt, new = table.current, Branch()
    new.change({key: run for key, run in _currents(table) if run is not None})
    if not salvage.replace(table, hurt, new):
        table.current = new
    return 'the current runs: were made anew from the runs'


def drop_lost_currents(storage):
    """Set to none the current runs that do not exist; tell of it, or None.

    Else a task could not go on, or would go on in the run that gets the number.
    """
    table, lost = storage._runs, set()
    with suppress(DamagedError):  # else they are made anew from the runs
        for task, run in table.currents().items():
            with suppress(DamagedError):
                if table.get(run) is None:
                    table.set_current(task, None)
                    lost.add(run)
    if not lost:
        return None
    return (f'the current runs: are without {_named("run", lost)}, which '
            f'{"does" if len(lost) == 1 else "do"} not exist')


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


def _runs_of_tracks(storage, is_missing, finished):
    """Return records of the runs that tracks have and that are missing, by number."""
    found = {}
    for run, group in aggregate.group_by(storage, 'runId', None, {}).items():
        if is_missing(run):
            tasks = storage.distinct('taskId', runId=run)
            state = RunState(tasks[0] if len(tasks) == 1 else None, group.first,
                             group.last if finished else None, finished)
            record = pickle.dumps(tuple(state), 5)
            found[run] = record + tail.check_of(run, record)
    return found
