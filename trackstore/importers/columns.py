"""Which column of a table, or key of an object, is what of a track."""

from datetime import timezone

from trackstore.importers.exceptions import BadLine, SourceError
from trackstore.importers.times import CALENDAR, is_number, time_of

NONE = '-'
_ABSENT = object()

#: So deep in an object of JSON a column may be.
DEPTH = 8

UNITS = {'s': 1, 'ms': 1_000, 'us': 1_000_000, 'ns': 1_000_000_000}
USUAL = {
    'task': ('taskId', 'task', 'task_id', 'page', 'path', 'event'),
    'user': ('userName', 'user', 'user_name', 'userId', 'user_id'),
    'run': ('runId', 'run', 'run_id', 'session', 'session_id'),
    'time': ('timeStamp', 'timestamp', 'time', 'date', 'datetime', 'ts'),
}


class Columns:
    """A mapping of columns: ``task``, ``user``, ``run`` and ``time``.

    Each is the name of a column, ``'-'`` for none, or None for one of the
    usual names that the source has.  A key of an object within an object of JSON has
    a dotted name, ``context.user``.  Without a user column the user of all
    tracks is None, without a run the current run of the task is used, and
    without a time it is the time of the import.

    ``unit`` is that of numbers in the time column: 's', 'ms', 'us' or 'ns';
    ``zone`` is the time zone of times that name none.
    """

    def __init__(self, task=None, user=None, run=None, time=None, unit='s',
                 zone=timezone.utc):
        if unit not in UNITS:
            raise SourceError(
                f'unit: {unit!r} is no unit of time; allowed are '
                f'{", ".join(UNITS)}')
        if task == NONE:
            raise SourceError("task: '-' is not allowed; tracks need a task")
        self.names = {'task': task, 'user': user, 'run': run, 'time': time}
        self.unit, self.zone = UNITS[unit], zone

    def given(self):
        """Return the options that say which column is what, or in which unit."""
        return [f'--{what}' for what, name in self.names.items() if name is not None
                ] + ['--time-unit'] * (self.unit != 1)

    def resolve(self, present, path):
        """Return columns with names, chosen among those that are present."""
        chosen = {}
        for what, name in self.names.items():
            if name is None:
                usual = (name for name in USUAL[what] if name in present)
                name = next(usual, NONE if what == 'run' else None)
            elif name != NONE and name not in present:
                raise SourceError(
                    f'{path} has no column {name!r}; its columns are '
                    f'{_listed(present)}')
            if name is None:
                raise SourceError(
                    f'which column of {path} is the {what}? Its columns are '
                    f'{_listed(present)}'
                    + (f'; name one with --{what}' if present else '')
                    + ('' if what == 'task' else f', or --{what} - for none'))
            chosen[what] = name
        result = Columns(zone=self.zone)
        result.names, result.unit = chosen, self.unit
        return result

    def row(self, record, number):
        """Return the row of a mapping from column to value, which it changes."""
        found = {what: None if name == NONE else _taken(record, name)
                 for what, name in self.names.items()}
        for what in ('task', 'time'):
            if found[what] is _ABSENT:
                raise BadLine(f'it has no {self.names[what]!r} (the {what})')
        task, user, run = (
            _key(found[what], what) for what in ('task', 'user', 'run'))
        time = None if self.names['time'] == NONE else self._time(found['time'])
        return task, run, user, record, time, number

    def _time(self, value):
        try:
            time = time_of(value, self.zone)
        except ValueError as e:
            raise BadLine(str(e)) from None
        if self.unit != 1 and is_number(value):
            time = time / self.unit if time % self.unit else time // self.unit
        if not CALENDAR[0] <= time <= CALENDAR[-1]:
            raise BadLine(
                f'its time {value!r} is outside of the years 1 to 9999; if it is '
                f'not in seconds, name the unit (--time-unit ms)')
        return time


def names_in(record, depth=DEPTH):
    """Yield the names of the columns of an object of JSON, dotted those within others.
    """
    for name, value in record.items():
        yield name
        if isinstance(value, dict) and depth > 1 and '.' not in name:
            yield from (f'{name}.{inner}' for inner in names_in(value, depth - 1))


def _taken(record, name):
    """Return what stands under a name, and take it out; _ABSENT if there is nothing."""
    if name in record:
        return record.pop(name)
    outer, _, inner = name.partition('.')
    within = record.get(outer)
    return _taken(within, inner) if inner and isinstance(within, dict) else _ABSENT


def _key(value, what):
    if value is _ABSENT:
        return None
    if isinstance(value, (list, dict)):
        raise BadLine(
            f'its {what} is a {type(value).__name__}; a text, a number, true, '
            f'false or null is expected')
    if isinstance(value, float) and value != value:
        raise BadLine(f'its {what} is NaN; a text or a number is expected')
    return value


def _listed(names):
    names = list(names)
    if not names:
        return 'none'
    more = f' and {len(names) - 20} more' if len(names) > 20 else ''
    return ', '.join(map(repr, names[:20])) + more
