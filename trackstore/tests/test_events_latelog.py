"""Nothing is logged while a lock is held that whoever emits an event needs."""

import errno
import logging
import os

import pytest

from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.jsonlines import JSONLinesBackend
from trackstore.events.carriers import spill, spilling
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.carriers.spill import SpillFolder
from trackstore.events.latelog import LateLog, logged_after
from trackstore.events.slowlog import SlowLog
from trackstore.tests.eventlines import numbered, read
from trackstore.tests.gate import emit
from trackstore.tests.waiting import LONG


class Handler(logging.Handler):
    """Notes of each message whether the lock was held by whoever logged it."""

    def __init__(self):
        super().__init__()
        self.is_held, self.found = None, []

    def emit(self, record):
        if self.is_held is not None:
            self.found.append((record.msg, self.is_held()))

    def saw(self, *beginnings):
        """Tell whether there were these messages, and each without the lock."""
        return not any(held for _, held in self.found) and all(
            any(beginning in message for message, _ in self.found)
            for beginning in beginnings)


@pytest.fixture
def handler():
    handler, logger = Handler(), logging.getLogger('trackstore')
    for slow in (spill._slow, spilling._slow):
        slow._next.clear()
    logger.addHandler(handler)
    yield handler
    logger.removeHandler(handler)


@pytest.fixture
def queue(gate, tmp_path, handler):
    made = []

    def make(**options):
        carrier = LocalCarrier(**{
            'delay': 0.001, 'max_events': 10, 'batch': 3, 'wait': 0.01, **options})
        backend = AsyncRoutingBackend('queue', backends={'gate': gate}, carrier=carrier)
        made.append(backend)
        handler.is_held = carrier._line.lock._is_owned
        return Tracker({'queue': backend}), backend

    yield make
    gate.open.set()
    for backend in made:
        backend.close(LONG)


def test_a_file_that_cannot_be_put_away(tmp_path, handler, monkeypatch):
    backend = JSONLinesBackend(tmp_path / 'events.jsonl', max_bytes=1)
    handler.is_held = backend._lock.locked
    backend.send(*numbered(1))

    def refused(*paths):
        raise PermissionError(errno.EACCES, 'Permission denied')
    with monkeypatch.context() as patch:
        patch.setattr(os, 'rename', refused)
        backend.send(*numbered(2))
    monkeypatch.setattr(os, 'unlink', refused)
    backend._old._keep = 0
    backend.send(*numbered(3))
    assert handler.saw('cannot be put away', 'cannot be removed')


def test_a_full_queue(queue, handler):
    tracker, _ = queue(when_full='drop')
    emit(tracker, 0, 12)
    assert handler.saw('is dropped')


def test_a_queue_that_spills(gate, queue, tmp_path, handler, monkeypatch):
    tracker, backend = queue(
        when_full='spill', folder=tmp_path / 'spill', max_disk_bytes=2000)

    def refused(*arguments):
        raise OSError(errno.ENOSPC, 'No space left on device')
    monkeypatch.setattr(os, 'pwrite', refused)
    emit(tracker, 0, 50)
    gate.open.set()
    assert backend.flush(LONG)
    assert handler.saw('events are written to', 'cannot be written', 'is dropped',
                       'cannot be noted')


def test_a_disk_that_takes_nothing(queue, tmp_path, handler):
    tracker, _ = queue(when_full='spill', folder=tmp_path / 'spill', max_disk_bytes=1)
    emit(tracker, 0, 12)
    assert handler.saw('events cannot be written')


def test_what_another_process_left(gate, queue, tmp_path, handler):
    tracker, backend = queue(when_full='spill', folder=tmp_path / 'spill')
    left = SpillFolder(tmp_path / 'spill', 'queue', 10_000).new()
    left.append(1, [b'this is no event\n'])
    left.close()
    backend.carrier._recovery._thread = None    # as if it had not looked yet
    gate.open.set()
    emit(tracker, 0, 1)
    assert backend.flush(LONG)
    assert handler.saw('its process has ended')


@pytest.mark.parametrize(('spills', 'said'), [
    (True, 'not all events were delivered'),
    (False, 'were not delivered before the end')])
def test_what_is_left_at_the_end(gate, queue, tmp_path, handler, spills, said):
    tracker, backend = queue(folder=tmp_path / 'spill' if spills else None)
    emit(tracker, 0, 5)
    assert gate.entered.wait(LONG)
    assert not backend.close(0)
    assert handler.saw(said)


def test_a_handler_that_raises(tmp_path, handler, monkeypatch):
    backend = JSONLinesBackend(tmp_path / 'events.jsonl', max_bytes=1)
    backend.send(*numbered(1))

    def refused(*arguments):
        raise PermissionError(errno.EACCES, 'Permission denied')
    monkeypatch.setattr(os, 'rename', refused)
    monkeypatch.setattr(handler, 'emit', refused)
    backend.send(*numbered(2))
    assert read(tmp_path / 'events.jsonl') == [1, 2]


def test_blocks_within_blocks(caplog):
    late, slow = LateLog('trackstore.late'), SlowLog(logging.getLogger('trackstore'))
    caplog.set_level(logging.INFO, 'trackstore')
    with logged_after():
        late.info('%s', 1)
        with logged_after():
            slow.error('%s', 2)
        assert not caplog.messages
    assert caplog.messages == ['1', '2']
    with pytest.raises(KeyError), logged_after():
        late.warning('%s', 3)
        raise KeyError
    late.error('%s', 4)
    assert caplog.messages == ['1', '2', '3', '4']
