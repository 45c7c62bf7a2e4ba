"""The results as tables for people."""

from .aims import Row
from .plan import COLD_STARTS, SAVES_A_ROUND
from .questions import TITLES
from .systems.floors import TITLES as FLOORS

INTRODUCTION = '''\
# How the store compares

Written by `python -m benchmarks` (`make bench`); the figures behind the tables
are in `results.json`.  Rates differ from machine to machine; ratios of one run
differ less.
'''
NOTES = '''\
Each measurement is a process of its own, one after another; peak memory is that
process's, with Python, the modules and the batch that is being saved.  Making the
tracks is outside of the time; turning them into what a system takes is inside.

Rounds, in which the systems take turns: {rounds}; the median is shown.  Saving
in batches has one round above 200,000 tracks, and one for the baseline.  Single saves
are {saves} commits into a store that has the tracks already.

*As saved* is the store as batches of 1,000 left it; *compacted* is after compact and
pack (trackstore), VACUUM (SQLite), CHECKPOINT (DuckDB) or pack (baseline).  A warm
query is asked once, then at least five times in a round, each time in a new
transaction; what a system keeps between these is its own affair.  A cold query is
asked by a new process of a closed store{forgotten};
the median of {starts} starts is shown.

*Bytes* are those of all files after closing, without the scratch file that
FileStorage leaves there and empties when it opens (`Data.fs.tmp`).  The baseline is
slow, so it is given at most {baseline:,} tracks, and compared at the size that it was
measured at.

Every answer of every system was compared with the answer that plain Python gives:
tracks by number, task, run, user, time and data, in order.  A difference fails the
run.
'''


def markdown(results):
    """Return the report of a run as Markdown."""
    parts = [INTRODUCTION, conditions(results), '## What is aimed at\n']
    rows = [Row(**row) for row in results['aims']]
    for size in results['sizes']:
        parts.append(aims(int(size), [row for row in rows if row.size == int(size)]))
    parts.append('## How the figures grow\n')
    for name in results['conditions']['setups']:
        parts.append(growth(name, results))
    parts.append(floors(results))
    return '\n'.join(part for part in parts if part)


def table(head, rows, align=None):
    """Return a Markdown table; columns but the first are set to the right."""
    align = align or ['---'] + ['---:'] * (len(head) - 1)
    lines = [head, align, *rows]
    return '\n'.join('| ' + ' | '.join(line) + ' |' for line in lines) + '\n'


def conditions(results):
    found = results['conditions']
    packages = ', '.join(
        f'{name} {version}' for name, version in found['packages'].items())
    lines = [
        f'* {found["started"]} to {found["finished"]} (UTC)',
        f'* {found["processor"]}, {found["cores"]} cores, '
        f'{found["memory"] / 2 ** 30:.0f} GiB; {found["system"]}; '
        f'{found["file system"]}',
        '* Load before, and after each size: '
        + ', '.join(map(str, found['load']))
        + ' (much above 1 is other work on the machine, which spoils the figures)',
        f'* Python {found["python"]}; {packages}',
        f'* Workload: {found["workload"]}']
    lines += [f'* {name}: {setup}' for name, setup in found['setups'].items()]
    notes = NOTES.format(
        rounds=found['rounds'], saves=f'{found["rounds"]} times {SAVES_A_ROUND:,}',
        baseline=found['baseline at most'], starts=COLD_STARTS,
        forgotten=" whose files were dropped from the system's cache"
        if found['files are dropped'] else '')
    return '## Conditions\n\n' + '\n'.join(lines) + '\n\n' + notes


def shown(value, unit):
    """Return a figure with its unit, short enough for a table."""
    if value is None:
        return ''
    if unit == '/s':
        return f'{value:,.0f}/s'
    if unit == 's':
        return seconds(value)
    return f'{value:,.1f} {unit}'


def seconds(value):
    for factor, unit in ((1, 's'), (1e3, 'ms')):
        if value * factor >= 1:
            return f'{value * factor:.3g} {unit}'
    return f'{value * 1e6:.3g} µs'


def aims(size, rows):
    head = ['what', 'trackstore', 'compared with', 'its figure', 'ratio', 'aim', 'met']
    lines = []
    for row in rows:
        met = {True: 'yes', False: '**no**', None: ''}[row.met]
        ratio = '' if row.other is None else f'{row.ratio:.2f}'
        lines.append([row.what, shown(row.own, row.unit), row.other_name,
                      shown(row.other, row.unit), ratio, row.aim, met])
    if not lines:
        return ''
    aimed = [row for row in rows if row.met is not None]
    met = sum(row.met for row in aimed)
    align = ['---', '---:', '---', '---:', '---:', '---', '---']
    return (f'### {size:,} tracks: {met} of {len(aimed)} aims met\n\n'
            'The ratio says how many times better trackstore is; where the aim is '
            'an “at most”, it is trackstore\'s figure over the other.\n\n'
            + table(head, lines, align))


#: Of each figure: its title, its place in the results of a system, its unit.
FIGURES = [
    ('batches of 1,000', ('save', 'rate'), '/s'),
    ('the last tenth of these', ('save', 'rate of last tenth'), '/s'),
    ('longest of these batches', ('save', 'longest'), 's'),
    ('peak memory of that', ('save', 'peak'), 'MB'),
    ('bytes a track after that', ('save', 'bytes'), 'bytes'),
    ('batches of 100,000', ('bulk', 'rate'), '/s'),
    ('peak memory of that', ('bulk', 'peak'), 'MB'),
    ('bytes a track after that', ('bulk', 'bytes'), 'bytes'),
    ('compacting', ('compact', 'seconds'), 's'),
    ('peak memory of that', ('compact', 'peak'), 'MB'),
    ('bytes a track after that', ('compact', 'bytes'), 'bytes'),
    ('one save and commit, median', ('single', 'median'), 's'),
    ('one save and commit, mean', ('single', 'mean'), 's'),
    ('one save and commit, 99 % within', ('single', 'p99'), 's'),
    ('open and ask, cold, as saved', ('cold', 'from disk', 'seconds'), 's'),
    ('memory grown by that', ('cold', 'from disk', 'grown'), 'MB'),
    ('open and ask, cold, compacted', ('cold', 'compacted', 'seconds'), 's'),
    ('open and ask, files in the cache',
     ('cold', 'files in the cache', 'seconds'), 's'),
    ('open and ask for an answer that grows, cold',
     ('cold', 'growing answer', 'seconds'), 's'),
    *((f'{title}, {state}', ('queries', state, 'answers', name, 'seconds'), 's')
      for name, title in TITLES.items() for state in ('as saved', 'compacted')),
    ('all tracks of the largest task, asked for the first time, as saved',
     ('queries', 'as saved', 'answers', 'task', 'first'), 's'),
    ('all tracks of the largest task, asked for the first time, compacted',
     ('queries', 'compacted', 'answers', 'task', 'first'), 's'),
    ('peak memory of queries, as saved', ('queries', 'as saved', 'peak'), 'MB'),
    ('peak memory of queries, compacted', ('queries', 'compacted', 'peak'), 'MB'),
]


def figure(found, path, unit, size):
    """Return a figure in its unit, or None."""
    for name in path:
        found = (found or {}).get(name)
    if found is None:
        return None
    return found / {'MB': 1e6, 'bytes': size}.get(unit, 1)


def growth(name, results):
    """Return the table of a system: a column for each size."""
    sizes = [int(size) for size, found in results['sizes'].items()
             if name in found['systems']]
    lines = []
    for title, path, unit in FIGURES:
        values = [figure(results['sizes'][str(size)]['systems'][name], path, unit, size)
                  for size in sizes]
        if any(value is not None for value in values):
            lines.append([title, *(shown(value, unit) for value in values),
                          factor(values)])
    if not lines:
        return ''
    return f'### {name}\n\n' + table(
        ['', *(f'{size:,}' for size in sizes), 'last / first'], lines)


def factor(values):
    """Return how many times the first figure the last one is."""
    values = [value for value in values if value]
    return f'{values[-1] / values[0]:.2f}' if len(values) > 1 else ''


def floors(results):
    """Return the table of what ZODB and the workload themselves cost."""
    lines = []
    for floor, title in FLOORS.items():
        values = [found.get('floors', {}).get(floor, {}).get('median')
                  for found in results['sizes'].values()]
        lines.append([title, *(shown(value, 's') for value in values)])
    for part, title in (('save', '1,000'), ('bulk', '100,000')):
        values = [figure(found, (f'generate for {part}', 'peak'), 'MB', 1)
                  for found in results['sizes'].values()]
        lines.append([f'peak memory of making the tracks in batches of {title}',
                      *(shown(value, 'MB') for value in values)])
    lengths = [[f'tracks or values in the answer: {title}',
                *(f'{found["questions"][name]["length"]:,}'
                  for found in results['sizes'].values())]
               for name, title in {**TITLES, 'small pair': 'cold (task, user)'}.items()]
    return '### floors and answers\n\n' + table(
        ['', *(f'{int(size):,}' for size in results['sizes'])], lines + lengths)
