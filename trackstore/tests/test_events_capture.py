"""Captured events, for the tests of applications."""

import pytest

from trackstore.events import Tracker, emit, register_tracker
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.exceptions import TrackerError
from trackstore.events.tracker import TRACKERS
from trackstore.testing import capture_events


@pytest.fixture
def no_trackers():
    before = dict(TRACKERS)
    TRACKERS.clear()
    yield
    TRACKERS.clear()
    TRACKERS.update(before)


@pytest.mark.usefixtures('no_trackers')
def test_events_of_the_default_tracker_go_nowhere_else():
    memory = MemoryBackend()
    tracker = Tracker({'memory': memory}, processors=[
        lambda event: event['data'].update(seen=True)])
    register_tracker(tracker)
    with capture_events() as events:
        emit('a', {'x': 1})
        with capture_events() as inner:
            emit('b')
        emit('c')
    emit('d')
    assert [event['name'] for event in events] == ['a', 'c']
    assert [event['name'] for event in inner] == ['b']
    assert events[0]['data'] == {'x': 1, 'seen': True}
    assert [event['name'] for event in memory.events] == ['d']


@pytest.mark.usefixtures('no_trackers')
def test_without_a_tracker_another_stands_in():
    with pytest.raises(ZeroDivisionError), capture_events() as events:
        emit('a')
        raise ZeroDivisionError
    assert len(events) == 1
    with pytest.raises(TrackerError):
        emit('b')


@pytest.mark.usefixtures('no_trackers')
def test_events_of_a_certain_tracker():
    memory = MemoryBackend()
    register_tracker(Tracker({'memory': memory}))
    tracker = Tracker()
    with capture_events(tracker) as events:
        tracker.emit('a')
        emit('b')
    assert [event['name'] for event in events] == ['a']
    assert [event['name'] for event in memory.events] == ['b']
