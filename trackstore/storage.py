"""The tracking storage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from zope.interface import implementer

from trackstore import (
    aggregate,
    bulk,
    codec,
    criteria,
    handles,
    keys,
    merge,
    repair,
    saving,
    timestamps,
    verify,
)
from trackstore.exceptions import CriteriaError
from trackstore.interfaces import ITrackingStorage
from trackstore.parts import Parts
from trackstore.query import Plan, hits, number_range
from trackstore.run import CurrentRuns, Run, Runs, RunState
from trackstore.track import Track
from trackstore.tracks import Ids, Numbers, Tracks, chunks_of

#: The digits of the largest number, below 2 ** 63.
LONGEST_ID = 19


@implementer(ITrackingStorage)
class TrackingStorage(Parts):
    """A storage for tracks: see ``trackstore.interfaces.ITrackingStorage``.

    The object itself is written when it is made and by ``setupIndexes`` only;
    what changes is in the objects that it holds.
    """

    __name__ = __parent__ = None

    # what the handles on tracks and runs use

    def _handle(self, number):
        return handles.handle(self, number)

    def _place(self, number):
        return handles.place_of(self, number)

    def _rewrite(self, track, **changes):
        saving.rewrite(track, **changes)

    def _update(self, track, data, overwrite):
        saving.update(track, data, overwrite, None)

    def _put_run(self, number, state):
        saving.put_run(self, number, state)

    # runs

    @property
    def runs(self) -> Mapping[int, Run]:
        return Runs(self, False)

    @property
    def finishedRuns(self) -> Mapping[int, Run]:
        return Runs(self, True)

    @property
    def currentRuns(self) -> Mapping[Any, int]:
        return CurrentRuns(self)

    def startRun(self, taskId: Any = None, timeStamp: float | None = None) -> int:
        timeStamp = timestamps.given(timeStamp)
        taskId = keys.checked(taskId, 'taskId')
        number = self._take_number('runs', 1)
        state = RunState(taskId, timeStamp, None, False)
        if taskId is None:
            saving.put_run(self, number, state, new=True)
        else:
            saving.start_run(self, taskId, number, state)
        return number

    def stopRun(self, taskId: Any = None, runId: int = 0, finish: bool = True,
                timeStamp: float | None = None) -> int:
        timeStamp = timestamps.given(timeStamp)
        keys.checked(taskId, 'taskId')
        if taskId is not None and not runId:
            runId = self._runs.get_current(taskId)
        state = self._run_state(runId)
        if state is None:
            return 0
        for task in (taskId, state.taskId):
            if self._runs.get_current(task) == runId:
                saving.set_current(self, task, None)
        state = state._replace(end=timeStamp, finished=bool(finish))
        saving.put_run(self, runId, state)
        return runId

    def getRun(self, taskId: Any = None, runId: int = 0) -> Run | None:
        if taskId is not None and not runId:
            runId = self._runs.get_current(keys.checked(taskId, 'taskId'))
        return None if self._run_state(runId) is None else Run(self, runId)

    def _run_state(self, runId):
        if not runId or type(runId) is not int:
            return None
        return self._runs.get(runId)

    def _last_time(self, runId, default):
        found = aggregate.last_time(self, runId=runId)
        return default if found is None else found

    # saving

    def saveUserTrack(self, taskId: Any, runId: int | None, userName: Any,
                      data: Mapping, update: bool = False,
                      timeStamp: float | None = None,
                      overwrite: bool = False) -> str:
        taskId = keys.checked(taskId, 'taskId')
        userName = keys.checked(userName, 'userName')
        data = codec.as_dict(data)
        moment = timestamps.given(timeStamp)
        run = saving.run_for(self, taskId, runId, moment)
        if update:
            track = self.getLastUserTrack(taskId, run[0], userName)
            if track is not None:
                if data or overwrite:
                    saving.update(track, data, overwrite, timeStamp)
                    saving.stretch_run(self, *run[:2], moment)
                return track.__name__
        return self.idFromNum(
            saving.save(self, taskId, run, userName, data, moment))

    def saveTracks(self, records: Iterable[tuple | Mapping]) -> Ids:
        return Ids(self, bulk.save(self, records))

    # changing

    def updateTrack(self, track: Track, data: Mapping,
                    overwrite: bool = False) -> str:
        self._own(track).update(codec.as_dict(data), overwrite)
        return track.__name__

    def setTrackData(self, track: Track, data: Mapping) -> None:
        saving.rewrite(self._own(track), data=codec.as_dict(data))

    def removeTrack(self, track: Track) -> None:
        number = self._own(track)._number
        if self._place(number) is not None:
            saving.put(self, number, None)

    def removeTracks(self, **criteria: Any) -> int:
        if Plan(self._indexes, criteria).everything:
            raise CriteriaError(
                'removeTracks: there is no criterion; allowed are those of '
                'query(), at least one that a track can fail')
        numbers = list(self.query(**criteria).numbers)
        for number in numbers:
            saving.put(self, number, None)
        return len(numbers)

    def _own(self, track):
        if not isinstance(track, Track) or track._storage is not self:
            raise ValueError(
                f'track: {track!r} is no track of this storage')
        return track

    # asking

    def query(self, **criteria: Any) -> Tracks:
        plan = Plan(self._indexes, criteria)
        view = self._view()
        numbers = Numbers(chunks_of(hits(view, plan)))
        if plan.limit is not None or plan.after is not None or plan.reverse:
            start, stop = number_range(numbers, plan)
            numbers = Numbers(list(numbers.window(start, stop)), plan.reverse)
        return Tracks(self, numbers, view)

    def count(self, **criteria: Any) -> int:
        return aggregate.count(self, criteria)

    def distinct(self, attribute: str, /, **criteria: Any) -> list:
        return aggregate.distinct(self, attribute, criteria)

    def groupBy(self, attribute: str, /, of: Any = None,
                **criteria: Any) -> dict[Any, aggregate.Group]:
        return aggregate.group_by(self, attribute, of, criteria)

    def histogram(self, interval: str | float = 'day', timeZone: str = 'UTC',
                  **criteria: Any) -> list[aggregate.Bucket]:
        return aggregate.histogram(self, interval, timeZone, criteria)

    def getUserTracks(self, taskId: Any, runId: int | None,
                      userName: Any) -> Tracks:
        if not runId:
            runId = self._runs.get_current(keys.checked(taskId, 'taskId'))
            if not runId:
                return Tracks(self, Numbers([]), self._view())
        return self.query(taskId=criteria.Equal(taskId), runId=runId,
                          userName=criteria.Equal(userName))

    def getLastUserTrack(self, taskId: Any, runId: int | None,
                         userName: Any) -> Track | None:
        keys.checked(taskId, 'taskId')
        keys.checked(userName, 'userName')
        if not runId:
            runId = self._runs.get_current(taskId)
            if not runId:
                return None
        number = aggregate.last_number(
            self, taskId=criteria.Equal(taskId), runId=runId,
            userName=criteria.Equal(userName))
        return None if number is None else self._handle(number)

    def getUserNames(self, taskId: Any) -> list:
        return self.distinct('userName', taskId=criteria.Equal(taskId))

    def getTaskIds(self) -> list:
        return self.distinct('taskId')

    # upkeep

    def idFromNum(self, num: int) -> str:
        return f'{num:07d}'

    def _number_of(self, trackId):
        """Return the number that an id stands for, or None."""
        if (isinstance(trackId, str) and trackId.isascii() and trackId.isdigit()
                and len(trackId) <= LONGEST_ID):
            number = int(trackId)
            if self.idFromNum(number) == trackId:
                return number
        return None

    def indexTrack(self, trackNum: int, track: Track,
                   idx: str | None = None) -> None:
        if idx is not None and idx not in self.indexAttributes:
            raise ValueError(
                f'idx: there is no index {idx!r}; known are '
                f'{", ".join(self.indexAttributes)}')
        number = self._own(track)._number
        if trackNum and trackNum != number:
            raise ValueError(
                f'trackNum: {trackNum!r} is not the number of track '
                f'{track.__name__!r}; allowed are 0 and {number}')
        saving.rewrite(track)

    def reindexTracks(self) -> None:
        merge.rebuild(self)

    def setupIndexes(self) -> None:
        if self.indexAttributes != self._layout.indexed:
            merge.rebuild(self)  # which may fail, and then nothing has changed
            self.indexAttributes = self._layout.indexed

    def compact(self, progress: Callable[[int, int], Any] | None = None) -> int:
        return merge.compact(self, progress)

    def verify(self, progress: Callable[[int, int], Any] | None = None) -> list[str]:
        return verify.verify(self, progress)

    def repair(self, progress: Callable[[int, int], Any] | None = None,
               ) -> repair.Repair:
        return repair.repair(self, progress)

    def info(self) -> dict[str, Any]:
        return verify.info(self)

    # container

    def __getitem__(self, trackId: str) -> Track:
        if trackId not in self:
            raise KeyError(trackId)
        return self._handle(self._number_of(trackId))

    def get(self, trackId: str, default: Any = None) -> Any:
        return self[trackId] if trackId in self else default  # noqa: SIM401

    def __contains__(self, trackId: object) -> bool:
        number = self._number_of(trackId)
        return number is not None and self._place(number) is not None

    def __len__(self) -> int:
        return len(self._view())

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def keys(self) -> Ids:
        return self.query().ids

    def values(self) -> Tracks:
        return self.query()

    def items(self) -> Iterator[tuple[str, Track]]:
        return ((track.__name__, track) for track in self.values())

    def __delitem__(self, trackId: str) -> None:
        self.removeTrack(self[trackId])
