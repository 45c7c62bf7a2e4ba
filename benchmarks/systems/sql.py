"""What the systems that speak SQL have in common."""

from .base import System

NAMES = ('id', 'taskId', 'runId', 'userName', 'timeStamp', 'data')


def where(criteria):
    """Return a condition with question marks, and the list of its values."""
    conditions, values = [], []

    def add(condition, *given):
        conditions.append(condition)
        values.extend(given)

    for name, value in criteria.items():
        if name == 'taskId' and isinstance(value, list):
            add(f'task IN ({", ".join("?" * len(value))})', *value)
        elif name == 'taskId':
            add('task = ?', value)
        elif name == 'runId':
            add('run = ?', value)
        elif name == 'userName' and value.endswith('*'):
            # A range, which an index serves whatever the collation.
            prefix = value[:-1]
            add('user_name >= ? AND user_name < ?',
                prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1))
        elif name == 'userName':
            add('user_name = ?', value)
        elif name == 'timeFrom':
            add('time >= ?', value)
        elif name == 'timeTo':
            add('time <= ?', value)
        else:
            raise TypeError(f'Unknown criterion {name!r}.')
    return ' AND '.join(conditions) or '1 = 1', values


class SqlSystem(System):
    """Answers questions through ``rows``, which the subclass has."""

    connection = None
    #: what is selected for ``to_dict``
    columns = 'id, task, run, user_name, time, data'
    #: task -> run, once something is saved
    runs = None

    def rows(self, statement, values):
        """Return all rows of the answer as tuples."""
        return self.connection.execute(statement, values).fetchall()

    def to_dict(self, row):
        """Return the track of a row of ``columns`` as a dictionary."""
        raise NotImplementedError

    def run_numbers(self, records):
        """Return the list of the runs of the records, starting new ones."""
        if self.runs is None:
            self.runs = dict(self.rows(
                'SELECT task, max(run) FROM track GROUP BY task', []))
        runs = self.runs
        numbers = []
        for record in records:
            task = record[0]
            run = runs.get(task)
            if run is None:
                run = runs[task] = len(runs) + 1
            numbers.append(run)
        return numbers

    def tracks(self, criteria):
        condition, values = where(criteria)
        rows = self.rows(
            f'SELECT {self.columns} FROM track WHERE {condition} ORDER BY id', values)
        to_dict = self.to_dict
        return [to_dict(row) for row in rows]

    def last(self, criteria):
        condition, values = where(criteria)
        rows = self.rows(
            f'SELECT {self.columns} FROM track WHERE {condition} '
            'ORDER BY time DESC, id DESC LIMIT 1', values)
        return self.to_dict(rows[0]) if rows else None

    def count(self, criteria):
        condition, values = where(criteria)
        return self.rows(
            f'SELECT count(*) FROM track WHERE {condition}', values)[0][0]

    def group(self, criteria):
        condition, values = where(criteria)
        rows = self.rows(
            'SELECT user_name, count(*), min(time), max(time) FROM track '
            f'WHERE {condition} GROUP BY user_name', values)
        return {user: (count, first, last) for user, count, first, last in rows}

    def distinct(self, criteria):
        condition, values = where(criteria)
        rows = self.rows(
            f'SELECT DISTINCT user_name FROM track WHERE {condition} '
            'ORDER BY user_name', values)
        return [row[0] for row in rows]

    def plain(self, track):
        return tuple(track[name] for name in NAMES)
