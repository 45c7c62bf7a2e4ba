"""Runs, and where they are kept."""

import pickle
from collections.abc import Mapping
from typing import NamedTuple

from persistent import Persistent
from zope.interface import implementer

from trackstore import branches, damage, keys, tail
from trackstore.interfaces import IRun
from trackstore.ledger import NAME, Ledger
from trackstore.timestamps import checked, timeStamp2ISO

#: The number of pages of each of the two tails of runs.
PAGES = 4

#: Of about so many runs, at the most, is kept in mind what is known.
KNOWN = 2 ** 14

#: What errors call their pages.
PAGE_NAME = 'runs, page {}'
CURRENT_NAME = 'current runs, page {}'


class RunState(NamedTuple):
    """What is stored of a run; ``end`` is None until it is stopped."""

    taskId: object
    start: float
    end: float
    finished: bool


@implementer(IRun)
class Run:
    """A handle on a run: it reads and writes through its storage."""

    __slots__ = ('_storage', 'id')

    def __init__(self, storage, id):
        self._storage = storage
        self.id = id

    def _state(self):
        state = self._storage._runs.get(self.id)
        if state is None:
            raise KeyError(f'run {self.id} does not exist')
        return state

    def _change(self, **values):
        state = self._state()
        changed = state._replace(**values)
        if changed != state:
            self._storage._put_run(self.id, changed)

    @property
    def taskId(self):
        """The task that the run was started for, or None."""
        return self._state().taskId

    @property
    def start(self):
        return self._state().start

    @start.setter
    def start(self, timeStamp):
        self._change(start=checked(timeStamp, 'start'))

    @property
    def end(self):
        state = self._state()
        if state.end is not None:
            return state.end
        return max(state.start, self._storage._last_time(self.id, state.start))

    @end.setter
    def end(self, timeStamp):
        self._change(end=checked(timeStamp, 'end'))

    @property
    def finished(self):
        return self._state().finished

    @finished.setter
    def finished(self, finished):
        self._change(finished=bool(finished))

    def __eq__(self, other):
        return (isinstance(other, Run) and self.id == other.id
                and self._storage is other._storage)

    def __hash__(self):
        return hash(self.id)

    def __repr__(self):
        return (f'<Run {self.id}, {timeStamp2ISO(self.start)}, '
                f'{timeStamp2ISO(self.end)}, {self.finished}>')


class RunTable(Persistent):
    """The runs by number, and the current run of each task.

    New and changed entries stand in pages first; upkeep moves them to ledgers, and
    current runs to branches.
    """

    LEDGERS = ('active', 'done')

    def __init__(self):
        self.pages = tail.make(tail.SharingPage, PAGE_NAME, PAGES)
        self.current_pages = tail.make(tail.SharingPage, CURRENT_NAME, PAGES)
        self.active, self.done = map(Ledger, self.LEDGERS)
        self.current = branches.Branch()

    def __getstate__(self):
        return self.pages, self.current_pages, self.active, self.done, self.current

    def __setstate__(self, state):
        parts = damage.shaped(self, state, tuple, tuple, *[Persistent] * 3)
        self.pages, self.current_pages, self.active, self.done, self.current = parts
        damage.distinct(self, (*parts[0], *parts[1], *parts[2:]))
        tail.expect(self.pages, PAGE_NAME)
        tail.expect(self.current_pages, CURRENT_NAME)
        for name, ledger in zip(self.LEDGERS, parts[2:4], strict=True):
            damage.expect(ledger, Ledger, NAME, name)
        damage.expect(self.current, branches.Branch, branches.NAME, branches.ROOT)

    def _page(self, number):
        return damage.loaded(self.pages[number // tail.PAGE_SIZE % PAGES])

    def _all_pages(self):
        return self.pages + self.current_pages

    def known(self):
        """Return what is known of runs: dictionaries that are kept while valid.

        From task to current run, and from run to the end that it has.
        """
        kept = self.__dict__.get('_v_known')
        if kept is None or kept[0] != self._stamps():
            self.keep({}, {})
            kept = self._v_known
        return kept[1:]

    def keep(self, current, ends):
        """Keep these as what is known now, or nothing where they are too many."""
        if len(current) + len(ends) > 2 * KNOWN:
            current, ends = {}, {}
        self._v_known = self._stamps(), current, ends

    def _stamps(self):
        return [tail.is_readable(page) and page._v_stamp
                for page in self._all_pages()]

    def get(self, number):
        """Return the state of a run, or None."""
        record = self._page(number).records.get(number)
        if record is None:
            record = self.in_ledgers(number)
        return None if record is None else RunState(*pickle.loads(record))

    def in_page(self, number):
        """Tell whether a run is new or changed, so that a page has it."""
        return number in self._page(number).records

    def in_ledgers(self, number):
        """Return the record of a run that is in no page, or None."""
        record = damage.loaded(self.active).get(number)
        return damage.loaded(self.done).get(number) if record is None else record

    def put(self, number, state, new=False):
        """Set the state of a run; tell whether its page is over-full."""
        page = self._page(number)
        page.put(number, pickle.dumps(tuple(state), 5), new)
        return len(page.records) > tail.PAGE_SIZE

    def current_page_number(self, taskId):
        """Return which page is to tell the current run of a task."""
        return keys.stable_hash(taskId) % PAGES

    def _current_page(self, taskId):
        return damage.loaded(self.current_pages[self.current_page_number(taskId)])

    def get_current(self, taskId):
        """Return the number of the task's current run, or None."""
        key = keys.sort_key(taskId)
        records = self._current_page(taskId).records
        return records[key] if key in records else damage.loaded(
            self.current).get(key)

    def prefetch_current(self, taskIds):
        """Ask a server at once for what tells the current runs of tasks."""
        damage.loaded(self.current).prefetch(map(keys.sort_key, taskIds))

    def set_current(self, taskId, number):
        """Set the task's current run, None for none."""
        page = self._current_page(taskId)
        page.put(keys.sort_key(taskId), number)
        return len(page.records) > tail.PAGE_SIZE

    def last(self):
        """Return the highest number of a run in the ledgers."""
        done = damage.loaded(self.done).highest()
        return damage.loaded(self.active).highest(done)

    def numbers(self, finished):
        """Return the sorted numbers of the runs that are (not) finished."""
        numbers = {number for number, _ in damage.loaded(
            self.done if finished else self.active).items()}
        for page in map(damage.loaded, self.pages):
            for number, record in page.records.items():
                if RunState(*pickle.loads(record)).finished == finished:
                    numbers.add(number)
                else:
                    numbers.discard(number)
        return sorted(numbers)

    def currents(self):
        """Return a dictionary from task to the number of its current run."""
        found = dict(damage.loaded(self.current).items())
        for page in map(damage.loaded, self.current_pages):
            found.update(page.records)
        return {keys.value_of(key): number
                for key, number in sorted(found.items()) if number is not None}

    def overfull(self):
        """Tell whether it is time to seal."""
        return any(len(page.records) > tail.PAGE_SIZE
                   for page in filter(tail.is_readable, self._all_pages()))

    def seal(self):
        """Move what stands in the pages to the ledgers, but for hurt ones."""
        active, done, current = {}, {}, {}
        for page in filter(tail.is_readable, self.pages):
            for number, record in page.records.items():
                finished = RunState(*pickle.loads(record)).finished
                done[number] = record if finished else None
                active[number] = None if finished else record
        for page in filter(tail.is_readable, self.current_pages):
            current.update(page.records)
        for ledger, changes in ((self.active, active), (self.done, done),
                                (self.current, current)):
            damage.loaded(ledger).change(changes)
        for page in filter(tail.is_readable, self._all_pages()):
            if page.records:
                page.seal()


class Runs(Mapping):
    """The runs that are finished, or those that are not, by number."""

    def __init__(self, storage, finished):
        self._storage = storage
        self._finished = finished

    def __getitem__(self, number):
        state = self._storage._runs.get(number) if type(number) is int else None
        if state is None or state.finished != self._finished:
            raise KeyError(number)
        return Run(self._storage, number)

    def __iter__(self):
        return iter(self._storage._runs.numbers(self._finished))

    def __len__(self):
        return len(self._storage._runs.numbers(self._finished))

    def __repr__(self):
        return f'<{len(self)} {"finished" if self._finished else "active"} runs>'


class CurrentRuns(Mapping):
    """The number of each task's current run."""

    def __init__(self, storage):
        self._storage = storage

    def __getitem__(self, taskId):
        number = None
        if keys.kind_of(taskId) is not None:
            number = self._storage._runs.get_current(taskId)
        if number is None:
            raise KeyError(taskId)
        return number

    def __iter__(self):
        return iter(self._storage._runs.currents())

    def __len__(self):
        return len(self._storage._runs.currents())

    def __repr__(self):
        return repr(self._storage._runs.currents())
