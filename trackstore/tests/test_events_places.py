"""Where a ``TrackingBackend`` saves to: one thread inside another, forks, sessions."""

import os
import signal
import subprocess
import sys
import threading

import pytest

import trackstore
from trackstore import opening
from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.tracking import TrackingBackend
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.carriers.spill import SpillFolder
from trackstore.events.deadletters import DeadLetters
from trackstore.events.exceptions import ConfigurationError
from trackstore.exceptions import OpenError
from trackstore.testing import memory_storage
from trackstore.tests.forks import fork
from trackstore.tests.gate import LONG
from trackstore.tests.odd_events import pickled_with
from trackstore.tests.test_events_spill import append
from trackstore.tests.test_events_tracking import event, stored
from trackstore.tests.waiting import wait_until


def test_an_event_that_is_emitted_while_another_is_saved(tmp_path, caplog):
    backend = TrackingBackend(tmp_path / 'events.fs')
    tracker = Tracker({'store': backend})

    noon = pickled_with(lambda: tracker.emit('inner'))
    tracker.emit('outer', {'at': noon})
    backend.close()
    found, = stored(tmp_path / 'events.fs')
    assert (found['name'], found['data']) == ('outer', {'at': noon})
    assert "event 'inner' could not be sent to backend 'store'" in caplog.text
    assert 'while another one is saved' in caplog.text


def test_a_signal_while_an_event_is_saved(tmp_path, caplog):
    backend = TrackingBackend(tmp_path / 'events.fs')
    tracker = Tracker({'store': backend})
    before = signal.signal(signal.SIGUSR1, lambda *_: tracker.emit('signal'))

    noon = pickled_with(lambda: os.kill(os.getpid(), signal.SIGUSR1))
    try:
        tracker.emit('outer', {'at': noon})
        tracker.emit('later')
    finally:
        signal.signal(signal.SIGUSR1, before)
    backend.close()
    assert [each['name'] for each in stored(tmp_path / 'events.fs')] == [
        'outer', 'later']
    assert "event 'signal' could not be sent" in caplog.text


@pytest.mark.parametrize('make, place', [
    (TrackingBackend, 'where'), (DeadLetters, 'where'),
    (DeadLetters.at, 'dead_letters: where')])
def test_a_place_that_cannot_be(tmp_path, make, place):
    folder = str(tmp_path)
    with pytest.raises(ConfigurationError) as caught:
        make(folder + '/none/a.fs')
    assert str(caught.value) == (
        f"{place}: '{folder}/none/a.fs' is in a folder that does not exist; allowed "
        f'are files in folders that do')
    with pytest.raises(ConfigurationError) as caught:
        make(folder)
    assert str(caught.value) == (
        f"{place}: '{folder}' is a folder; allowed is the path of a file")


@pytest.mark.parametrize('options, message', [
    ({'where': 'nope://x'}, "where: 'nope://x' cannot be opened: No resolver found"),
    ({'where': 'postgres://ann:secret@db'},
     r"where: 'postgres://ann:\*\*\*@db' is no URI of a PostgreSQL database; wanted"),
    ({'where': 'file:///none/a.fs'}, "where: '/none/a.fs' is in a folder that does"),
    ({'where': 'zeo://localhost:1', 'name': ''}, "name: '' is no name of a storage"),
    ({'database': dict, 'name': 3}, 'name: 3 is no name of a storage; allowed is text'),
])
def test_places_that_are_none(options, message):
    with pytest.raises(ConfigurationError, match=f'^{message}'):
        TrackingBackend(**options)


def test_a_server_that_is_away_shows_later():
    assert TrackingBackend('zeo://127.0.0.1:1?wait=0')


def test_a_path_is_of_the_folder_in_which_it_was_given(tmp_path, monkeypatch):
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path)
    backend, uri = TrackingBackend('events.fs'), TrackingBackend('memory://?a')
    monkeypatch.chdir('elsewhere')
    for each in (backend, uri):
        each.send(event('a'))
        each.close()
    assert [each['name'] for each in stored(tmp_path / 'events.fs')] == ['a']
    assert os.listdir() == []


EMITTING = """
import sys
from trackstore.events import Tracker
from trackstore.events.backends.tracking import TrackingBackend
tracker = Tracker({'store': TrackingBackend(sys.argv[1])})
tracker.emit(sys.argv[2])
"""


def test_the_end_of_a_process_that_closes_nothing(tmp_path, caplog):
    """The next one need not read all of the file, as ZODB would say."""
    path = tmp_path / 'events.fs'
    for name in 'ab':
        done = subprocess.run([sys.executable, '-c', EMITTING, path, name],
                              capture_output=True, text=True, timeout=LONG)
        assert (done.returncode, done.stderr) == (0, '')
    assert [each['name'] for each in stored(path)] == ['a', 'b']
    assert 'index' not in caplog.text


def is_free(path):
    try:
        with trackstore.open(path):
            return True
    except OpenError:
        return False


def test_who_has_only_taken_over_events_lets_others_have_the_file(tmp_path):
    """As a process that only starts the server, or forks it."""
    path = tmp_path / 'events.fs'
    append(spill := SpillFolder(tmp_path / 'spill', 'queue', 10 ** 9).new(), 1, 3)
    spill.close()
    queue = AsyncRoutingBackend(
        'queue', backends={'store': TrackingBackend(path)},
        carrier=LocalCarrier(folder=tmp_path / 'spill'))
    assert queue.flush(LONG)
    wait_until(lambda: is_free(path))
    Tracker({'queue': queue}).emit('later')
    assert queue.flush(LONG) and not is_free(path)
    assert queue.close()
    assert sorted(each['name'] for each in stored(path)) == ['later', 'n', 'n']


def test_a_fork_while_another_thread_opens_a_database(tmp_path, monkeypatch):
    entered, go_on = threading.Event(), threading.Event()
    database = opening.database

    def slowly(where):
        entered.set()
        assert go_on.wait(LONG)
        return database(where)

    monkeypatch.setattr(opening, 'database', slowly)
    one = TrackingBackend(tmp_path / 'one.fs')
    thread = threading.Thread(target=one.send, args=(event('a'),))
    thread.start()
    assert entered.wait(LONG)
    monkeypatch.undo()
    child = fork()
    if not child:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(20)    # instead of hanging
        try:
            two = TrackingBackend(tmp_path / 'two.fs')
            two.send(event('b'))
            two.close()
        finally:
            os._exit(0)
    status = os.waitpid(child, 0)[1]
    go_on.set()
    thread.join()
    one.close()
    assert status == 0
    assert [each['name'] for each in stored(tmp_path / 'two.fs')] == ['b']


# sessions

@pytest.mark.parametrize('many', [False, True])
def test_a_session_that_has_no_time_for_its_run(many):
    with memory_storage() as tracks:
        backend = TrackingBackend(storage=lambda: tracks)
        events = [event(name, {'session_id': 's'}, timestamp=None) for name in 'ab']
        if many:
            backend.send_many(events)
        else:
            for each in events:
                backend.send(each)
        assert {track.runId for track in tracks.query()} == {1}
