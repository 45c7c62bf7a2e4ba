"""Trying again: how often, and after how long."""

import email.utils
import threading
import time

import pytest

from trackstore.events.exceptions import DeliveryError
from trackstore.events.retries import Retries, asked_for
from trackstore.tests.servers import need
from trackstore.tests.test_events_http_failing import refused
from trackstore.tests.test_events_wire import event

need('httpx')


@pytest.fixture
def waits(monkeypatch):
    """Return the list of the waits between tries, which pass at once."""
    waits = []

    class Passed(threading.Event):
        def wait(self, timeout=None):
            waits.append(timeout)
            return self.is_set()

    monkeypatch.setattr('trackstore.events.retries.Event', Passed)
    return waits


def test_waits_are_a_random_part_of_a_bound_that_doubles(waits, monkeypatch):
    bounds = []

    def uniform(low, high):
        bounds.append((low, high))
        return high / 2
    monkeypatch.setattr('random.uniform', uniform)
    with pytest.raises(DeliveryError, match='^no$'):
        Retries(7, 0.5, 6).run(lambda: DeliveryError('no'))
    assert bounds == [(0, 0.5), (0, 1), (0, 2), (0, 4), (0, 6), (0, 6)]
    assert waits == [0.25, 0.5, 1, 2, 3, 3]


def test_a_very_late_try_waits_no_longer():
    assert 0 <= Retries(10_000, 0.5, 6).delay(9_999) <= 6


def test_waits_differ():
    retries = Retries(2, 1, 1)
    delays = {retries.delay(1) for _ in range(20)}
    assert len(delays) > 10 and all(0 <= delay <= 1 for delay in delays)


def test_retry_after_is_waited_for_at_least(waits, receiver, http_backend):
    receiver.answers = [(429, {'Retry-After': '7'}, b''), (503, {}, b'')]
    http_backend(backoff=0.5).send(event())
    assert 7 <= waits[0] <= 7.5
    assert waits[1] <= 1


def test_retry_after_that_is_too_long_is_not_waited_for(waits, receiver, http_backend):
    receiver.answers = [(503, {'Retry-After': '31'}, b'')]
    assert refused(http_backend(longest=30)).again
    assert not waits and len(receiver.requests) == 1


@pytest.mark.parametrize(('header', 'seconds'), [
    (None, None), ('0', 0), (' 7 ', 7), ('soon', None), ('-1', None),
    ('Sat, 21 Nov 2020 20:10:00 GMT', 0)])
def test_retry_after(header, seconds):
    assert asked_for(header) == seconds


def test_retry_after_as_a_date():
    then = email.utils.formatdate(time.time() + 1000, usegmt=True)
    assert 900 < asked_for(then) <= 1000


def test_a_date_without_a_zone_is_in_utc(monkeypatch):
    monkeypatch.setenv('TZ', 'America/New_York')
    time.tzset()
    try:
        then = email.utils.formatdate(time.time() + 1000)
        assert then.endswith('-0000')
        assert 900 < asked_for(then) <= 1000
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_is_asked_for_is_in_the_error(receiver, http_backend):
    receiver.answers = [(503, {'Retry-After': '31'}, b''), 503]
    assert refused(http_backend(longest=30)).after == 31
    assert refused(http_backend(tries=1)).after is None


def test_close_ends_the_wait_for_the_next_try(receiver, http_backend, monkeypatch):
    waiting = threading.Event()

    class Noted(threading.Event):
        def wait(self, timeout=None):
            waiting.set()
            return super().wait(timeout)
    monkeypatch.setattr('trackstore.events.retries.Event', Noted)
    receiver.answers = [503]
    to = http_backend(backoff=1_000_000, longest=1_000_000)
    errors = []

    def send():
        try:
            to.send(event())
        except DeliveryError as error:
            errors.append(error)
    thread = threading.Thread(target=send)
    thread.start()
    waiting.wait()
    to.close()
    thread.join()
    assert '503' in str(errors[0])
    to.send(event())
    assert len(receiver.requests) == 2
