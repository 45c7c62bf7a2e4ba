"""The tracking storage."""

import weakref

from persistent import Persistent
from zope.interface import implementer

from trackstore import (
    aggregate, bulk, codec, criteria, keys, merge, numbering, tail, timestamps,
    verify,
)
from trackstore.directory import Directory
from trackstore.exceptions import (
    CriteriaError, FormatError, RunError,
)
from trackstore.interfaces import ITrackingStorage
from trackstore.query import Plan, hits, number_range
from trackstore.record import Row, encode_record
from trackstore.run import CurrentRuns, Run, Runs, RunState, RunTable
from trackstore.track import Track, bind
from trackstore.tracks import Ids, Numbers, Tracks, chunks_of
from trackstore.view import View, page_number

#: The version of the layout on disk.
FORMAT = 1

#: The handles of each storage object that is in memory, by number.
_handles = weakref.WeakKeyDictionary()

_PURGE_AT = 1024


class _Handles(dict):
    """Weak references to tracks by number; dead ones are purged now and then."""

    limit = _PURGE_AT

    def purge(self):
        for number in [n for n, ref in self.items() if ref() is None]:
            del self[number]
        self.limit = max(_PURGE_AT, 2 * len(self))


@implementer(ITrackingStorage)
class TrackingStorage(Persistent):
    """A storage for tracks: see ``trackstore.interfaces.ITrackingStorage``.

    The object itself is written when it is made and by ``setupIndexes`` only;
    what changes is in the objects that it holds.
    """

    trackFactory = Track
    __name__ = __parent__ = None

    def __init__(self, *args, trackFactory=None, **kw):
        super().__init__(*args, **kw)
        if trackFactory is not None:
            if not (isinstance(trackFactory, type)
                    and issubclass(trackFactory, Track)):
                raise TypeError(
                    f'trackFactory: {trackFactory!r} is no track class; '
                    f'allowed are Track and subclasses of it')
            self.trackFactory = trackFactory
        self.format = FORMAT
        self.indexAttributes = self._layout.indexed
        self._directory = Directory()
        self._pages = tuple(tail.Page() for _ in range(tail.PAGES))
        self._runs = RunTable()

    def __setstate__(self, state):
        found = state.get('format')
        if not isinstance(found, int) or found > FORMAT:
            raise FormatError(
                f'format: the store has format {found!r}; this release reads '
                f'formats up to {FORMAT}; a newer release of trackstore is needed')
        super().__setstate__(state)

    @property
    def _layout(self):
        return self.trackFactory._layout

    # what there is now

    def _view(self):
        view = self.__dict__.get('_v_view')
        if view is None or view.layout is not self._layout or not view.current():
            view = self._v_view = View(self._directory, self._pages, self._layout)
        return view

    def _page(self, number):
        return self._pages[page_number(number, len(self._pages))]

    def _place(self, number):
        """Return where a track is: what its handle keeps.  None if nowhere."""
        found = self._view().locate(number)
        if found is None:
            return None
        page = self._page(number)
        directory = self._directory
        return (page, page._v_stamp, directory, directory._v_stamp, *found)

    def _handles_by_number(self):
        handles = self.__dict__.get('_v_handles')
        if handles is None:
            handles = self._v_handles = _handles.setdefault(self, _Handles())
        return handles

    def _handle(self, number):
        """Return the handle on a track; a KeyError if there is no such track."""
        handles = self._handles_by_number()
        ref = handles.get(number)
        track = None if ref is None else ref()
        if track is None:
            place = self._place(number)
            if place is None:
                raise KeyError(self.idFromNum(number))
            track = self._new_handle(handles, number, place)
        return track

    def _new_handle(self, handles, number, place):
        factory = self.trackFactory
        track = bind(factory.__new__(factory), self, number, place)
        handles[number] = weakref.ref(track)
        if len(handles) > handles.limit:
            handles.purge()
        return track

    def _handles(self, chunk, view):
        """Yield the handles of a chunk that was found in a view."""
        if chunk.segment is None or view is not self._view():
            for number in chunk.numbers:
                yield self._handle(number)
            return
        handles = self._handles_by_number()
        get, new = handles.get, self._new_handle
        pages, directory = self._pages, self._directory
        count, size = len(pages), tail.PAGE_SIZE
        stamp = view.directory_stamp
        for numbers, block, local in chunk.places():
            for number, position in zip(numbers, local, strict=True):
                ref = get(number)
                track = None if ref is None else ref()
                if track is None:
                    page = pages[number // size % count]
                    track = new(handles, number, (
                        page, page._v_stamp, directory, stamp, block, position))
                yield track

    # runs

    @property
    def runs(self):
        return Runs(self, False)

    @property
    def finishedRuns(self):
        return Runs(self, True)

    @property
    def currentRuns(self):
        return CurrentRuns(self)

    def startRun(self, taskId=None, timeStamp=None):
        timeStamp = timestamps.given(timeStamp)
        number = self._take_number('runs', 1)
        if taskId is not None:
            keys.checked(taskId, 'taskId')
        self._put_run(number, RunState(taskId, timeStamp, None, False))
        if taskId is not None:
            self._set_current(taskId, number)
        return number

    def stopRun(self, taskId=None, runId=0, finish=True, timeStamp=None):
        timeStamp = timestamps.given(timeStamp)
        if taskId is not None:
            current = self._runs.get_current(keys.checked(taskId, 'taskId'))
            runId = runId or current or 0
            if runId and runId == current:
                self._set_current(taskId, None)
        state = self._run_state(runId)
        if state is None:
            return 0
        self._put_run(runId, state._replace(end=timeStamp, finished=bool(finish)))
        return runId

    def getRun(self, taskId=None, runId=0):
        if taskId is not None and not runId:
            runId = self._runs.get_current(keys.checked(taskId, 'taskId'))
        return None if self._run_state(runId) is None else Run(self, runId)

    def _run_state(self, runId):
        if not runId or type(runId) is not int:
            return None
        return self._runs.get(runId)

    def _put_run(self, number, state):
        if self._runs.put(number, state):
            merge.schedule(self)

    def _set_current(self, taskId, number):
        if self._runs.set_current(taskId, number):
            merge.schedule(self)

    def _run_for(self, taskId, runId, timeStamp):
        """Return the number and the state of the run that a track is to have."""
        if runId is None or (type(runId) is int and runId == 0):
            runId = self._runs.get_current(taskId)
            if not runId:
                return self._start_run_of(taskId, timeStamp)
        state = self._run_state(runId)
        if state is None:
            raise RunError(
                f'runId: there is no run {runId!r}; allowed are 0 (the current '
                f'run of the task) and the numbers that startRun() has returned')
        return runId, state

    def _start_run_of(self, taskId, timeStamp):
        """Start a run, the same one that another transaction is starting now.

        So two that save the first track of a task at the same time make the
        same entries, and do not conflict.
        """
        state = RunState(taskId, timeStamp, None, False)
        if self._p_jar is None:
            number = self._take_number('runs', 1)
        else:
            transaction = self._p_jar.transaction_manager.get()
            starting = numbering.shared(self).starting
            key = keys.sort_key(taskId)
            other, number, theirs = starting.get(key, (lambda: None, 0, None))
            if (other() in (None, transaction)
                    or self._runs.get(number) is not None):
                number = self._take_number('runs', 1)
                starting[key] = weakref.ref(transaction), number, state
            else:
                state = theirs
        self._put_run(number, state)
        self._set_current(taskId, number)
        return number, state

    def _last_time(self, runId, default):
        found = aggregate.last_time(self, runId=runId)
        return default if found is None else found

    # saving

    def saveUserTrack(self, taskId, runId, userName, data, update=False,
                      timeStamp=None, overwrite=False):
        keys.checked(taskId, 'taskId')
        keys.checked(userName, 'userName')
        data = codec.as_dict(data)
        codec.dump_mapping(data)  # before anything is changed
        moment = timestamps.given(timeStamp)
        runId, state = self._run_for(taskId, runId, moment)
        self._stretch_run(runId, state, moment)
        if update:
            track = self.getLastUserTrack(taskId, runId, userName)
            if track is not None:
                if data or overwrite:
                    self._update(track, data, overwrite, timeStamp)
                return track.__name__
        row = self._new_row(taskId, runId, userName, data, moment,
                            timeStamp is not None)
        number = self._take_number('tracks', 1)
        self._put(number, encode_record(self._layout, row))
        return self.idFromNum(number)

    def _new_row(self, taskId, runId, userName, data, moment, given=True):
        layout = self._layout
        if layout.plain and self.trackFactory.__init__ is Track.__init__:
            return Row((taskId, runId, userName, moment), codec.dump_mapping(data))
        track = self.trackFactory(taskId, runId, userName, data)
        if given:
            track.timeStamp = moment
        values, data, extras = self._drafted(track)
        return Row(values, codec.dump_mapping(data), extras)

    def _drafted(self, track):
        """Return the values, data and extras of a track that is not stored yet."""
        layout = self._layout
        local = dict(track._local)
        data = codec.as_dict(local.pop('data'))
        values = [local.pop(name, codec.ABSENT) for name in layout.stored]
        layout.check(values)
        extras = codec.dump_mapping(local) if local else None
        return (*values, *layout.derived_values(data, track)), data, extras

    def _stretch_run(self, runId, state, moment):
        """A track that is later than the end of a stopped run moves that end."""
        if state.end is not None and state.end < moment:
            self._put_run(runId, state._replace(end=moment))

    def _put(self, number, record):
        page = self._page(number)
        page.put(number, record)
        if len(page.records) > tail.PAGE_SIZE:
            merge.schedule(self)

    def _take_number(self, kind, count):
        present = getattr(self, f'_has_{kind}_number')
        highest = getattr(self, f'_highest_{kind}_number')
        if self._p_jar is None:
            return highest() + 1
        shared = getattr(numbering.shared(self), kind)
        return shared.take(count, self._p_jar, present, highest)

    def _has_tracks_number(self, number):
        return (number <= self._directory.last
                or number in self._page(number).records)

    def _highest_tracks_number(self):
        return max(self._directory.last,
                   *(max(page.records, default=0) for page in self._pages))

    def _has_runs_number(self, number):
        return self._runs.get(number) is not None

    def _highest_runs_number(self):
        return self._runs.highest()

    def saveTracks(self, records):
        return Ids(self, bulk.save(self, records))

    # changing

    def _rewrite(self, track, values=None, data=None, extras=None):
        """Store a track again, with some of its values changed."""
        source, position = track._source()
        layout = self._layout
        row = [source.value(name, position) for name in layout.stored]
        if values:
            changed = list(row)
            for name, value in values.items():
                changed[layout.place[name]] = value
            if data is None and not extras and _same(changed, row):
                return
            layout.check(changed)
            if 'runId' in values and self._run_state(values['runId']) is None:
                raise RunError(
                    f'runId: there is no run {values["runId"]!r}; allowed are '
                    f'the numbers that startRun() has returned')
            row = changed
        stored = codec.load_mapping(source.extras(position))
        if extras:
            stored.update(extras)
        number = track._number
        if data is None:
            data = dict(source.items(position))
        packed = codec.dump_mapping(stored) if stored else None
        draft = Row((*row, *layout.derived_values(data)), codec.dump_mapping(data),
                    packed)
        self._put(number, encode_record(layout, draft))
        if layout.properties:
            final = draft._replace(
                values=(*row, *layout.derived_values(data, track)))
            self._put(number, encode_record(layout, final))

    def _update(self, track, data, overwrite, timeStamp):
        merged = data if overwrite else {**track.data, **data}
        self._rewrite(track, values={'timeStamp': timestamps.given(timeStamp)}, data=merged)

    def updateTrack(self, track, data, overwrite=False):
        self._own(track).update(codec.as_dict(data), overwrite)
        return track.__name__

    def setTrackData(self, track, data):
        self._rewrite(self._own(track), data=codec.as_dict(data))

    def removeTrack(self, track):
        number = self._own(track)._number
        if self._view().locate(number) is not None:
            self._put(number, None)

    def removeTracks(self, **criteria):
        if not criteria:
            raise CriteriaError(
                'removeTracks: there is no criterion; allowed are those of '
                'query(), at least one')
        return bulk.remove(self, self.query(**criteria))

    def _own(self, track):
        if not isinstance(track, Track) or track._storage is not self:
            raise ValueError(
                f'track: {track!r} is no track of this storage')
        return track

    # asking

    def query(self, **criteria):
        plan = Plan(self.indexAttributes, criteria)
        view = self._view()
        numbers = Numbers(chunks_of(hits(view, plan)))
        if plan.limit is not None or plan.after is not None or plan.reverse:
            start, stop = number_range(numbers, plan)
            numbers = Numbers(list(numbers.window(start, stop)), plan.reverse)
        return Tracks(self, numbers, view)

    def count(self, **criteria):
        return aggregate.count(self, criteria)

    def distinct(self, attribute, /, **criteria):
        return aggregate.distinct(self, attribute, criteria)

    def groupBy(self, attribute, /, of=None, **criteria):
        return aggregate.group_by(self, attribute, of, criteria)

    def histogram(self, interval='day', timeZone='UTC', **criteria):
        return aggregate.histogram(self, interval, timeZone, criteria)

    def getUserTracks(self, taskId, runId, userName):
        if not runId:
            runId = self._runs.get_current(keys.checked(taskId, 'taskId'))
            if not runId:
                return Tracks(self, Numbers([]), self._view())
        return self.query(taskId=criteria.Equal(taskId), runId=runId,
                          userName=criteria.Equal(userName))

    def getLastUserTrack(self, taskId, runId, userName):
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

    def getUserNames(self, taskId):
        return self.distinct('userName', taskId=criteria.Equal(taskId))

    def getTaskIds(self):
        return self.distinct('taskId')

    # upkeep

    def idFromNum(self, num):
        return '%07i' % num

    def _number_of(self, trackId):
        """Return the number that an id stands for, or None."""
        if isinstance(trackId, str) and trackId.isascii() and trackId.isdigit():
            number = int(trackId)
            if self.idFromNum(number) == trackId:
                return number
        return None

    def indexTrack(self, trackNum, track, idx=None):
        if idx is not None and idx not in self.indexAttributes:
            raise ValueError(
                f'idx: there is no index {idx!r}; known are '
                f'{", ".join(self.indexAttributes)}')
        number = self._own(track)._number
        if trackNum and trackNum != number:
            raise ValueError(
                f'trackNum: {trackNum!r} is not the number of track '
                f'{track.__name__!r}; allowed are 0 and {number}')
        self._rewrite(track)

    def reindexTracks(self):
        merge.rebuild(self)

    def setupIndexes(self):
        if self.indexAttributes != self._layout.indexed:
            self.indexAttributes = self._layout.indexed
            merge.rebuild(self)

    def compact(self, progress=None):
        return merge.compact(self, progress)

    def verify(self, progress=None):
        return verify.verify(self, progress)

    def info(self):
        return verify.info(self)

    # container

    def __getitem__(self, trackId):
        if trackId not in self:
            raise KeyError(trackId)
        return self._handle(self._number_of(trackId))

    def get(self, trackId, default=None):
        return self[trackId] if trackId in self else default

    def __contains__(self, trackId):
        number = self._number_of(trackId)
        return number is not None and self._view().locate(number) is not None

    def __len__(self):
        return len(self._view())

    def __iter__(self):
        return iter(self.keys())

    def keys(self):
        return self.query().ids

    def values(self):
        return self.query()

    def items(self):
        return ((track.__name__, track) for track in self.values())

    def __delitem__(self, trackId):
        self.removeTrack(self[trackId])


def _same(values, others):
    """Tell whether the values are equal and of the same types."""
    return list(zip(map(type, values), values, strict=True)) == list(
        zip(map(type, others), others, strict=True))
