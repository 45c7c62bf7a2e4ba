"""Whether the runs can be read, and which there are."""

from trackstore import branches, damage, keys, tail
from trackstore.intervals import Intervals, IntervalsBuilder
from trackstore.ledger import LEAF, LEAF_NAME, NAME, SHELF_NAME
from trackstore.run import CURRENT_NAME, PAGE_NAME


class RunNumbers:
    """The numbers of all runs: those of the ledgers as intervals.

    Numbers that a hurt part may have are there: what is wrong is told of that part.
    """

    def __init__(self):
        self.builder = IntervalsBuilder()
        self.intervals = Intervals((), (0,))
        self.pages = {0: None}  # the numbers in each page; None is a hurt one

    def __contains__(self, number):
        if type(number) is not int or number <= 0:
            return False
        page = self.pages[tail.page_number(number, len(self.pages))]
        return (page is None or number in page
                or self.intervals.position_of(number) is not None)

    def add_leaf(self, number, found):
        """Add the numbers of the leaves of that number, None for all it may have."""
        if found is None:
            found = range(number * LEAF, (number + 1) * LEAF)
        if found:
            self.builder.add(sorted(found))

    def finish(self):
        """Make intervals of all that was added, which has to have risen."""
        if self.builder.starts:
            self.builder.offsets.append(self.builder.count)
            self.intervals = Intervals(self.builder.starts, self.builder.offsets)


def check_runs(check):
    """Read all pages and leaves of runs; tell the ``verify.Check`` what is hurt."""
    with check.noting('the runs'):
        table = check.storage._runs
        pages = _records(check, table.pages, PAGE_NAME, 'page')
        current = _records(check, table.current_pages, CURRENT_NAME, 'current page')
        leaves = [_leaves(check, getattr(table, name), name)
                  for name in table.LEDGERS]
        if None not in leaves:
            _check_leaves(check, *leaves)
            check.known.pages = pages
        for number, records in current.items():
            _check_currents(check, CURRENT_NAME.format(number), records or {}, ())
        with _noting_currents(check, branches.ROOT):
            _check_branches(check, damage.loaded(table.current), [*current.values()])


def _check_branches(check, branch, above):
    """Read a branch and all that is below it; ``above`` are entries that hide its."""
    _check_currents(check, branches.NAME.format(branch.path), branch.entries, above)
    above = [*above, branch.entries]
    for digit, deeper in list(branch.deeper.items()):
        with (_noting_currents(check, f'{branch.path}.{digit}'),
              check.releasing(deeper)):
            _check_branches(check, branch.branch(digit), above)


def _check_currents(check, where, entries, above):
    """Note which current runs do not exist; not where it is unknown what is hidden."""
    if None in above:
        return
    for key, run in entries.items():
        if run is not None and run not in check.known and not any(
                key in hiding for hiding in above):
            check.problems.append(
                f'{where}: run {run!r}, the current one of {keys.value_of(key)!r}, '
                f'does not exist')
            check.runs.append(('lost current', None))


def _noting_currents(check, path):
    return check.noting(
        branches.NAME.format(path), check.runs.append, ('currents', None))


def _records(check, pages, form, kind):
    """Return the records of each page by its number, None of one that is hurt."""
    found = dict.fromkeys(range(len(pages)))
    for number, page in enumerate(pages):
        with check.noting(form.format(number), check.runs.append, (kind, number)):
            found[number] = damage.loaded(page).records
    return found


def _leaves(check, ledger, name):
    """Return the shelves of leaves by the number of a leaf, None if any is hurt."""
    found, hurt = {}, len(check.runs)
    with check.noting(NAME.format(name), check.runs.append, ('ledger', name)):
        for place in sorted(damage.loaded(ledger).parts):
            with check.noting(SHELF_NAME.format(name, place), check.runs.append,
                              ('shelf', (name, place))):
                shelf = ledger.part(place)
                found.update(dict.fromkeys(shelf.parts, shelf))
    return found if len(check.runs) == hurt else None


def _check_leaves(check, *shelves):
    """Note which runs the ledgers have, leaf by leaf."""
    for number in sorted(set().union(*shelves)):
        found = [_entries(check, each[number], number)
                 for each in shelves if number in each]
        check.known.add_leaf(number, None if None in found else set().union(*found))
    check.known.finish()


def _entries(check, shelf, number):
    """Return the keys of a leaf, None if it is hurt."""
    found = None
    name = shelf.words[0]
    with (check.noting(LEAF_NAME.format(name, number), check.runs.append,
                       ('leaf', (name, number))),
          check.releasing(shelf.parts[number])):
        found = list(shelf.part(number).entries)
    return found
