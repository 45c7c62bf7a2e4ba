"""SQLite, with an index for each attribute that trackstore indexes."""

import json
import sqlite3
from pathlib import Path

from .sql import SqlSystem

SCHEMA = '''
CREATE TABLE IF NOT EXISTS track (
    id INTEGER PRIMARY KEY, task TEXT NOT NULL, run INTEGER NOT NULL,
    user_name TEXT NOT NULL, time INTEGER NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS track_task ON track (task);
CREATE INDEX IF NOT EXISTS track_run ON track (run);
CREATE INDEX IF NOT EXISTS track_user ON track (user_name);
CREATE INDEX IF NOT EXISTS track_time ON track (time);
'''
INSERT = 'INSERT INTO track (task, run, user_name, time, data) VALUES (?, ?, ?, ?, ?)'

# Made once: json.dumps() with separators makes one at each call.
encode = json.JSONEncoder(separators=(',', ':'), ensure_ascii=False).encode
decode = json.JSONDecoder().decode


class SQLite(SqlSystem):

    name = 'sqlite'
    setup = (
        'WAL, synchronous=full, indexes on task, run, user and time, data as '
        'JSON text, executemany, its default cache of 2 MB; ANALYZE after saving, '
        'untimed; tracks are given as dicts with decoded data; compacted by VACUUM')

    #: The size of the cache in KiB, or 0 for SQLite's default.
    cache = 0
    saved = False

    def open(self):
        path = Path(self.folder) / 'tracks.sqlite'
        fresh = not path.exists()
        self.connection = sqlite3.connect(path)
        self.connection.execute('PRAGMA journal_mode=WAL')
        self.connection.execute('PRAGMA synchronous=FULL')
        if self.cache:
            self.connection.execute(f'PRAGMA cache_size=-{self.cache}')
        if fresh:
            self.connection.executescript(SCHEMA)

    def close(self):
        if self.saved:
            # Without it the planner takes the wrong index where there are two.
            self.connection.execute('ANALYZE')
        self.connection.close()

    def save(self, records):
        self.saved = True
        runs = self.run_numbers(records)
        self.connection.executemany(INSERT, [
            (task, run, user, time, encode(data))
            for (task, _, user, data, time), run in zip(records, runs, strict=True)])
        self.connection.commit()

    def save_one(self, record):
        task, _, user, data, time = record
        run, = self.run_numbers([record])
        self.connection.execute(INSERT, (task, run, user, time, encode(data)))
        self.connection.commit()

    def compact(self):
        self.connection.execute('VACUUM')

    def to_dict(self, row):
        number, task, run, user, time, data = row
        return {'id': number, 'taskId': task, 'runId': run, 'userName': user,
                'timeStamp': time, 'data': decode(data)}


class SQLite64(SQLite):

    name = 'sqlite64'
    setup = 'the same with a cache of 64 MiB, to see what that changes'
    cache = 64 * 1024
