"""Faults, and how a store comes out of them: see ``trackstore.tests.faults``.

What is random here is so by a seed.  The commands do the same for longer.
"""

import logging
import os
import shutil
import subprocess
import sys
import time
from random import Random

import pytest
import transaction
from click.testing import CliRunner
from persistent.mapping import PersistentMapping
from ZODB.FileStorage import FileStorage

import trackstore
from trackstore import TrackingStorage, opening
from trackstore.cli.command import command
from trackstore.exceptions import OpenError
from trackstore.opening import database
from trackstore.testing import frozen_clock
from trackstore.tests.faults import check, soak
from trackstore.tests.faults.disk import LimitedFiles, SmallDisk
from trackstore.tests.faults.work import Numbered, perform, planned
from trackstore.tests.model import Item, Model, small_segments
from trackstore.tests.servers import HOST, ZEOServer

START = 1_700_000_000


class Place:
    """A store in a file, with a client, and the model of what was committed."""

    def __init__(self, path):
        self.path = str(path)
        self.manager = transaction.TransactionManager()
        self.model = Model(now=START)
        self.open()
        if "tracks" not in self.connection.root():
            self.connection.root()["tracks"] = TrackingStorage(trackFactory=Item)
            self.manager.commit()

    def open(self):
        self.db = database(self.path)
        self.connection = self.db.open(self.manager)

    @property
    def store(self):
        return self.connection.root()["tracks"]

    def save(self, count=1, task="a", length=10, when=None):
        """Save tracks in one transaction, and take them down in the model."""
        rows = self.rows(count, task, length, when)
        Numbered(self.store).saveTracks(rows)
        self.manager.commit()
        self.model.saveTracks(rows)

    def rows(self, count=1, task="a", length=10, when=None):
        random = Random(f"{count} {length} {len(self.model.tracks)}")
        return [(task, 0, f"u{n % 5}", {"n": n, "text": random.randbytes(length)},
                 START + n if when is None else when) for n in range(count)]

    def check(self):
        assert check.problems(self.store, self.model) == []

    def close(self):
        self.manager.abort()
        self.connection.close()
        self.db.close()

    def reopen(self):
        self.close()
        self.open()


@pytest.fixture
def place(tmp_path):
    place = Place(tmp_path / "tracks.fs")
    yield place
    place.close()


def run_faults(*arguments):
    """Run the command for faults; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "trackstore.tests.faults", *arguments],
        capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


# kill -9

@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_kill():
    printed = run_faults("kill", "--rounds", "15", "--seed", "a test")
    assert "rounds                               15" in printed
    assert "problems                              0" in printed


def cut_short(path):
    """Leave the files as a pack does that ends between its two renamings."""
    with trackstore.open(path) as tracks:
        tracks.saveTracks(("a", 0, "u", {}) for _ in range(100))
    shutil.copy(path, f"{path}.pack")
    os.rename(path, f"{path}.old")


def test_a_pack_that_ended_between_its_renamings_is_taken_back(tmp_path):
    path = tmp_path / "tracks.fs"
    cut_short(path)
    with pytest.raises(OpenError) as caught:
        trackstore.open(path, readOnly=True).__enter__()
    assert str(caught.value) == (
        f"where: '{path}' was being packed when its process ended, and is "
        f"'{path}.old' now; open it for writing once, to move it back")
    with trackstore.open(path, create=False) as tracks:
        assert len(tracks) == 100
        assert tracks.verify() == []
        tracks._p_jar.db().pack()
    with trackstore.open(path, readOnly=True) as tracks:
        assert len(tracks) == 100


def test_a_pack_is_taken_back_by_its_uri(tmp_path):
    pytest.importorskip("zodburi")
    path = tmp_path / "tracks.fs"
    cut_short(path)
    with trackstore.open(f"file://{path}?connection_pool_size=2") as tracks:
        assert len(tracks) == 100


def test_a_pack_of_somebody_else_is_left_alone(tmp_path):
    path = tmp_path / "tracks.fs"
    cut_short(path)
    shutil.copy(f"{path}.old", path)
    with trackstore.open(path):
        os.remove(path)  # the other one is between its renamings
        with pytest.raises(OpenError, match="is open already"):
            trackstore.open(path).__enter__()
    assert os.path.exists(f"{path}.old")


def test_an_old_file_alone_is_no_store(tmp_path):
    """Who has moved a store away gets a new one."""
    path = tmp_path / "tracks.fs"
    cut_short(path)
    os.remove(f"{path}.pack")
    with trackstore.open(path) as tracks:
        assert len(tracks) == 0


# a full disk

@pytest.fixture(params=[LimitedFiles, SmallDisk], ids=["limit", "tmpfs"])
def disk(request, tmp_path):
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        disk = request.param(folder)
    except (PermissionError, FileNotFoundError) as error:
        pytest.skip(f"no small disk can be mounted: {error}")
    yield disk
    disk.close()


@pytest.fixture
def full(disk):
    """A store with 3,000 tracks on a disk that can be filled."""
    place = Place(os.path.join(disk.path, "tracks.fs"))
    place.save(2990)
    for _ in range(10):
        place.save()
    yield place
    disk.free()
    place.close()


def refused(disk, act):
    with pytest.raises(OSError) as caught:
        act()
    assert caught.value.errno == disk.errno
    assert os.strerror(disk.errno) in str(caught.value)  # it says so itself


def usable_again(disk, place):
    """Before there is space: to read.  After: to write, at once and reopened."""
    place.manager.abort()
    place.check()
    disk.free()
    place.save()
    place.check()
    place.save(200)
    place.reopen()
    place.save(5)
    place.check()


@pytest.mark.parametrize("room", [0, 5000])
@pytest.mark.parametrize("count", [1, 40, 3000])
def test_a_save_on_a_full_disk(disk, full, count, room):
    disk.fill(room)
    # each of them longer than the room that there is
    rows = full.rows(count, length=6000 if count == 1 else 400)

    def act():
        full.store.saveTracks(rows)
        full.manager.commit()

    for _ in range(3):
        refused(disk, act)
        full.manager.abort()
        full.check()
    usable_again(disk, full)


def test_changes_on_a_full_disk(disk, full):
    disk.fill()

    def act():
        full.store["0000005"].data["text"] = "x" * 10_000
        del full.store["0000006"]
        full.manager.commit()

    refused(disk, act)
    usable_again(disk, full)


def test_upkeep_on_a_full_disk(disk, full, caplog):
    """What was saved is saved; the upkeep is made up for when there is space."""
    with caplog.at_level(logging.WARNING):
        for _ in range(100):
            disk.fill(100_000)  # enough for a page of the tail, not for a segment
            full.save(8, length=500)
            if caplog.records:
                break
    record = caplog.records[0]
    assert record.name == "trackstore.merge"
    assert "upkeep failed, and is tried again after a later commit" in caplog.text
    assert os.strerror(disk.errno) in caplog.text
    usable_again(disk, full)
    for _ in range(200):
        full.save(5)
    assert full.store.info()["tail"] < 600
    full.check()


def test_compaction_on_a_full_disk(disk, full):
    disk.fill()
    refused(disk, full.store.compact)
    usable_again(disk, full)
    full.store.compact()
    full.check()


def test_a_pack_on_a_full_disk(disk, full):
    full.store.compact()
    if isinstance(disk, LimitedFiles):
        full.save(3000, length=100)
        import resource
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, disk.before[1]))
    else:
        disk.fill(50_000)
    refused(disk, full.db.pack)
    usable_again(disk, full)
    full.db.pack()
    full.reopen()
    full.check()


# a clock that jumps back

@pytest.fixture
def clock(monkeypatch):
    """The clock of the machine, for trackstore and for the ZODB."""
    with frozen_clock(START) as clock:
        monkeypatch.setattr(time, "time", clock)
        yield clock


def test_a_clock_that_jumps_back_between_transactions(place, clock):
    random, ids = Random(5), []
    for n in range(120):
        clock.advance(seconds=random.choice([0, 1, 3600]))
        if n % 20 == 10:
            clock.advance(days=-1)
        place.model.now = clock.now
        operation = planned(random, place.model)
        assert perform(operation, Numbered(place.store)) == (
            perform(operation, place.model))
        place.manager.commit()
        ids.append(place.db.lastTransaction())
    assert ids == sorted(ids) and len(set(ids)) > 100  # some change nothing
    place.check()
    clock.advance(days=-400)
    place.reopen()
    place.model.now = clock.now
    place.store.compact()
    place.check()
    place.save()
    assert place.db.lastTransaction() > ids[-1]
    place.db.pack()
    place.check()
    times = [track.timeStamp for track in place.store.query()]
    assert times != sorted(times)
    numbers = list(place.store.query().numbers)
    assert numbers == sorted(numbers)


def test_a_clock_that_jumps_back_while_tracks_are_saved(place, clock):
    def rows():
        for n in range(3000):
            if n == 1500:
                clock.advance(days=-1)
            yield "a", 0, "u", {"n": n}

    ids = list(place.store.saveTracks(rows()))
    place.manager.commit()
    store = place.store
    assert [track.data["n"] for track in store.query()] == list(range(3000))
    assert list(store) == ids
    times = {track.timeStamp for track in store.query()}
    assert times == {START, START - 86_400}
    before = store.query(timeTo=START - 1)
    assert len(before) + store.count(timeFrom=START) == 3000
    assert before[-1].name == ids[-1]
    assert store.verify() == []


def test_the_clock_jumps_back_during_a_run(place, clock):
    store = place.store
    run = store.getRun(runId=store.startRun("a"))
    clock.advance(days=-1)
    early = store.saveUserTrack("a", 0, "u", {})
    assert (run.start, run.end) == (START, START)  # not before its start
    store.stopRun("a")
    assert (run.end, run.finished) == (START - 86_400, True)  # the clock's word
    late = store.saveUserTrack("a", run.id, "u", {}, timeStamp=START + 5)
    assert run.end == START + 5
    assert store.getLastUserTrack("a", run.id, "u").name == late > early
    place.manager.commit()
    place.reopen()
    assert place.store.verify() == []
    assert place.store.getRun(runId=run.id).end == START + 5


# a file that was cut off

def ends(path):
    """Return where the transactions in a file end."""
    storage = FileStorage(path, read_only=True)
    found = [4]
    for record in storage.iterator():
        found.append(record._tend + 8)
    storage.close()
    return found


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / "tracks.fs"
    random = Random(8)
    with small_segments(4), frozen_clock(START):
        place = Place(path)
        place.save(300)
        states = [(place.db.getSize(), place.model.copy())]
        while len(states) < 30:
            operation = planned(random, place.model)
            perform(operation, place.model)
            perform(operation, Numbered(place.store))
            place.manager.commit()
            states.append((place.db.getSize(), place.model.copy()))
        place.close()
    return path, states


@pytest.fixture
def states(made):
    """A file, and the size that it had with each of its last states."""
    with small_segments(4):
        yield made


def cuts(path, states):
    """Return where to cut: anywhere, and right after whole transactions."""
    random = Random(9)
    first, last = states[0][0], os.path.getsize(path)
    assert last == states[-1][0]
    found = [random.randrange(first, last) for _ in range(14)]
    whole = [end for end in ends(str(path)) if first < end < last]
    for beyond in 0, 1, 7, 22, 23, 24:
        found.append(random.choice(whole) + beyond)
    return found


@pytest.mark.parametrize("index", ["with its index", "without it"])
def test_a_file_that_was_cut_off(states, tmp_path, index):
    path, states = states
    whole = ends(str(path))
    for n, cut in enumerate(cuts(path, states)):
        copy = tmp_path / f"{n}.fs"
        copy.write_bytes(path.read_bytes()[:cut])
        if index == "with its index":
            shutil.copy(f"{path}.index", f"{copy}.index")
        # upkeep follows a commit, so a state is reached somewhat earlier
        reached = max(n for n, (size, _) in enumerate(states) if size <= cut)
        allowed = [model for _, model in states[reached:reached + 2]]
        with trackstore.open(copy, create=False) as tracks:
            found = [different for model in allowed
                     if (different := check.problems(tracks, model))]
            assert len(found) < len(allowed), (cut, found)
            tracks.saveUserTrack("after", 0, "u", {})
        with trackstore.open(copy, create=False) as tracks:
            assert tracks.verify() == []
            assert tracks.count(taskId="after") == 1
        beyond = cut - max(end for end in whole if end <= cut)
        kept = tmp_path / f"{n}.fs.tr0"
        assert kept.exists() == (beyond >= 23)  # less has nothing to be kept
        if beyond >= 23:
            assert kept.read_bytes()[-beyond:] == copy_of(path, cut, beyond)


def copy_of(path, end, length):
    return path.read_bytes()[end - length:end]


def test_the_command_says_that_a_file_was_cut_off(states, tmp_path):
    path, states = states
    end = [end for end in ends(str(path)) if end > states[0][0]][5]
    copy = tmp_path / "cut.fs"
    copy.write_bytes(path.read_bytes()[:end + 50])
    for _ in range(2):  # to look changes nothing
        result = CliRunner().invoke(command, ["verify", str(copy)])
        assert result.exit_code == 0, result.output
        assert "0 problems" in result.stdout
        assert (f"Warning: {copy} ends in the middle of a transaction (the last 50 "
                f"bytes); after making a copy, open it for writing once") in (
                    result.stderr)
    result = CliRunner().invoke(command, ["compact", str(copy)])
    assert "that was cut off, and is kept beside it (.tr0)" in result.stderr
    assert len((tmp_path / "cut.fs.tr0").read_bytes()) >= 50
    result = CliRunner().invoke(command, ["verify", str(copy)])
    assert result.exit_code == 0 and result.stderr == ""


def test_the_command_does_not_say_that_nothing_is_kept(states, tmp_path):
    """So few bytes that not even the head of a transaction is there."""
    path, states = states
    end = [end for end in ends(str(path)) if end > states[0][0]][5]
    copy = tmp_path / "cut.fs"
    copy.write_bytes(path.read_bytes()[:end + 22])
    result = CliRunner().invoke(command, ["compact", str(copy)])
    assert "(the last 22 bytes); that was cut off\n" in result.stderr
    assert not (tmp_path / "cut.fs.tr0").exists()


# a lost server

def test_server():
    pytest.importorskip("ZEO")
    printed = run_faults(
        "server", "--rounds", "3", "--clients", "2", "--seed", "a test")
    assert "problems                              0" in printed


def test_ids_of_a_server_that_is_gone_are_not_used(tmp_path):
    """Each client has some in advance, which the next server gives out again."""
    pytest.importorskip("ZEO")
    with ZEOServer(tmp_path / "tracks.fs") as server:
        databases = [opening.database(server.uri) for _ in range(2)]
        for db in databases:
            db.storage.ping()  # so that it knows what the other has committed
            with db.transaction() as connection:
                connection.root()[id(db)] = PersistentMapping()
        server.kill()
        server.start()
        for _ in range(2):
            for db in databases:
                db.storage.ping()
                for n in range(60):
                    with db.transaction() as connection:
                        connection.root()[id(db)][n] = PersistentMapping()
        for db in databases:
            db.storage.ping()
            with db.transaction() as connection:
                ids = [each._p_oid for db in databases
                       for each in connection.root()[id(db)].values()]
            assert len(set(ids)) == len(ids) == 120
            db.close()


def test_a_server_that_stays_away_for_a_while(tmp_path):
    ZEO = pytest.importorskip("ZEO")
    server = ZEOServer(tmp_path / "tracks.fs")
    server.start()
    db = ZEO.DB((HOST, server.port), wait_timeout=1)
    manager = transaction.TransactionManager()
    try:
        connection = db.open(manager)
        tracks = connection.root()["tracks"] = TrackingStorage()
        tracks.saveTracks(("a", 0, "u", {"n": n}) for n in range(100))
        manager.commit()
        tracks.saveUserTrack("a", 0, "u", {"n": 100})
        server.kill()
        for _ in range(2):
            with pytest.raises(ZEO.Exceptions.ClientDisconnected):
                manager.commit()
            manager.abort()
            assert len(tracks) == 100  # what has been loaded can be read
            tracks.saveUserTrack("a", 0, "u", {"n": 100})
        manager.abort()
        server.start()
        for attempt in manager.attempts(20):
            with attempt:
                tracks.saveUserTrack("a", 0, "u", {"n": 100})
        assert [track.data["n"] for track in tracks.query()] == list(range(101))
        assert tracks.verify() == []
        manager.abort()
        connection.close()
    finally:
        db.close()
        server.stop()


# a long time

def test_soak():
    printed = run_faults("soak", "--minutes", "0.05", "--tracks", "1000")
    assert "problems 0" in printed
    assert len(printed.splitlines()) > 10


def samples(**last):
    """Return samples of a process in which nothing grows but what is given."""
    usual = soak.Sample(60, 100, 1000, 10, 50 * 2 ** 20, 10, 20_000)
    return [usual] * 20 + [usual._replace(**last)]


@pytest.mark.parametrize(("last", "sentence"), [
    ({}, None),
    ({"memory": 60 * 2 ** 20}, None),
    ({"memory": 80 * 2 ** 20},
     "bytes of memory: 83,886,080, more than 77,070,336"),
    ({"files": 12}, None),
    ({"files": 13}, "open files: 13, more than 12"),
    ({"size": 40_000, "tracks": 2000}, None),
    ({"size": 40_000}, "bytes a track and run after a pack: 40, more than 25")])
def test_the_bounds_of_a_soak(last, sentence):
    assert soak.growth(samples(**last), 60) == ([sentence] if sentence else [])


# the check itself

def lose(model):
    del model.tracks[7]


def change(model):
    model.tracks[7].data["n"] = -1


def make_up(model):
    model.saveUserTrack("a", 0, "u", {})


def forget_run(model):
    model.startRun("b")


@pytest.mark.parametrize("difference", [lose, change, make_up, forget_run])
def test_the_check_finds_what_is_wrong(place, difference):
    place.save(20)
    place.check()
    difference(place.model)
    assert check.problems(place.store, place.model)


def test_the_check_finds_an_index_that_is_wrong(place, monkeypatch):
    place.save(20)
    monkeypatch.setattr(TrackingStorage, "groupBy", lambda *args, **kw: {})
    assert "groupBy('taskId') does not agree with the model" in (
        check.problems(place.store, place.model))
