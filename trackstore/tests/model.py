"""A model of the store: dictionaries and loops, slow and plainly right.

The tests do the same things to a store and to a ``Model`` and compare the two
with ``differences``.  Tracks are named by their numbers here.
"""

import datetime
from contextlib import ExitStack, contextmanager
from copy import deepcopy
from unittest import mock

from trackstore import (
    Track,
    block,
    bulk,
    index,
    merge,
    rewrite,
    segment,
    tail,
)
from trackstore.criteria import Between, Equal, Not, Prefix

MISSING = object()


class Item(Track):
    """A track class with an index of each sort."""

    metadata_attributes = Track.metadata_attributes + ("state",)
    index_attributes = Track.index_attributes + ("state", "kind", "size")
    typeName = "Item"

    @property
    def size(self):
        return len(self.data)


@contextmanager
def small_segments(size):
    """Keep everything so small that a few tracks fill pages, blocks, segments."""
    sizes = {
        tail: {"PAGE_SIZE": size, "PAGES": 3},
        block: {"SIZE": 2 * size},
        rewrite: {"SIZE": 2 * size, "SMALL": size},
        segment: {"INDEXED": 3 * size},
        index: {"PAGE_BYTES": 8 * size, "PAGE_VALUES": size},
        bulk: {"TAIL_MOST": size, "SEGMENT": 12 * size},
        merge: {"FANOUT": 3, "SMALLEST": 3 * size, "INLINE": 30 * size,
                "LARGEST": 40 * size}}
    with ExitStack() as stack:
        for module, values in sizes.items():
            stack.enter_context(mock.patch.multiple(module, **values))
        yield


def kind(value):
    """Return the name of the kind of values that this one compares with."""
    if isinstance(value, (bool, int, float)):
        return "number"
    if isinstance(value, datetime.datetime):
        return "naive" if value.utcoffset() is None else "aware"
    return type(value).__name__


def holds(criterion, value):
    """Tell whether a criterion holds for the value of a track."""
    if isinstance(criterion, (list, tuple, set, frozenset)):
        return any(holds(each, value) for each in criterion)
    if isinstance(criterion, Not):
        return not holds(criterion.arguments[0], value)
    if value is MISSING:
        return False
    if isinstance(criterion, Between):
        return _between(*criterion.arguments, value)
    if isinstance(criterion, Prefix):
        return _begins(value, criterion.arguments[0])
    if isinstance(criterion, Equal):
        return value == criterion.arguments[0]
    if isinstance(criterion, str) and criterion.endswith("*"):
        return _begins(value, criterion[:-1])
    return value == criterion


def _between(low, high, value):
    for bound in (low, high):
        if bound is not None and kind(bound) != kind(value):
            return False
    return (low is None or low <= value) and (high is None or value <= high)


def _begins(value, text):
    return type(value) is type(text) and value.startswith(text)


class ModelRun:
    """A run of the model."""

    def __init__(self, number, start):
        self.id = number
        self.start = start
        self.stopped = None
        self.finished = False


class ModelTrack:
    """A track of the model."""

    def __init__(self, number, taskId, runId, userName, data, timeStamp):
        self.number = number
        self.taskId = taskId
        self.runId = runId
        self.userName = userName
        self.timeStamp = timeStamp
        self.data = dict(data)
        self.others = {}

    def value(self, name):
        """Return the value that the index of that name has for the track."""
        if name in ("taskId", "runId", "userName", "timeStamp"):
            return getattr(self, name)
        if name == "size":
            return len(self.data)
        if name == "state":
            return self.others.get(name)
        return self.data.get(name, MISSING)


class Model:
    """What a ``TrackingStorage`` with tracks of the class ``Item`` does."""

    def __init__(self, now=0):
        self.now = now
        self.tracks = {}
        self.runs = {}
        self.current = {}
        self.lastNumber = 0
        self.lastRun = 0

    def copy(self):
        """Return a copy that shares nothing with the model."""
        return deepcopy(self)

    # runs

    def startRun(self, taskId=None, timeStamp=None):
        self.lastRun += 1
        start = self.now if timeStamp is None else timeStamp
        self.runs[self.lastRun] = ModelRun(self.lastRun, start)
        if taskId is not None:
            self.current[taskId] = self.lastRun
        return self.lastRun

    def stopRun(self, taskId=None, runId=0, finish=True, timeStamp=None):
        run = self.getRun(taskId, runId)
        if run is None:
            return 0
        run.finished = finish
        run.stopped = self.now if timeStamp is None else timeStamp
        self.current = {task: number for task, number in self.current.items()
                        if number != run.id}
        return run.id

    def getRun(self, taskId=None, runId=0):
        if taskId is not None:
            runId = runId or self.current.get(taskId)
        return self.runs.get(runId)

    def endOfRun(self, number):
        """Return when a run was stopped; before that, when its last track was."""
        run = self.runs[number]
        if run.stopped is not None:
            return run.stopped
        return max([run.start, *(track.timeStamp for track in self.tracks.values()
                                 if track.runId == number)])

    # saving

    def saveUserTrack(self, taskId, runId, userName, data, update=False,
                      timeStamp=None, overwrite=False):
        when = self.now if timeStamp is None else timeStamp
        runId = runId or self.current.get(taskId)
        if runId is None:
            runId = self.current[taskId] = self.startRun(timeStamp=timeStamp)
        if runId not in self.runs:
            raise ValueError(runId)
        if update:
            last = self.getLastUserTrack(taskId, runId, userName)
            if last is not None:
                if data or overwrite:
                    self._update(last, data, overwrite, when)
                    self._stretch(runId, when)
                return last
        self.lastNumber += 1
        self._stretch(runId, when)
        self.tracks[self.lastNumber] = ModelTrack(
            self.lastNumber, taskId, runId, userName, data, when)
        return self.lastNumber

    def saveTracks(self, records):
        numbers = []
        for record in records:
            if isinstance(record, dict):
                record = (record["taskId"], record.get("runId", 0),
                          record["userName"], record["data"],
                          record.get("timeStamp"))
            taskId, runId, userName, data, *rest = record
            timeStamp = rest[0] if rest else None
            numbers.append(self.saveUserTrack(
                taskId, runId, userName, data, timeStamp=timeStamp))
        return numbers

    def updateTrack(self, number, data, overwrite=False):
        if data:
            self._update(number, data, overwrite, self.now)

    def _update(self, number, data, overwrite, when):
        track = self.tracks[number]
        track.data = dict(data) if overwrite else {**track.data, **data}
        track.timeStamp = when

    def _stretch(self, runId, when):
        """Move the end of a stopped run to a later track that is saved in it."""
        run = self.runs[runId]
        if run.stopped is not None:
            run.stopped = max(run.stopped, when)

    def setTrackData(self, number, data):
        self.tracks[number].data = dict(data)

    def setAttribute(self, number, name, value):
        track = self.tracks[number]
        if name in ("taskId", "runId", "userName", "timeStamp"):
            setattr(track, name, value)
        else:
            track.others[name] = value

    def removeTrack(self, number):
        self.tracks.pop(number, None)

    def removeTracks(self, **criteria):
        found = self.query(**criteria)
        for number in found:
            del self.tracks[number]
        return len(found)

    # asking

    def query(self, limit=None, reverse=False, after=None, timeFrom=None,
              timeTo=None, timeFromTo=(None, None), **criteria):
        """Return the numbers of the tracks for which the criteria hold."""
        low, high = timeFromTo
        after = None if after is None else int(after)
        numbers = []
        for number in sorted(self.tracks, reverse=reverse):
            track = self.tracks[number]
            if after is not None and (
                    number >= after if reverse else number <= after):
                continue
            if not all(bound is None or bound <= track.timeStamp
                       for bound in (low, timeFrom)):
                continue
            if not all(bound is None or track.timeStamp <= bound
                       for bound in (high, timeTo)):
                continue
            if all(holds(criterion, track.value(name))
                   for name, criterion in criteria.items()
                   if not (name == "runId" and criterion is None)):
                numbers.append(number)
        return numbers[:limit]

    def count(self, **criteria):
        return len(self.query(**criteria))

    def groupBy(self, attribute, of=None, **criteria):
        """Return a dictionary from each value to a tuple as ``Group`` is."""
        members = {}
        for number in self.query(**criteria):
            track = self.tracks[number]
            value = track.value(attribute)
            if value is not MISSING:
                members.setdefault(value, []).append(track)
        return {value: _group(tracks, of) for value, tracks in members.items()}

    def distinct(self, attribute, **criteria):
        """Return the values, in no particular order."""
        return list(self.groupBy(attribute, **criteria))

    def getUserTracks(self, taskId, runId, userName):
        runId = runId or self.current.get(taskId)
        if runId is None:
            return []
        return self.query(taskId=Equal(taskId), runId=runId,
                          userName=Equal(userName))

    def getLastUserTrack(self, taskId, runId, userName):
        numbers = self.getUserTracks(taskId, runId, userName)
        return max(numbers, default=None,
                   key=lambda number: (self.tracks[number].timeStamp, number))


def _group(tracks, of):
    times = [track.timeStamp for track in tracks]
    numbers = [track.data[of] for track in tracks
               if type(track.data.get(of)) in (int, float)]
    if not numbers:
        return len(tracks), min(times), max(times), None, None, None, None
    return (len(tracks), min(times), max(times), sum(numbers),
            sum(numbers) / len(numbers), min(numbers), max(numbers))


def differences(store, model):
    """Return sentences on where a store and a model are not the same."""
    found = []

    def compare(what, got, expected):
        if repr(got) != repr(expected):
            found.append(f"{what}: {got!r}, not {expected!r}")

    compare("numbers", list(store.query().numbers), sorted(model.tracks))
    compare("ids", list(store), [f"{n:07}" for n in sorted(model.tracks)])
    compare("len()", len(store), len(model.tracks))
    for track in store.values():
        expected = model.tracks.get(int(track.name))
        if expected is None:
            continue
        for name in ("taskId", "runId", "userName", "timeStamp", "data"):
            compare(f"{name} of {track.name}",
                    getattr(track, name), getattr(expected, name))
        for name, value in expected.others.items():
            compare(f"{name} of {track.name}", getattr(track, name), value)
    return found + _differences_of_runs(store, model)


def _differences_of_runs(store, model):
    found = []
    for finished, runs in (False, store.runs), (True, store.finishedRuns):
        expected = sorted(run.id for run in model.runs.values()
                          if run.finished is finished)
        if sorted(runs) != expected:
            found.append(f"runs, finished {finished}: {sorted(runs)}, "
                         f"not {expected}")
    if dict(store.currentRuns) != model.current:
        found.append(f"current runs: {dict(store.currentRuns)}, "
                     f"not {model.current}")
    for number, expected in model.runs.items():
        run = store.getRun(runId=number)
        got = run and (run.id, run.start, run.end, run.finished)
        wanted = number, expected.start, model.endOfRun(number), expected.finished
        if got != wanted:
            found.append(f"run {number}: {got}, not {wanted}")
    return found
