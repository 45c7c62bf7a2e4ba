"""Dead letters in the folder of a queue: locked for a moment, saved when possible."""

import fcntl
import os

from trackstore.events.carriers.refuge import Refuge
from trackstore.events.letters import Letter
from trackstore.tests.forks import in_child, status_of
from trackstore.tests.test_events_spill import event


def letter(number):
    return Letter(event(number), 'queue.a', 'bad', 2, 5.5, 6)


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
