"""What a receiver says besides yes and no, and what delivery makes of it."""

import threading

from trackstore.events.exceptions import DeliveryError
from trackstore.tests.test_events_delivery import Many, delivered


def test_a_receiver_that_asks_for_a_pause_gets_it(monkeypatch):
    pauses = []
    monkeypatch.setattr(threading.Event, 'wait',
                        lambda self, timeout=None: pauses.append(timeout))
    errors = [DeliveryError('later', after=after) for after in (7, 0, 1000)]
    assert delivered(Many([*errors, OSError()]), tries=5, pause=0.1) == []
    assert pauses[0] == 7 and pauses[1] <= 0.2
    assert pauses[2] == 30 and pauses[3] <= 0.8


def test_what_is_the_same_for_all_is_told_once():
    error = DeliveryError('no such page', again=False, for_all=True)
    backend = Many([None, error])
    backend.most_at_once = 4
    failed = delivered(backend, 12)
    assert backend.calls == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
    assert failed == [(n, 1, 'DeliveryError: no such page') for n in (4, 5, 6, 7)]
