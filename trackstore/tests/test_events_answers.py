"""What a receiver says besides yes and no, and what delivery makes of it."""

import threading

import pytest
from ZODB.POSException import POSKeyError

from trackstore.events.exceptions import DeliveryError
from trackstore.tests.test_events_delivery import Many, delivered, numbers


class Buggy(Many):
    """A backend whose program fails at two of the events."""

    def __init__(self, error):
        super().__init__()
        self.error = error

    def answer(self, events):
        if {3, 11} & set(numbers(events)):
            self.calls.append(numbers(events))
            raise self.error
        super().answer(events)


@pytest.mark.parametrize('error', [
    KeyError('x'), AttributeError('x'), AssertionError('x'), ZeroDivisionError('x')])
def test_one_event_that_a_program_fails_at_takes_no_others_with_it(error):
    backend = Buggy(error)
    assert [number for number, _, _ in delivered(backend, 16)] == [3, 11]
    assert numbers(backend.events) == [n for n in range(16) if n not in (3, 11)]
    assert backend.calls[:3] == [list(range(16))] * 3  # as it might have passed


@pytest.mark.parametrize('error', [OSError('x'), RuntimeError('x'), POSKeyError(b'x')])
def test_what_is_not_about_an_event_ends_all_of_them(error):
    backend = Buggy(error)
    assert len(delivered(backend, 16)) == 16
    assert len(backend.calls) == 3


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
