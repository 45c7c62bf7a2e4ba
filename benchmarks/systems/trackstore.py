"""This library."""

from pathlib import Path

import transaction
from ZODB import DB
from ZODB.FileStorage import FileStorage

from trackstore import TrackingStorage

from .base import System

CACHED_OBJECTS = 10_000


class Trackstore(System):

    name = 'trackstore'
    setup = (
        'indexes on task, run, user and time; FileStorage, a cache of '
        f'{CACHED_OBJECTS:,} objects; tracks are given as Track objects, and a key '
        'of the data of each is read; compacted by compact() and pack')
    packages = ('ZODB', 'BTrees', 'persistent', 'transaction', 'zope.interface')

    def open(self):
        path = str(Path(self.folder) / 'Data.fs')
        self.db = DB(FileStorage(path, pack_keep_old=False),
                     cache_size=CACHED_OBJECTS)
        self.connection = self.db.open()
        root = self.connection.root()
        if 'tracks' not in root:
            root['tracks'] = TrackingStorage()
            transaction.commit()
        self.store = root['tracks']

    def close(self):
        transaction.abort()
        self.connection.close()
        self.db.close()

    def save(self, records):
        self.store.saveTracks(records)
        transaction.commit()

    def save_one(self, record):
        task, run, user, data, time = record
        self.store.saveUserTrack(task, run, user, data, timeStamp=time)
        transaction.commit()

    def compact(self):
        # compact() has transactions of its own; a new one sees what it did.
        self.store.compact()
        transaction.begin()
        self.db.pack()
        transaction.begin()

    def refresh(self):
        transaction.abort()

    def tracks(self, criteria):
        found = list(self.store.query(**criteria))
        for track in found:
            track.data['duration']
        return found

    def last(self, criteria):
        track = self.store.getLastUserTrack(
            criteria['taskId'], criteria['runId'], criteria['userName'])
        if track is not None:
            track.data['duration']
        return track

    def count(self, criteria):
        return self.store.count(**criteria) if criteria else len(self.store)

    def group(self, criteria):
        groups = self.store.groupBy('userName', **criteria)
        return {user: (group.count, group.first, group.last)
                for user, group in groups.items()}

    def distinct(self, criteria):
        return self.store.distinct('userName', **criteria)

    def plain(self, track):
        return (int(track.name), track.taskId, track.runId, track.userName,
                track.timeStamp, dict(track.data))
