"""Events that wait for Django's commit; run by ``test_django``."""

import unittest

import pytest
from django.db import transaction
from django.test import Client, TestCase, override_settings
from zope.interface.verify import verifyClass, verifyObject

from trackstore.django import DjangoTracker
from trackstore.django.on_commit import OnCommitBackend
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IRoutingBackend
from trackstore.events.processors.exceptions import EventEmissionExit
from trackstore.events.tracker import Tracker, get_tracker, register_tracker
from trackstore.testing import capture_events


@pytest.fixture
def tracker():
    """The default tracker, with the setting."""
    before = get_tracker()
    with override_settings(TRACKSTORE_ON_COMMIT=True):
        tracker = DjangoTracker()
    tracker.kept = tracker.get_backend('memory').events
    register_tracker(tracker)
    yield tracker
    register_tracker(before)


def names(tracker):
    return [event['name'] for event in tracker.kept]


def test_events_wait_for_the_commit(tracker):
    with transaction.atomic():
        tracker.emit('bought')
        assert names(tracker) == []
    assert names(tracker) == ['bought']


def test_events_go_with_the_transaction(tracker):
    with pytest.raises(LookupError), transaction.atomic():
        tracker.emit('bought')
        raise LookupError
    assert names(tracker) == []


def test_events_go_with_the_savepoint(tracker):
    with transaction.atomic():
        tracker.emit('outer')
        with pytest.raises(LookupError), transaction.atomic():
            tracker.emit('inner')
            raise LookupError
        tracker.emit('after')
    assert names(tracker) == ['outer', 'after']


def test_outside_of_a_transaction_nothing_waits(tracker):
    tracker.emit('bought')
    assert names(tracker) == ['bought']


def test_in_a_view(tracker):
    Client().get('/buying?fail')
    assert names(tracker) == []
    Client().get('/buying')
    event, = tracker.kept
    assert event['context']['path'] == '/buying'


def test_an_event_is_as_it_was_when_it_was_emitted(tracker):
    data = {'items': ['tea']}
    seen = []
    tracker.routing_backend.register_processor(lambda event: seen.append(dict(event)))
    with tracker.context({'user_id': 1}), transaction.atomic():
        tracker.emit('bought', data)
        assert len(seen) == 1
        data['items'].append('milk')
        with tracker.context({'user_id': 2}):
            tracker.emit('paid')
    bought, paid = tracker.kept
    assert (bought['data'], bought['context']) == ({'items': ['tea']}, {'user_id': 1})
    assert bought['timestamp'] <= paid['timestamp']
    assert paid['context'] == {'user_id': 2}


def test_a_processor_drops_and_splits(tracker):
    def drop(event):
        if event['name'] == 'secret':
            raise EventEmissionExit
        return [{**event, 'name': 'a'}, {**event, 'name': 'b'}]
    tracker.routing_backend.register_processor(drop)
    with transaction.atomic():
        tracker.emit('secret')
        tracker.emit('public')
    assert names(tracker) == ['a', 'b']


def test_the_transaction_of_another_database():
    memory = MemoryBackend()
    tracker = Tracker({'bought': OnCommitBackend({'memory': memory}, using='other')})
    with transaction.atomic():
        tracker.emit('at once')
    assert len(memory.events) == 1
    with transaction.atomic(using='other'):
        tracker.emit('later')
        assert len(memory.events) == 1
    assert len(memory.events) == 2


def test_a_part_of_the_tree_alone():
    waiting, at_once = MemoryBackend(), MemoryBackend()
    tracker = Tracker({'waiting': OnCommitBackend({'memory': waiting}),
                       'at_once': at_once})
    with transaction.atomic():
        tracker.emit('bought')
        assert (len(waiting.events), len(at_once.events)) == (0, 1)
        waiting_event = at_once.events[0]
    assert waiting.events[0].id == waiting_event.id


def test_a_backend_that_fails_harms_no_transaction(tracker, caplog):
    class Failing:
        def send(self, event):
            raise LookupError('no disk')
    tracker.routing_backend.register_backend('failing', Failing())
    with transaction.atomic():
        tracker.emit('bought')
    assert names(tracker) == ['bought']
    assert "event 'bought' could not be sent to backend 'failing'" in caplog.text


def test_in_a_test_of_the_project(tracker):
    """The transaction of a TestCase is never committed."""
    class Case(TestCase):
        def runTest(self):
            with self.captureOnCommitCallbacks(execute=True):
                tracker.emit('bought')
            tracker.emit('left')

    result = unittest.TestResult()
    unittest.TestSuite([Case()]).run(result)
    assert result.wasSuccessful(), result.errors
    assert names(tracker) == ['bought']


def test_events_are_captured_by_the_block_they_are_emitted_in(tracker):
    with transaction.atomic():
        tracker.emit('before')
        with capture_events(tracker) as captured:
            tracker.emit('within')
        tracker.emit('after')
    assert names(tracker) == ['before', 'after']
    assert [event['name'] for event in captured] == ['within']


@pytest.mark.parametrize('using', ['nowhere', 17])
def test_a_database_that_is_not_there(using):
    with pytest.raises(ConfigurationError, match=(
            f'^using: {using!r} is no database; allowed are the aliases in DATABASES: '
            f'default, other$')):
        OnCommitBackend(using=using)


def test_the_setting_may_name_a_database():
    with override_settings(TRACKSTORE_ON_COMMIT='other'):
        assert DjangoTracker().routing_backend.using == 'other'
    with override_settings(TRACKSTORE_ON_COMMIT=None):
        assert type(DjangoTracker().routing_backend) is not OnCommitBackend


def test_the_contract():
    assert verifyClass(IRoutingBackend, OnCommitBackend)
    assert verifyObject(IRoutingBackend, OnCommitBackend())
