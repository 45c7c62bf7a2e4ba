"""What is compared with what, what is aimed at, and whether it is met."""

from collections import namedtuple

from .questions import TITLES
from .systems.floors import TITLES as FLOORS

Row = namedtuple('Row', 'size what own other other_name unit ratio aim met')
Row.__doc__ = """A comparison.

``ratio`` is how many times better this library is, unless ``aim`` begins with
'at most': then it is this library's figure over the other one, or its figure
alone where there is no other.  ``aim`` is '' where there is none, and ``met``
is then None.
"""

#: From this size on a store is a large one.
LARGE = 2_000_000
STATES = ('as saved', 'compacted')
AGAINST_DUCKDB = ('count', 'group', 'distinct')
OWN = 'trackstore'


class Figures:
    """The figures of one size."""

    def __init__(self, results, size):
        self.results = results
        self.size = size
        self.found = results['sizes'][str(size)]

    def get(self, system, *path):
        """Return a figure, or None if it was not measured."""
        return dig(self.found['systems'].get(system), path)

    def baseline(self, *path):
        """Return the baseline's figure and name at the largest size it has."""
        sizes = sorted((int(size) for size in self.results['sizes']), reverse=True)
        for size in sizes:
            figures = Figures(self.results, size)
            value = figures.get('baseline', *path)
            if size <= self.size and value is not None:
                at = '' if size == self.size else f' at {size:,}'
                return value, f'baseline{at}'
        return None, 'baseline'

    # kinds of comparison

    def better(self, what, own, other, other_name, unit, aim):
        """Compare rates (unit '/s') or times; more times better is better."""
        if own is None or other is None:
            return
        ratio = own / other if unit == '/s' else other / own
        met = None if aim is None else ratio >= aim
        text = '' if aim is None else f'{aim:g} times'
        yield Row(self.size, what, own, other, other_name, unit, ratio, text, met)

    def at_most(self, what, own, other, other_name, unit, aim):
        """Compare with a bound: of the ratio if there is an other, or alone."""
        if own is None or (other is None and other_name):
            return
        ratio = own if other is None else own / other
        met = None if aim is None else ratio <= aim
        text = '' if aim is None else f'at most {aim:g}'
        yield Row(self.size, what, own, other, other_name, unit, ratio, text, met)


def dig(found, path):
    for name in path:
        found = (found or {}).get(name)
    return found


def rows(results):
    """Return the list of all comparisons that a run's results allow."""
    found = []
    for size in sorted(int(size) for size in results['sizes']):
        figures = Figures(results, size)
        for part in (saving, space, asking, opening):
            found.extend(part(figures))
    return found


def saving(figures):
    large = figures.size >= LARGE
    what = 'bulk save in batches of 1,000, a commit each'
    own = figures.get(OWN, 'save', 'rate')
    yield from figures.better(
        what, own, figures.get('sqlite', 'save', 'rate'), 'SQLite', '/s',
        8 if large else 5)
    yield from figures.better(
        what, own, *figures.baseline('save', 'rate'), '/s', 30)
    yield from figures.better(
        what, own, figures.get('duckdb', 'save', 'rate'), 'DuckDB', '/s', None)
    what = 'bulk save in batches of 100,000'
    own = figures.get(OWN, 'bulk', 'rate')
    for system, name, aim in (('sqlite', 'SQLite', 5), ('duckdb', 'DuckDB', 1)):
        yield from figures.better(
            what, own, figures.get(system, 'bulk', 'rate'), name, '/s', aim)
    what = 'one save and commit, median'
    own = figures.get(OWN, 'single', 'median')
    floors = figures.found.get('floors', {})
    for floor, aim in (('object', 1.5), ('bytes', None)):
        yield from figures.at_most(
            what, own, dig(floors, (floor, 'median')), FLOORS[floor], 's', aim)
    yield from figures.better(
        what, own, *figures.baseline('single', 'median'), 's', 4)
    yield from figures.better(
        what, own, figures.get('sqlite', 'single', 'median'), 'SQLite', 's', None)


def space(figures):
    for part, what, aim in (
            ('save', 'bytes a track after batches of 1,000', 60),
            ('compact', 'bytes a track after compact and pack', 35)):
        used = figures.get(OWN, part, 'bytes')
        yield from figures.at_most(
            what, used and used / figures.size, None, '', 'bytes', aim)


def asking(figures):
    for name, title in TITLES.items():
        other, shown = (('duckdb', 'DuckDB') if name in AGAINST_DUCKDB
                        else ('sqlite', 'SQLite'))
        for state in STATES:
            path = 'queries', state, 'answers', name, 'seconds'
            yield from figures.better(
                f'{title}, warm, {state}', figures.get(OWN, *path),
                figures.get(other, *path), shown, 's', 1)


def opening(figures):
    smaller = figures.size // 10
    for way, what, aim in (
            ('from disk', 'open and answer one (task, user) of about 20 tracks, '
             'cold, as saved', 3),
            ('compacted', 'the same, compacted', 3),
            ('files in the cache', 'the same, files in the system\'s cache', None),
            ('growing answer', 'open and answer one (task, user) whose tracks '
             'grow with the store, cold', None)):
        own = figures.get(OWN, 'cold', way, 'seconds')
        if str(smaller) in figures.results['sizes']:
            other = Figures(figures.results, smaller).get(OWN, 'cold', way, 'seconds')
            yield from figures.at_most(
                what, own, other, f'its own at {smaller:,}', 's', aim)
        grown = figures.get(OWN, 'cold', way, 'grown')
        yield from figures.at_most(
            'memory grown by that', grown and grown / 1e6, None, '', 'MB',
            50 if aim else None)
