"""Dead letters: where they are kept, and how they are written."""

import datetime
import stat

import pytest

import trackstore
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.carriers.spill import SpillFolder
from trackstore.events.deadletters import Burial, DeadLetters, event_of_letter
from trackstore.events.letters import Letter
from trackstore.testing import frozen_clock
from trackstore.tests.odd_events import pickled_with
from trackstore.tests.test_events_deadletters import letters
from trackstore.tests.test_events_delivery import Single
from trackstore.tests.test_events_spill import Odd, event


def test_what_fails_for_good_is_a_track(tmp_path):
    path = tmp_path / 'dead.fs'
    backend = AsyncRoutingBackend(
        'queue', tries=2, pause=0, dead_letters=path,
        backends={'down': Single([OSError('down')] * 2), 'fine': Single()})
    with frozen_clock('2026-11-21 20:10') as clock:
        sent = event(1)
        backend.send(sent)
        assert backend.close()
    with trackstore.open(path) as tracks:
        [track] = tracks.query()
        assert (track.taskId, track.userName, track.timeStamp) == (
            'n', 'queue.down', clock())
        assert track.data == {
            'event': sent, 'eventId': 'id-1', 'reason': 'OSError: down', 'tries': 2,
            'first': clock(), 'last': clock()}
        assert event_of_letter(track) == sent
        assert event_of_letter(track).id == 'id-1'


def test_values_that_do_not_pickle(tmp_path):
    path = tmp_path / 'dead.fs'
    odd = event(1)
    odd['data']['odd'] = lambda: 0
    odd['name'] = ('no', 'key')
    DeadLetters(path).save([Letter(odd, 'queue.a', 'bad', 1, 0, 0)])
    with trackstore.open(path) as tracks:
        [track] = tracks.query()
        assert track.taskId == "('no', 'key')"
        assert track.data['event']['data']['odd'].endswith('<lambda>')


def test_one_that_does_not_pickle_leaves_the_others_as_they_are(tmp_path):
    class Zone(datetime.tzinfo):
        def utcoffset(self, moment):
            return datetime.timedelta()

        def __reduce__(self):
            raise TypeError('no pickle')

    odd = event(2, at=datetime.datetime(2026, 11, 21, tzinfo=Zone()))
    DeadLetters(tmp_path / 'dead.fs').save([
        Letter(each, 'queue.a', 'bad', 1, 0, 0) for each in (event(1), odd, event(3))])
    with trackstore.open(tmp_path / 'dead.fs') as tracks:
        found = [track.data['event'] for track in tracks.query()]
    assert [each['data'] for each in found] == [
        {'n': 1}, {'n': 2, 'at': '2026-11-21T00:00:00+00:00'}, {'n': 3}]
    assert [each == event(n) for n, each in enumerate(found, 1)] == [True, False, True]


def test_without_a_place_they_are_logged(caplog):
    backend = AsyncRoutingBackend(
        'queue', tries=1, backends={'down': Single([OSError('down')])})
    backend.send(event(1))
    assert backend.close()
    text = caplog.messages[-1]
    assert text.startswith(
        'event not delivered to queue.down after 1 tries: OSError: down: {"id": "id-1"')


@pytest.fixture
def quick(monkeypatch):
    """Do not wait long for a place that cannot be opened."""
    monkeypatch.setattr('trackstore.events.deadletters.PAUSE', 0.01)


def unreachable(folder):
    """Return a place for dead letters whose folder is gone, until it is made again."""
    folder.mkdir()
    place = DeadLetters(folder / 'dead.fs')
    folder.rmdir()
    return place


def test_a_place_that_cannot_be_reached(tmp_path, caplog, quick):
    folder = SpillFolder(tmp_path / 'spill', 'queue', 10 ** 9)
    folder.check()
    burial = Burial(unreachable(tmp_path / 'missing'))
    letter = Letter(event(1), 'queue.a', 'bad', 2, 5.5, 6)
    burial([letter])
    assert caplog.messages[-1].startswith('event not delivered to queue.a')
    burial.use(folder)
    burial([letter])
    burial([Letter(event(2), 'queue.a', 'bad', 2, 5.5, 6)])
    file = tmp_path / 'spill' / 'queue.letters'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert str(file) in caplog.messages[-1]
    (tmp_path / 'missing').mkdir()
    burial([Letter(event(3), 'queue.b', 'bad', 2, 5.5, 6)])
    assert sorted(letters(tmp_path / 'missing' / 'dead.fs')) == [
        (1, 'queue.a', 2, 'bad'), (2, 'queue.a', 2, 'bad'), (3, 'queue.b', 2, 'bad')]
    assert file.stat().st_size == 0
    burial.take_back()
    assert len(letters(tmp_path / 'missing' / 'dead.fs')) == 3


def test_a_place_that_another_process_has_open_for_a_moment(tmp_path, monkeypatch):
    path = tmp_path / 'dead.fs'
    tries = []
    opening = trackstore.open(path)
    opening.__enter__()

    def sleep(seconds):
        tries.append(seconds)
        if len(tries) == 2:
            opening.__exit__(None, None, None)

    monkeypatch.setattr('trackstore.events.deadletters.time.sleep', sleep)
    DeadLetters(path).save([Letter(event(1), 'queue.a', 'bad', 1, 0, 0)])
    assert len(letters(path)) == 1 and len(tries) == 2


def test_the_letters_of_events_that_are_odd_outlast_a_spill(
        tmp_path, caplog, quick):
    folder = SpillFolder(tmp_path / 'spill', 'queue', 10 ** 9)
    folder.check()
    burial = Burial(unreachable(tmp_path / 'missing'))
    burial.use(folder)
    odd = event(1)
    odd['data']['odd'] = Odd()
    burial([Letter(odd, 'queue.a', 'bad', 1, 0, 0)])
    (tmp_path / 'missing').mkdir()
    burial.take_back()
    assert letters(tmp_path / 'missing' / 'dead.fs') == [(1, 'queue.a', 1, 'bad')]


def test_a_letter_that_is_odd_keeps_no_other_from_being_saved(tmp_path):
    class Nameless:
        def __repr__(self):
            raise RuntimeError('no repr')

    odd = event(1)
    odd['name'] = Nameless()
    DeadLetters(tmp_path / 'dead.fs').save([
        Letter(each, 'queue.a', 'bad', 1, 0, 0) for each in (odd, event(2))])
    with trackstore.open(tmp_path / 'dead.fs') as tracks:
        odd, plain = tracks.getTaskIds()
        assert odd.endswith('Nameless>') and plain == 'n'


def test_a_letter_that_is_made_while_another_is_saved(tmp_path, caplog):
    burial = Burial(DeadLetters(tmp_path / 'dead.fs'))

    odd = event(1)
    odd['data']['at'] = pickled_with(
        lambda: burial([Letter(event(2), 'queue.a', 'bad', 1, 0, 0)]))
    burial([Letter(odd, 'queue.a', 'bad', 1, 0, 0)])
    # it is made twice: when it is tried whether the other one can be, and then
    assert [n for n, *_ in letters(tmp_path / 'dead.fs')] == [2, 1]
    assert 'event not delivered to queue.a after 1 tries: bad: {"id": "id-2"' in (
        caplog.text)


def test_a_letter_in_the_folder_that_is_damaged_is_told(tmp_path, caplog, quick):
    folder = SpillFolder(tmp_path / 'spill', 'queue', 10 ** 9)
    folder.check()
    burial = Burial(unreachable(tmp_path / 'missing'))
    burial.use(folder)
    for number in (1, 2):
        burial([Letter(event(number), 'queue.a', 'bad', 1, 0, 0)])
    file = tmp_path / 'spill' / 'queue.letters'
    file.write_bytes(file.read_bytes().replace(b'{"n": 1}', b'{"n": 9}'))
    (tmp_path / 'missing').mkdir()
    burial.take_back()
    assert letters(tmp_path / 'missing' / 'dead.fs') == [(2, 'queue.a', 1, 'bad')]
    assert 'a dead letter is damaged, and is lost' in caplog.text
