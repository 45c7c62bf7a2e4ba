"""DuckDB, without an index, filled from Arrow tables.

The four keys of the data are columns: that is DuckDB at its best, though it
then takes no other keys.
"""

from pathlib import Path

import duckdb
import pyarrow

from .sql import SqlSystem

KEYS = {'action': 'VARCHAR', 'page': 'VARCHAR', 'duration': 'BIGINT',
        'mobile': 'BOOLEAN'}
SCHEMA = f'''
CREATE TABLE IF NOT EXISTS track (
    id BIGINT, task VARCHAR, run BIGINT, user_name VARCHAR, time BIGINT,
    {', '.join(f'{key} {kind}' for key, kind in KEYS.items())})
'''


class DuckDB(SqlSystem):

    name = 'duckdb'
    setup = (
        'no index, the four keys of the data as columns; each batch is made into '
        'an Arrow table from the same Python objects inside of the time that is '
        'measured; tracks are given as dicts; all cores; compacted by CHECKPOINT')
    packages = ('duckdb', 'pyarrow')
    columns = ', '.join(['id', 'task', 'run', 'user_name', 'time', *KEYS])
    #: the highest number given, once something is saved
    highest = None

    def open(self):
        self.connection = duckdb.connect(str(Path(self.folder) / 'tracks.duckdb'))
        self.connection.execute(SCHEMA)

    def close(self):
        self.connection.close()

    def next_numbers(self, count):
        """Return a range of numbers not used yet."""
        if self.highest is None:
            self.highest = self.rows('SELECT coalesce(max(id), 0) FROM track', [])[0][0]
        first = self.highest + 1
        self.highest += count
        return range(first, first + count)

    def save(self, records):
        # Column by column: zip(*records) takes three times as long.
        data = [record[3] for record in records]
        columns = {
            'id': self.next_numbers(len(records)),
            'task': [record[0] for record in records],
            'run': self.run_numbers(records),
            'user_name': [record[2] for record in records],
            'time': [record[4] for record in records]}
        for key in KEYS:
            columns[key] = [each[key] for each in data]
        table = pyarrow.table({
            name: pyarrow.array(values) for name, values in columns.items()})
        self.connection.register('batch', table)
        self.connection.execute('INSERT INTO track SELECT * FROM batch')
        self.connection.unregister('batch')

    def save_one(self, record):
        task, _, user, data, time = record
        run, = self.run_numbers([record])
        number, = self.next_numbers(1)
        self.connection.execute(
            'INSERT INTO track VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
            (number, task, run, user, time, *(data[key] for key in KEYS)))

    def compact(self):
        self.connection.execute('CHECKPOINT')

    def to_dict(self, row):
        number, task, run, user, time, action, page, duration, mobile = row
        return {'id': number, 'taskId': task, 'runId': run, 'userName': user,
                'timeStamp': time, 'data': {
                    'action': action, 'page': page, 'duration': duration,
                    'mobile': mobile}}
