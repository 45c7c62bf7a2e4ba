"""The usual way with ZODB: a persistent object a track, an index an attribute."""

import transaction
from BTrees.IFBTree import intersection, multiunion
from BTrees.IOBTree import IOBTree
from BTrees.Length import Length
from BTrees.OOBTree import OOBTree, OOTreeSet
from persistent import Persistent
from zope.index.field import FieldIndex

from .zodbfile import CACHED_OBJECTS, ZODBFile

INDEXES = ('taskId', 'runId', 'userName', 'timeStamp')


class Track(Persistent):

    def __init__(self, taskId, runId, userName, timeStamp, data):
        self.taskId = taskId
        self.runId = runId
        self.userName = userName
        self.timeStamp = timeStamp
        self.data = data


class Run:

    def __init__(self, number, start):
        self.id = number
        self.start = self.end = start
        self.finished = False


class Storage(Persistent):
    """A container of tracks with counters of its own."""

    def __init__(self):
        self.tracks = OOBTree()
        self.length = Length()
        self.highest_track = 0
        self.highest_run = 0
        self.runs = IOBTree()
        self.current_runs = OOBTree()
        self.users_of_task = OOBTree()
        self.indexes = OOBTree()
        for name in INDEXES:
            self.indexes[name] = FieldIndex()

    def start_run(self, task, time):
        self.highest_run += 1
        self.runs[self.highest_run] = Run(self.highest_run, time)
        self.current_runs[task] = self.highest_run
        return self.highest_run

    def save(self, task, run, user, data, time):
        run = run or self.current_runs.get(task) or self.start_run(task, time)
        self.runs[run].end = time
        self.highest_track += 1
        number = self.highest_track
        track = Track(task, run, user, time, data)
        track.__parent__ = self
        track.__name__ = f'{number:07d}'
        self.tracks[track.__name__] = track
        self.length.change(1)
        for name in INDEXES:
            self.indexes[name].index_doc(number, getattr(track, name))
        users = self.users_of_task.get(task)
        if users is None:
            users = self.users_of_task[task] = OOTreeSet()
        users.insert(user)

    def numbers(self, criteria):
        """Return the set of numbers of the tracks that meet the criteria."""
        found = None
        for index, values in self.parts(criteria):
            each = [self.indexes[index].apply(value) for value in values]
            numbers = each[0] if len(each) == 1 else multiunion(each)
            found = numbers if found is None else intersection(found, numbers)
        return found

    def parts(self, criteria):
        """Yield pairs of an index and a list of ranges."""
        criteria = dict(criteria)
        times = criteria.pop('timeFrom', None), criteria.pop('timeTo', None)
        if times != (None, None):
            yield 'timeStamp', [times]
        for name, value in criteria.items():
            if isinstance(value, list):
                yield name, [(one, one) for one in value]
            elif isinstance(value, str) and value.endswith('*'):
                yield name, [(value[:-1], value[:-1] + '\U0010ffff')]
            else:
                yield name, [(value, value)]

    def query(self, criteria):
        return [self.tracks[f'{number:07d}'] for number in self.numbers(criteria)]


class Baseline(ZODBFile):

    name = 'baseline'
    setup = (
        'a persistent object a track in a BTree by zero-padded id, a zope.index '
        'FieldIndex for task, run, user and time, counters on the storage; '
        f'FileStorage, a cache of {CACHED_OBJECTS:,} objects; compacted by pack')
    packages = ('zope.index',)

    make_store = Storage

    def save(self, records):
        save = self.store.save
        for record in records:
            save(*record)
        transaction.commit()

    def save_one(self, record):
        self.store.save(*record)
        transaction.commit()

    def compact(self):
        self.db.pack()
        transaction.begin()

    def tracks(self, criteria):
        found = self.store.query(criteria)
        for track in found:
            track.data['duration']
        return found

    def last(self, criteria):
        found = self.tracks(criteria)
        return max(found, key=lambda track: (track.timeStamp, track.__name__),
                   default=None)

    def count(self, criteria):
        if not criteria:
            return self.store.length()
        return len(self.store.numbers(criteria))

    def group(self, criteria):
        groups = {}
        for track in self.store.query(criteria):
            time = track.timeStamp
            count, first, last = groups.get(track.userName, (0, time, time))
            groups[track.userName] = (count + 1, min(first, time), max(last, time))
        return groups

    def distinct(self, criteria):
        if list(criteria) == ['taskId']:
            return list(self.store.users_of_task[criteria['taskId']])
        return sorted({track.userName for track in self.store.query(criteria)})

    def plain(self, track):
        return (int(track.__name__), track.taskId, track.runId, track.userName,
                track.timeStamp, track.data)
