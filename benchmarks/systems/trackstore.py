"""This library."""

import transaction

from trackstore import TrackingStorage

from .zodbfile import CACHED_OBJECTS, ZODBFile


class Trackstore(ZODBFile):

    name = 'trackstore'
    setup = (
        'indexes on task, run, user and time; FileStorage, a cache of '
        f'{CACHED_OBJECTS:,} objects; tracks are given as Track objects, and a key '
        'of the data of each is read; compacted by compact() and pack')
    packages = ('ZODB', 'BTrees', 'persistent', 'transaction', 'zope.interface')

    make_store = TrackingStorage

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
