"""The store and its model do the same, whatever is done to them.

hypothesis makes up what is done: it saves, changes, removes, commits, aborts,
rolls back, compacts, packs, undoes and reopens, over a FileStorage whose
segments are kept so small that a few tracks fill them.

``TRACKSTORE_EXAMPLES`` sets how many stories are tried (25 by default).
"""

import os
import shutil
import tempfile
import time
from contextlib import ExitStack
from unittest import mock

import transaction
from hypothesis import HealthCheck, Phase, assume, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

from trackstore import TrackingStorage, timestamps
from trackstore.criteria import Equal
from trackstore.tests import strategies as tries
from trackstore.tests.model import Item, Model, differences, small_segments

EXAMPLES = int(os.environ.get("TRACKSTORE_EXAMPLES", 25))

places = st.integers(0, 1000)
runs = st.just(0) | st.integers(0, 5)
moments = st.none() | tries.times
records = st.tuples(tries.tasks, st.just(0), tries.users, tries.datas) | st.tuples(
    tries.tasks, st.just(0), tries.users, tries.datas, moments)


class StoreMachine(RuleBasedStateMachine):
    """Does the same to a store and to its model."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.stack = ExitStack()
        self.stack.enter_context(
            mock.patch.object(timestamps, "clock", lambda: self.model.now))
        self.model = Model(now=1000)
        self.savepoints = []
        self.past = []
        self.undone = False
        self.handles = {}

    @initialize(small=st.sampled_from([2, 4, 16, None]))
    def open(self, small):
        """Make the store, most often with very small segments."""
        if small:
            self.stack.enter_context(small_segments(small))
        self.db = DB(FileStorage(self.folder + "/tracks.fs"))
        self.connect()
        self.connection.root()["store"] = TrackingStorage(trackFactory=Item)
        transaction.commit()
        self.committed = self.model.copy()

    def connect(self):
        self.connection = self.db.open()
        self.handles.clear()

    @property
    def store(self):
        return self.connection.root()["store"]

    def teardown(self):
        transaction.abort()
        self.db.close()
        self.stack.close()
        shutil.rmtree(self.folder)

    def pick(self, place):
        """Return the number of a track; skip the step if there is none."""
        numbers = sorted(self.model.tracks)
        assume(numbers)
        return numbers[place % len(numbers)]

    def track(self, number):
        track = self.store[f"{number:07}"]
        self.handles[number] = track
        return track

    # saving

    @rule(task=tries.tasks, run=runs, user=tries.users, data=tries.datas,
          when=moments, update=st.booleans(), overwrite=st.booleans())
    def save(self, task, run, user, data, when, update, overwrite):
        arguments = task, run, user, data, update, when, overwrite
        try:
            expected = self.model.saveUserTrack(*arguments)
        except ValueError:
            return self.fails(ValueError, self.store.saveUserTrack, *arguments)
        assert self.store.saveUserTrack(*arguments) == f"{expected:07}"

    def fails(self, error, function, *arguments):
        try:
            function(*arguments)
        except error:
            return
        raise AssertionError(f"{function}{arguments} raised no {error}")

    @rule(chosen=st.lists(records, max_size=6), times=st.sampled_from([1, 3, 20]),
          mappings=st.booleans())
    def save_many(self, chosen, times, mappings):
        chosen = chosen * times
        if mappings:
            names = "taskId", "runId", "userName", "data", "timeStamp"
            chosen = [dict(zip(names, record, strict=False)) for record in chosen]
        expected = self.model.saveTracks(chosen)
        ids = self.store.saveTracks(iter(chosen))
        assert list(ids) == [f"{number:07}" for number in expected]

    # changing

    @rule(place=places, data=tries.datas, overwrite=st.booleans(),
          way=st.sampled_from(["store", "track"]))
    def update(self, place, data, overwrite, way):
        number = self.pick(place)
        self.model.updateTrack(number, data, overwrite)
        track = self.track(number)
        if way == "track":
            track.update(data, overwrite)
        else:
            assert self.store.updateTrack(track, data, overwrite) == track.name

    @rule(place=places, data=tries.datas, way=st.sampled_from(["store", "track"]))
    def replace_data(self, place, data, way):
        number = self.pick(place)
        self.model.setTrackData(number, data)
        track = self.track(number)
        if way == "track":
            track.data = data
        else:
            self.store.setTrackData(track, data)

    @rule(place=places, key=st.sampled_from(["n", "kind"]), value=tries.values)
    def set_key(self, place, key, value):
        number = self.pick(place)
        self.model.tracks[number].data[key] = value
        self.track(number).data[key] = value

    @rule(place=places)
    def delete_key(self, place):
        number = self.pick(place)
        data = self.model.tracks[number].data
        assume(data)
        key = next(iter(data))
        del data[key]
        del self.track(number).data[key]

    @rule(place=places, value=tries.values, when=tries.times,
          name=st.sampled_from(
              ["taskId", "userName", "state", "note", "timeStamp"]))
    def assign(self, place, name, value, when):
        number = self.pick(place)
        value = when if name == "timeStamp" else value
        self.model.setAttribute(number, name, value)
        setattr(self.track(number), name, value)

    @rule(place=places, other=places)
    def move_to_run(self, place, other):
        number = self.pick(place)
        run = self.model.tracks[self.pick(other)].runId
        self.model.setAttribute(number, "runId", run)
        self.track(number).runId = run

    # removing

    @rule(place=places, way=st.sampled_from(["track", "del", "twice"]))
    def remove(self, place, way):
        number = self.pick(place)
        self.model.removeTrack(number)
        track = self.track(number)
        if way == "del":
            del self.store[track.name]
        else:
            self.store.removeTrack(track)
            if way == "twice":
                self.store.removeTrack(track)

    @rule(question=tries.questions())
    def remove_found(self, question):
        assume(any(value is not None for value in question.values()))
        assume(self.model.count(**question) < len(self.model.tracks))
        expected = self.model.removeTracks(**question)
        assert self.store.removeTracks(**question) == expected

    # runs

    @rule(task=tries.tasks, when=moments)
    def start_run(self, task, when):
        assert self.store.startRun(task, when) == self.model.startRun(task, when)

    @rule(task=tries.tasks, run=runs, finish=st.booleans(), when=moments)
    def stop_run(self, task, run, finish, when):
        arguments = task, run, finish, when
        assert self.store.stopRun(*arguments) == self.model.stopRun(*arguments)

    # time and transactions

    @rule(seconds=st.integers(1, 100))
    def wait(self, seconds):
        self.model.now += seconds

    @rule()
    def commit(self):
        before = self.db.storage.lastTransaction()
        transaction.get().note("a step")
        transaction.commit()
        self.savepoints.clear()
        if self.db.storage.lastTransaction() != before:
            self.past.append(self.committed)
        self.committed = self.model.copy()

    @rule()
    def abort(self):
        transaction.abort()
        self.savepoints.clear()
        self.restore(self.committed)

    def restore(self, model):
        now = self.model.now
        self.model = model.copy()
        self.model.now = now

    @rule()
    def savepoint(self):
        self.savepoints.append((transaction.savepoint(), self.model.copy()))

    @precondition(lambda self: self.savepoints)
    @rule(place=places)
    def rollback(self, place):
        place %= len(self.savepoints)
        savepoint, model = self.savepoints[place]
        del self.savepoints[place + 1:]
        savepoint.rollback()
        self.restore(model)

    @precondition(lambda self: self.past)
    @rule()
    def undo(self):
        """Undo the last transaction: a step, or upkeep, which changes nothing.

        Whether numbers that were undone are given again is not specified.
        """
        self.abort()
        [last] = self.db.undoLog(0, 1)
        self.db.undo(last["id"])
        transaction.commit()
        if last["description"] == "a step":
            self.committed = self.past.pop()
        self.past.clear()
        self.undone = True
        self.adopt_numbers()

    def adopt_numbers(self):
        """Let the model go on with the numbers that the store goes on with."""
        model = self.committed
        model.lastRun = self.store.startRun() - 1
        trackId = self.store.saveUserTrack("a", model.lastRun + 1, "u", {})
        model.lastNumber = int(trackId) - 1
        transaction.abort()
        assert model.lastRun >= max(model.runs, default=0)
        assert model.lastNumber >= max(model.tracks, default=0)
        self.restore(model)

    @rule()
    def compact(self):
        self.commit()
        self.store.compact()
        self.past.clear()
        transaction.abort()
        assert self.store.info()["changes"] == 0

    @rule()
    def pack(self):
        self.commit()
        self.db.pack(time.time() + 1)
        self.past.clear()

    @rule(minimize=st.booleans())
    def reopen(self, minimize):
        self.commit()
        if minimize:
            self.connection.cacheMinimize()
            return
        self.connection.close()
        self.db.close()
        self.db = DB(FileStorage(self.folder + "/tracks.fs"))
        self.connect()
        if self.undone:
            self.adopt_numbers()

    @rule()
    def reindex(self):
        self.store.reindexTracks()

    # asking

    @rule(question=tries.questions(), page=tries.pages,
          name=st.sampled_from(sorted(tries.INDEXES)))
    def ask(self, question, page, name):
        asked = {**question, **page}
        note(f"asked: {asked}")
        expected = self.model.query(**asked)
        assert list(self.store.query(**asked).numbers) == expected
        assert self.store.count(**question) == self.model.count(**question)
        assert (set(self.store.distinct(name, **question))
                == set(self.model.distinct(name, **question)))

    @rule(task=tries.tasks, run=runs, user=tries.users)
    def ask_for_user(self, task, run, user):
        expected = self.model.getUserTracks(task, run, user)
        found = self.store.getUserTracks(task, run, user)
        assert list(found.numbers) == expected
        last = self.store.getLastUserTrack(task, run, user)
        number = self.model.getLastUserTrack(task, run, user)
        assert (last and int(last.name)) == number
        users = {self.model.tracks[n].userName
                 for n in self.model.query(taskId=Equal(task))}
        assert set(self.store.getUserNames(task)) == users
        assert (set(self.store.getTaskIds())
                == {track.taskId for track in self.model.tracks.values()})

    # what always holds

    @invariant()
    def same(self):
        if hasattr(self, "db"):
            assert differences(self.store, self.model) == []
            assert self.store.verify() == []

    @invariant()
    def handles_are_fresh(self):
        for number, track in self.handles.items():
            expected = self.model.tracks.get(number)
            if expected is not None:
                assert repr(track.data) == repr(expected.data)
                assert self.store[track.name] is track
            else:
                self.fails(KeyError, getattr, track, "data")


TestStore = StoreMachine.TestCase
TestStore.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=40, deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=list(HealthCheck))
