"""Delivering that breaks off: for odd errors, odd backends, and a log that raises."""

import logging
import math

import pytest

import trackstore
from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.carriers.spill import SpillFolder
from trackstore.events.deadletters import Burial, DeadLetters
from trackstore.events.letters import Letter, told
from trackstore.tests.gate import emit
from trackstore.tests.test_events_delivery import Many, delivery, numbers
from trackstore.tests.test_events_spill import append, event
from trackstore.tests.waiting import LONG


class Mute(Exception):
    """An error that cannot be told."""

    def __str__(self):
        return self.message     # never set


class Later(Exception):
    """An error that asks for a pause."""

    def __init__(self, after):
        self.after = after


@pytest.fixture
def raising_log():
    """A handler of the log that raises an error."""
    class Away(logging.Handler):
        def emit(self, record):
            raise OSError('the log is away')

    handler = Away()
    logs = [logging.getLogger(f'trackstore.events.{name}')
            for name in ('backends.routing', 'routes', 'delivery', 'deadletters')]
    for log in logs:
        log.addHandler(handler)
    yield
    for log in logs:
        log.removeHandler(handler)


def queue(backends, **options):
    """Return a queue before backends, and the list of its letters."""
    letters = []
    backend = AsyncRoutingBackend(
        'queue', backends=backends, carrier=LocalCarrier(delay=0, **options), pause=0)
    backend.delivery.bury = letters.extend
    return backend, letters


@pytest.mark.parametrize('error', [
    Mute(), Later('a minute'), Later([1]), Later(math.nan)], ids=repr)
def test_an_odd_error_is_tried_again_as_any(error):
    many = Many([error])
    delivery({'many': many}).deliver(('many',), [event(1), event(2)])
    assert numbers(many.events) == [1, 2]


def test_an_error_that_cannot_be_told_is_told_by_its_kind():
    assert told(Mute()) == 'Mute' and told(OSError('no  disk')) == 'OSError: no disk'


@pytest.mark.parametrize('ended', [False, True])
def test_where_delivering_breaks_off_the_events_are_letters(ended):
    odd, memory = Many(), MemoryBackend()
    odd.most_at_once = 'few'
    backend, letters = queue({'memory': memory, 'odd': odd})
    if ended:
        backend.carrier.close()
    emit(Tracker({'queue': backend}), 0, 3)
    assert backend.flush(LONG) or ended
    assert numbers(memory.events) == [0, 1, 2]
    assert numbers(letter.event for letter in letters) == [0, 1, 2]
    reason = 'delivering broke off: TypeError: '
    assert all(letter.reason.startswith(reason) for letter in letters)
    assert backend.carrier.counts['failed'] == {'odd': 3}
    backend.close()


def fail_early(event):
    if event['data']['n'] < 2:
        raise LookupError('no such thing')
    event['name'] = 'processed'


@pytest.mark.parametrize('ended', [False, True])
def test_where_processing_breaks_off_the_events_are_letters(raising_log, ended):
    memory = MemoryBackend()
    backend, letters = queue({'router': RoutingBackend({'it': memory}, [fail_early])})
    tracker = Tracker({'queue': backend})
    if ended:
        backend.carrier.close()
    emit(tracker, 1, 2)
    assert backend.flush(LONG) or ended
    emit(tracker, 2, 4)
    assert backend.flush(LONG) or ended
    assert [each['name'] for each in memory.events] == ['processed'] * 2
    [letter] = letters
    assert (letter.event['name'], letter.backend, letter.reason) == (
        'n', 'queue.router', 'delivering broke off: OSError: the log is away')
    backend.close()


def test_what_was_taken_over_is_not_delivered_without_its_processors(
        tmp_path, raising_log):
    append(spill := SpillFolder(tmp_path / 'spill', 'queue', 10 ** 9).new(), 0, 3)
    spill.note({('router', 'it'): 0})
    spill.close()
    memory = MemoryBackend()
    backend = AsyncRoutingBackend(
        'queue', carrier=LocalCarrier(folder=tmp_path / 'spill'),
        backends={'router': RoutingBackend({'it': memory}, [fail_early])},
        dead_letters=tmp_path / 'dead.fs')
    assert backend.flush(LONG) and backend.close()
    assert not memory.events
    with trackstore.open(tmp_path / 'dead.fs') as letters:
        assert [track.data['event']['data'] for track in letters.query()] == [
            {'n': 1}, {'n': 2}]


def test_letters_are_saved_where_the_log_raises(tmp_path, raising_log):
    burial = Burial(DeadLetters(tmp_path / 'dead.fs'))
    burial([Letter(event(1), 'queue.a', 'bad', 1, 0, 0)])
    with trackstore.open(tmp_path / 'dead.fs') as letters:
        assert len(letters) == 1
    Burial(None)([Letter(event(2), 'queue.a', 'bad', 1, 0, 0)])
