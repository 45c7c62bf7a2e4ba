"""Events that no file has, since the disk was full when they came."""

import threading

import pytest

import trackstore
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.carriers import spill
from trackstore.events.carriers.spill import SpillFolder
from trackstore.tests.gate import LONG, emit
from trackstore.tests.test_events_ends import full, numbers, routed
from trackstore.tests.test_events_spill import append


class Stopping(MemoryBackend):
    """Stops after so many events, until it may go on."""

    send_many = None

    def __init__(self, count):
        super().__init__()
        self.count = count
        self.entered, self.go_on = threading.Event(), threading.Event()

    def send(self, event):
        super().send(event)
        if len(self.events) == self.count:
            self.entered.set()
            assert self.go_on.wait(LONG)

    def let_go(self):
        assert self.entered.wait(LONG)
        threading.Timer(0.1, self.go_on.set).start()  # while the end waits for it


@pytest.fixture
def folder(tmp_path):
    """A folder with events, of which the third and the fifth are in memory alone."""
    found = SpillFolder(tmp_path / 'spill', 'queue', 10 ** 9).new()
    for number in (1, 2, 4, 6, 7):
        append(found, number, number + 1)
    found.note({('a',): 2, ('b',): 3, ('c',): 5})
    found.close()
    return tmp_path / 'spill'


def test_numbers_that_no_file_has(folder):
    memories = {name: MemoryBackend() for name in 'abc'}
    _, backend = routed(memories, folder=folder)
    assert backend.flush(LONG) and backend.close()
    assert [numbers(memories[name]) for name in 'abc'] == [
        [4, 6, 7], [4, 6, 7], [6, 7]]


def test_the_rest_of_a_batch_with_gaps(folder):
    stopping, memory = Stopping(2), MemoryBackend()
    _, backend = routed({'a': stopping}, folder=folder)
    stopping.let_go()
    backend.close(0)
    _, backend = routed({'a': memory}, folder=folder)
    assert backend.flush(LONG) and backend.close()
    assert numbers(stopping) == [4, 6] and numbers(memory) == [7]


def test_what_is_delivered_of_it_is_no_dead_letter(tmp_path, monkeypatch):
    stopping, memory = Stopping(3), MemoryBackend()
    tracker, backend = routed({'a': stopping}, folder=tmp_path / 'spill', journal=True,
                              delay=0.2, dead_letters=tmp_path / 'dead.fs')
    emit(tracker, 0, 1)
    assert backend.flush(LONG)
    monkeypatch.setattr(spill, '_written', full)
    emit(tracker, 1, 6)
    stopping.let_go()
    assert not backend.close(0)
    monkeypatch.undo()
    _, backend = routed({'a': memory}, folder=tmp_path / 'spill')
    assert backend.flush(LONG) and backend.close()
    with trackstore.open(tmp_path / 'dead.fs') as letters:
        letters = [each.data['event']['data']['n'] for each in letters.query()]
    assert numbers(stopping) == [0, 1, 2]
    assert numbers(memory) + letters == [3, 4, 5]
