"""Dead letters in the folder of a queue: locked for a moment, saved when possible."""

import fcntl
import os

import trackstore
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.carriers import recovery
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.carriers.refuge import Refuge
from trackstore.events.letters import Letter
from trackstore.tests.forks import in_child, status_of
from trackstore.tests.test_events_spill import event
from trackstore.tests.waiting import LONG, wait_until


def letter(number):
    return Letter(event(number), 'queue.a', 'bad', 2, 5.5, 6)


def test_they_are_saved_when_the_next_process_starts(tmp_path, monkeypatch):
    monkeypatch.setattr(recovery, 'LOOK', 10 * LONG)
    refuge = Refuge(tmp_path, 'queue')
    refuge.add([letter(1)])
    backend = AsyncRoutingBackend(
        'queue', carrier=LocalCarrier(folder=tmp_path), backends={'a': MemoryBackend()},
        dead_letters=tmp_path / 'dead.fs')
    wait_until(lambda: not os.path.getsize(refuge.path))
    backend.close()
    with trackstore.open(tmp_path / 'dead.fs') as letters:
        assert len(letters) == 1


def test_a_child_that_is_forked_while_they_are_saved_does_not_lock_them(tmp_path):
    refuge = Refuge(tmp_path, 'queue')
    refuge.add([letter(1)])
    reader, writer = os.pipe()
    children = []
    refuge.empty(lambda letters: children.append(in_child(
        lambda: (os.close(writer), os.read(reader, 1)))))
    with open(refuge.path) as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(writer)
    assert status_of(children[0]) == 0
    os.close(reader)
