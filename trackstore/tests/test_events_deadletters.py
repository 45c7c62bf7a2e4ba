"""Dead letters: listed, shown, sent again and removed by the command."""

import json
import logging
import os
import sys

import pytest
from click.testing import CliRunner

import trackstore
from trackstore.cli.command import command
from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.tracking import TrackingBackend, event_from
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.carriers.spill import SpillFolder
from trackstore.events.deadletters import DeadLetters, event_of_letter
from trackstore.events.exceptions import DeliveryError
from trackstore.events.letters import Letter
from trackstore.testing import frozen_clock
from trackstore.tests.test_events_delivery import Single
from trackstore.tests.test_events_spill import append, event

ENGINE = 'trackstore.events.'


class Switched(Single):
    """A backend that a configuration can name; broken while the file is there."""

    def __init__(self, path, broken):
        super().__init__()
        self.path = path
        self.broken = broken

    def answer(self, events):
        super().answer(events)
        if os.path.exists(self.broken):
            raise DeliveryError('still broken')
        with open(self.path, 'a') as file:
            file.writelines(f'{each["data"]["n"]}\n' for each in events)


@pytest.fixture
def dead(tmp_path):
    """Where dead letters are, ten of them of two backends."""
    path = tmp_path / 'dead.fs'
    with frozen_clock('2026-11-21 20:10') as clock:
        for number in range(10):
            DeadLetters(path).save([Letter(
                event(number), f'queue.{"ab"[number % 2]}', f'OSError: {number}', 5,
                clock() - 60, clock())])
            clock.advance(hours=1)
    return path


@pytest.fixture
def configuration(tmp_path):
    """The path of a configuration with two backends; only ``a`` works."""
    (tmp_path / 'broken').write_text('broken')
    (tmp_path / 'fine').mkdir()
    here = ENGINE.replace('events', 'tests.test_events_deadletters') + 'Switched'
    path = tmp_path / 'events.toml'
    path.write_text(f"""
[backends.queue]
ENGINE = '{ENGINE}backends.async_routing.AsyncRoutingBackend'
[backends.queue.OPTIONS]
backend_name = 'queue'
pause = 0
[backends.queue.OPTIONS.carrier]
ENGINE = '{ENGINE}carriers.local.LocalCarrier'
OPTIONS = {{folder = '{tmp_path}/spill'}}
[backends.queue.OPTIONS.backends.a]
ENGINE = '{ENGINE}backends.tracking.TrackingBackend'
OPTIONS = {{where = '{tmp_path}/a.fs'}}
[backends.queue.OPTIONS.backends.b]
ENGINE = '{here}'
OPTIONS = {{path = '{tmp_path}/b', broken = '{tmp_path}/broken'}}
""")
    return path


def letters(path):
    with trackstore.open(path) as tracks:
        return [(event_of_letter(track)['data']['n'], track.userName,
                 track.data['tries'], track.data['reason']) for track in tracks.query()]


def run(*arguments, status=0):
    result = CliRunner().invoke(
        command, ['dead-letters', *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result.stdout.splitlines()


def test_list(dead):
    lines = run('list', dead, '--limit', 2)
    assert [line.split() for line in lines] == [
        ['id', 'event', 'backend', 'tries', 'last', 'reason'],
        ['0000001', 'n', 'queue.a', '5', '2026-11-21', '20:10:00', 'OSError:', '0'],
        ['0000002', 'n', 'queue.b', '5', '2026-11-21', '21:10:00', 'OSError:', '1']]
    found = [json.loads(line) for line in run(
        'list', dead, '--backend', 'queue.b*', '--event', 'n', '--from', '2026-11-22',
        '--json')]
    assert [(row['id'], row['eventId'], row['tries']) for row in found] == [
        ('0000006', 'id-5', 5), ('0000008', 'id-7', 5), ('0000010', 'id-9', 5)]
    assert found[0]['event']['data'] == {'n': 5}


def test_show(dead):
    lines = run('show', dead, '0000003')
    assert lines[:8] == [
        'letter    0000003', 'event     n', 'event id  id-2', 'backend   queue.a',
        'tries     5', 'first     2026-11-21 22:09:00', 'last      2026-11-21 22:10:00',
        'reason    OSError: 2']
    assert json.loads(''.join(lines[8:])) == {
        'name': 'n', 'timestamp': {'$datetime': '2026-11-21T00:00:00+00:00'},
        'context': {}, 'data': {'n': 2}}
    assert len(run('show', dead, '0000001', '0000002', '--json')) == 2
    assert run('show', dead, '0000011', status=2) == []


def test_replay(dead, configuration, tmp_path):
    assert run('replay', dead, configuration, status=1) == [
        '5 events delivered',
        '5 events not delivered to queue.b: DeliveryError: still broken']
    assert letters(dead) == [
        (n, 'queue.b', 6 + 2 * (n == 1), 'DeliveryError: still broken')
        for n in (1, 3, 5, 7, 9)]
    with trackstore.open(tmp_path / 'a.fs') as tracks:
        assert [event_from(track).id for track in tracks.query()] == [
            f'id-{n}' for n in (0, 2, 4, 6, 8)]
    (tmp_path / 'broken').unlink()
    assert run('replay', dead, configuration, '--to', '2001-01-01') == [
        '0 events delivered']
    assert run('replay', dead, configuration, '--json') == [
        '{"delivered": 5, "failed": 0, "unknown": 0}']
    assert (tmp_path / 'b').read_text().split() == ['1', '3', '5', '7', '9']
    assert letters(dead) == []


def test_a_replay_stores_nothing_twice(dead, configuration, tmp_path):
    DeadLetters(dead).save([Letter(event(0), 'queue.a', 'again', 1, 0, 0)])
    store = TrackingBackend(tmp_path / 'a.fs')
    store.send_many([event(2), event(4)])
    store.close()
    assert run('replay', dead, configuration, '--backend', 'queue.a') == [
        '6 events delivered']
    with trackstore.open(tmp_path / 'a.fs') as tracks:
        assert sorted(event_from(track).id for track in tracks.query()) == [
            f'id-{n}' for n in (0, 2, 4, 6, 8)]


def test_a_replay_without_a_configuration(dead):
    result = CliRunner().invoke(command, ['dead-letters', 'replay', str(dead)])
    assert result.exit_code == 2
    assert "Missing argument 'CONFIGURATION'." in result.output


def test_a_replay_leaves_the_spilled_events_of_others(dead, configuration, tmp_path):
    folder = SpillFolder(tmp_path / 'spill', 'queue', 10 ** 9)
    append(spill := folder.new(), 1, 3)
    spill.close()
    run('replay', dead, configuration, '--backend', 'queue.a')
    assert len(list(folder.orphans())) == 1


def test_a_replay_to_a_backend_that_there_is_not(dead, configuration):
    DeadLetters(dead).save([Letter(event(0), 'gone.x', 'bad', 1, 0, 0)])
    assert run('replay', dead, configuration, '--backend', 'gone.x', status=1) == [
        '0 events delivered', '1 event not delivered to gone.x: there is no such '
                              'backend in the configuration']
    assert (0, 'gone.x', 1, 'bad') in letters(dead)


def test_a_replay_does_not_choose_between_backends_of_one_path(dead, tmp_path):
    path = tmp_path / 'same.toml'
    for name in ('one', 'two'):
        with path.open('a') as file:
            file.write(f"""
[backends.{name}]
ENGINE = '{ENGINE}backends.async_routing.AsyncRoutingBackend'
OPTIONS.backend_name = 'queue'
[backends.{name}.OPTIONS.backends.a]
ENGINE = '{ENGINE}backends.jsonlines.JSONLinesBackend'
OPTIONS = {{path = '{tmp_path}/{name}.jsonl'}}
""")
    before = letters(dead)
    assert run('replay', dead, path, '--backend', 'queue.a', status=1) == [
        '0 events delivered', '5 events not delivered to queue.a: 2 backends of the '
        'configuration have this path; give each AsyncRoutingBackend a backend_name '
        'of its own']
    assert letters(dead) == before
    assert not list(tmp_path.glob('*.jsonl'))


def test_a_replay_finds_backends_in_the_current_folder(dead, tmp_path, monkeypatch):
    (tmp_path / 'deadlettershop.py').write_text(
        'class Shop:\n    def send(self, event):\n        print(event.id)\n')
    (tmp_path / 'own.toml').write_text(
        '[backends.queue]\n'
        f'ENGINE = "{ENGINE}backends.async_routing.AsyncRoutingBackend"\n'
        '[backends.queue.OPTIONS]\nbackend_name = "queue"\n'
        'backends = {a = {ENGINE = "deadlettershop.Shop"}}\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'path', sys.path[:])
    assert run('replay', dead, 'own.toml', '--backend', 'queue.a') == [
        *(f'id-{n}' for n in (0, 2, 4, 6, 8)), '5 events delivered']


def test_two_letters_of_one_event_are_sent_once(tmp_path, configuration):
    dead = tmp_path / 'dead.fs'
    (tmp_path / 'broken').unlink()
    for _ in range(2):
        DeadLetters(dead).save([Letter(event(1), 'queue.b', 'bad', 1, 0, 0)])
    assert run('replay', dead, configuration) == ['2 events delivered']
    assert (tmp_path / 'b').read_text().split() == ['1']
    assert letters(dead) == []


def test_a_replay_of_a_letter_without_an_event(dead, configuration):
    with trackstore.open(dead) as tracks:
        tracks.saveUserTrack(
            'n', 0, 'queue.a', {'event': 5, 'reason': 'bad', 'tries': 1})
    assert run('replay', dead, configuration, '--backend', 'queue.a', status=1) == [
        '5 events delivered',
        '1 event not delivered to queue.a: track 0000011 is no dead letter']


def test_letters_that_another_process_saves_meanwhile(
        dead, configuration, monkeypatch):
    """The store is locked while a replay wants to remove what it has sent."""
    import trackstore.cli.deadletters as cli
    deliver, held = Switched.send, []

    def send(backend, event):
        if not held:
            held.append(trackstore.open(dead))
            held[0].__enter__()
        deliver(backend, event)

    def sleep(seconds):
        held.append(seconds)
        if len(held) == 3:
            held[0].__exit__(None, None, None)

    monkeypatch.setattr(Switched, 'send', send)
    monkeypatch.setattr(cli.time, 'sleep', sleep)
    run('replay', dead, configuration, '--backend', 'queue.b', status=1)
    assert len(held) == 3 and len(letters(dead)) == 10


def test_a_configuration_that_is_wrong(dead, tmp_path):
    path = tmp_path / 'wrong.toml'
    path.write_text('backends = 5')
    result = CliRunner().invoke(
        command, ['dead-letters', 'replay', str(dead), str(path)])
    assert result.exit_code == 2
    assert result.stderr == (
        f'Error: {path}: backends: 5 is not a mapping of names to engines\n')


def test_purge(dead):
    assert run('purge', dead, status=2) == []
    assert run('purge', dead, '--all', '--backend', 'x', status=2) == []
    assert run('purge', dead, '--backend', 'queue.b', '--to', '2026-11-21') == [
        '2 letters removed']
    assert len(letters(dead)) == 8
    assert run('purge', dead, '--all', '--json') == ['{"purged": 8}']
    assert letters(dead) == []


def test_other_tracks_are_left_alone(dead, configuration):
    with trackstore.open(dead) as tracks:
        for user in ('queue.a', 'ann'):
            tracks.saveUserTrack('n', 0, user, {'reason': 'a visit'})
    for words in (['list'], ['replay', configuration], ['purge']):
        result = CliRunner().invoke(command, [
            'dead-letters', words[0], str(dead), *map(str, words[1:]),
            '--backend', 'ann'])
        assert result.exit_code == 2 and result.stdout == ''
        assert result.stderr == (
            f'Error: {dead} has no such dead letters: 1 track found, none of them '
            f'with event, reason and tries in its data\n')
    assert len(run('list', dead)) == 11
    assert run('show', dead, '0000011', status=2) == []
    assert run('replay', dead, configuration, '--backend', 'queue.a') == [
        '5 events delivered']
    assert run('purge', dead, '--all') == ['5 letters removed']
    with trackstore.open(dead) as tracks:
        assert tracks.distinct('userName') == ['ann', 'queue.a']
    assert run('purge', dead, '--all', status=2) == []


def test_an_event_that_fails_is_a_letter_and_its_replay_ends_it(
        configuration, tmp_path, caplog):
    dead = tmp_path / 'dead.fs'
    backend = AsyncRoutingBackend(
        'queue', backends={'b': Switched(tmp_path / 'b', tmp_path / 'broken')},
        tries=2, pause=0, dead_letters=dead, carrier=LocalCarrier(delay=0))
    with caplog.at_level(logging.CRITICAL, 'trackstore'):
        tracker = Tracker({'queue': backend})
        for number in range(3):
            tracker.emit('n', {'n': number})
        assert backend.close()
    (tmp_path / 'broken').unlink()
    assert run('replay', dead, configuration) == ['3 events delivered']
    assert (tmp_path / 'b').read_text() == '0\n1\n2\n'
