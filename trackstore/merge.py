"""Upkeep: sealing the tail, and merging segments.

Upkeep has transactions of its own.  What a save makes due is done after its
transaction has been committed; what collides with a writer is dropped, and
done at the next occasion.
"""

import logging
from contextlib import contextmanager
from functools import partial

from ZODB.POSException import ConflictError

from trackstore import block, claim, codec, damage, numbering, tail
from trackstore.directory import Entry
from trackstore.exceptions import DamagedError
from trackstore.record import decode_record
from trackstore.rewrite import Rewriter
from trackstore.segment import SegmentBuilder
from trackstore.transactions import OwnManager
from trackstore.view import positions_of, prefetch

logger = logging.getLogger(__name__)

#: So many segments of like size are merged into one.
FANOUT = 32

#: After so many new segments a process of several looks what is due.
LOOK = 16

#: Fewer segments than this are not worth a merge.
LEAST = 4

#: The smallest segments are of about this size.
SMALLEST = tail.PAGES * tail.PAGE_SIZE

#: Larger merges than this are left to ``compact``.
INLINE = 2 ** 16

#: The number of tracks that a segment has at the most.
LARGEST = 2 ** 20

#: How often ``compact`` tries a step that collides with writers.
TRIES = 20


# when

def schedule(storage):
    """See to it that upkeep is done after the current transaction."""
    if storage._p_jar is None:
        keep_up(storage)
        return
    current = storage._p_jar.transaction_manager.get()
    try:
        current.data(storage)
    except KeyError:
        current.set_data(storage, True)
        current.addAfterCommitHook(_after_commit, (
            storage._p_jar, storage._p_oid, numbering.shared(storage).upkeep))


def schedule_if_due(storage):
    """Schedule upkeep if there are segments to be merged."""
    mine = storage._new_segments
    if mine is storage.directory:
        look = due(storage._directory) is not None
    else:  # others add to theirs, which is seen when it is looked at
        look = len(mine.entries) % LOOK == 0
    if look:
        schedule(storage)


def _after_commit(committed, connection, oid, lock):
    if not committed or not lock.acquire(blocking=False):
        return
    try:
        _keep_up(connection.db(), oid)
    except ConflictError:
        logger.debug('upkeep collided with a writer; it will be tried again')
    except Exception as error:  # a full disk, a lost server: what was saved is saved
        logger.warning(
            'upkeep failed, and is tried again after a later commit: %s',
            str(error) or repr(error))
    finally:
        lock.release()
    if connection.opened and not connection.transaction_manager.explicit:
        # The connection has begun its next transaction before the upkeep.
        connection.newTransaction(None)


def _keep_up(database, oid):
    """Do what is due in transactions, if no other process is at it."""
    with _connected(database) as connection:
        if numbering.is_exclusive(database):
            _apart(connection, oid, map(_due_of, _KINDS), tries=1)
            return
        if not any(next_step(connection.get(oid)) for next_step in _KINDS):
            return
        with claim.claimed(connection, oid) as taken:
            if taken:
                _apart(connection, oid, map(_due_of, _KINDS), tries=1)


@contextmanager
def _connected(database):
    """Yield a connection with a transaction manager of its own."""
    connection = database.open(OwnManager())
    try:
        yield connection
    finally:
        connection.transaction_manager.abort()
        connection.close()


def in_transactions(storage, *kinds):
    """Do each of the steps of some kinds in a transaction, in a connection of its own.

    What the first kind yielded last is returned.
    """
    connection = storage._p_jar
    with _connected(connection.db()) as own:
        result, *_ = _apart(own, storage._p_oid, kinds, TRIES)
    if connection._needs_to_join:  # it has no changes: it may look anew
        connection.newTransaction(None)
    return result


def _apart(connection, oid, kinds, tries):
    """Do the steps of some kinds; return what each yielded last.

    What one finds hurt does not keep the others from what they do; it is raised after.
    """
    results, hurt = [], None
    for steps in kinds:
        try:
            results.append(_in_transactions(connection, oid, steps, tries))
        except DamagedError as error:
            hurt = hurt or error
    if hurt is not None:
        raise hurt
    return results


def _in_transactions(connection, oid, steps, tries):
    """Do each of the steps in a transaction of the connection.

    ``steps(storage)`` yields after each; what it yielded last is returned.
    """
    manager = connection.transaction_manager
    result = None
    for attempt in range(tries):
        manager.begin()
        try:
            for step in steps(connection.get(oid)):
                result = step
                manager.commit()
                manager.begin()
            return result
        except ConflictError:
            if attempt == tries - 1:
                raise
        finally:
            manager.abort()


# what

def keep_up(storage):
    """Do what is due, in the current transaction."""
    for next_step in _KINDS:
        for _ in _due_of(next_step)(storage):
            pass


def _due_of(next_step):
    """Return a function that does what is due of a kind, and yields after each step."""

    def steps(storage):
        while (step := next_step(storage)) is not None:
            step()
            yield

    return steps


def _next_seal(storage):
    prefetch(storage._pages)
    full = any(len(page.records) > tail.PAGE_SIZE for page in _readable(storage))
    return partial(seal, storage) if full else None


def _next_merge(storage):
    found = due(storage._directory)
    return found and partial(_merge_inline, storage, found)


def _next_seal_of_runs(storage):
    return storage._runs.seal if storage._runs.overfull() else None


#: The kinds of upkeep: functions that return one that does what is due next, or None.
_KINDS = (_next_seal, _next_merge, _next_seal_of_runs)


def _readable(storage):
    return filter(tail.is_readable, storage._pages)


def due(directory):
    """Return the keys and entries to be merged inline, or None."""
    if len(directory.entries) < FANOUT:
        return None
    tiers = {}
    for key, entry in directory.in_order():
        tiers.setdefault(tier_of(entry.live), []).append((key, entry))
    for _, found in sorted(tiers.items()):
        if len(found) >= FANOUT:
            chosen = _fitting(found)
            if len(chosen) >= LEAST:
                return chosen
    return None


def tier_of(count):
    """Return which tier a segment of so many tracks is in, the smallest in 0."""
    tier, size = 0, SMALLEST * FANOUT
    while count >= size:
        tier, size = tier + 1, size * FANOUT
    return tier


def _fitting(found):
    """Return as many of the first segments as may be merged inline."""
    total = 0
    for n, (_, entry) in enumerate(found):
        total += entry.live
        if total > INLINE:
            return found[:n]
    return found


def seal(storage):
    """Make a segment of what is in the tail; a hurt page stays as it is."""
    directory, layout = storage._directory, storage._layout
    records = {}
    for page in _readable(storage):
        records.update(page.records)
    if not records:
        return
    numbers = sorted(records)
    directory.replace([], [], numbers[-1])
    _bury_overridden(directory, numbers)
    live = [number for number in numbers if records[number] is not None]
    if live:
        builder = SegmentBuilder(layout.columns)
        for start in range(0, len(live), block.SIZE):
            part = live[start:start + block.SIZE]
            rows = [decode_record(layout, records[number]) for number in part]
            columns = dict(zip(layout.columns, map(list, zip(
                *(row.values for row in rows), strict=True)), strict=True))
            builder.add(part, columns,
                        [codec.load_mapping(row.data) for row in rows],
                        [row.extras for row in rows])
        segment, low, high = builder.build()
        directory.add(Entry(
            segment, live[0], live[-1], len(live), low, high))
    for page in _readable(storage):
        if page.records:
            page.seal()


def _bury_overridden(directory, numbers):
    """Mark as dead what the segments have under these numbers."""
    emptied = []
    for key, entry in directory.in_order():
        found = list(positions_of(numbers, entry))
        if found:
            dead = (entry.dead or frozenset()).union(found)
            if len(dead) == entry.count:
                emptied.append(key)
            else:
                directory.bury(key, dead)
    directory.replace(emptied, [])


def _merge_inline(storage, found):
    prefetch(entry.part for _, entry in found)
    prefetch(part for _, entry in found for part in entry.segment.blocks)
    merge(storage, found)


def merge(storage, found, progress=None):
    """Put one segment, or some large ones, in the place of these."""
    directory = storage._directory
    rewriter = Rewriter(storage, LARGEST, progress)
    entries = rewriter.merged([entry for _, entry in found])
    directory.replace([key for key, _ in found], entries)


def rebuild(storage):
    """Make all segments and indexes anew, in the current transaction."""
    for page in storage._pages:  # all of the tail is to come along
        damage.loaded(page)
    seal(storage)
    found = storage._directory.in_order()
    rewriter = Rewriter(storage, LARGEST, derive=True)
    entries = rewriter.merged([entry for _, entry in found])
    storage._directory.replace([key for key, _ in found], entries)


def compact(storage, progress=None):
    """Seal the tail and merge all segments; return how many there are then."""
    steps = _Compaction(progress)
    if not numbering.is_committed(storage):
        for _ in steps(storage):
            pass
        storage._runs.seal()
        return len(storage._directory.entries)
    return in_transactions(storage, steps, _seal_runs)


def _seal_runs(storage):
    storage._runs.seal()
    yield


class _Compaction:
    """The steps of a compaction, with its progress."""

    def __init__(self, progress):
        self.progress = progress
        self.done = 0

    def __call__(self, storage):
        seal(storage)
        yield len(storage._directory.entries)
        entries = storage._directory.entries
        groups = _groups(storage._directory)
        total = self.done + sum(entries[key].live for keys in groups for key in keys)
        for group in groups:
            before = self.done

            def advance(count, before=before):
                self.done = before + count
                if self.progress is not None:
                    self.progress(self.done, total)

            # Others may have come between the steps.
            entries = storage._directory.entries
            found = [(key, entries[key]) for key in group if key in entries]
            try:
                merge(storage, found, advance)
                yield len(storage._directory.entries)
            except ConflictError:
                self.done = before
                raise
        if self.progress is not None:
            self.progress(total, total)


def _groups(directory):
    """Return lists of the keys of segments to be merged with each other."""
    groups, group, size, last = [], [], 0, 0
    for key, entry in directory.in_order():
        if group and entry.first > last and size + entry.live > LARGEST:
            groups.append(group)
            group, size = [], 0
        group.append((key, entry))
        size += entry.live
        last = max(last, entry.last)
    groups.append(group)
    return [[key for key, _ in group] for group in groups
            if len(group) > 1 or (group and group[0][1].buried)]
