"""The tracker that settings describe; run by ``test_django``."""

import sys
import types

import pytest
from django.test import Client, override_settings

import trackstore
from trackstore.django import DjangoTracker
from trackstore.django.django_tracker import override_default_tracker
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.locator import TaskContextLocator, ThreadLocalContextLocator
from trackstore.events.tracker import get_tracker, register_tracker
from trackstore.tests.djangoproject import settings as project
from trackstore.tests.djangoproject.engines import MEMORY, ROUTING, Adding, of_this


def test_the_tracker_of_the_project():
    tracker = get_tracker()
    assert type(tracker) is DjangoTracker
    assert list(tracker.backends) == ['memory', 'store']
    assert type(tracker.context_locator) is TaskContextLocator


def test_a_tree_with_processors():
    with override_settings(
            TRACKSTORE_BACKENDS={'orders': {'ENGINE': ROUTING, 'OPTIONS': {
                'processors': [of_this('Adding')],
                'backends': {'kept': {'ENGINE': MEMORY, 'OPTIONS': {'limit': 7}}}}}},
            TRACKSTORE_PROCESSORS=[{**of_this('Adding'), 'OPTIONS': {'text': '?'}}],
            TRACKSTORE_CONTEXTS='thread'):
        tracker = DjangoTracker()
    tracker.emit('a')
    kept = tracker.get_backend('orders').backends['kept']
    assert [event['name'] for event in kept.events] == ['a?!']
    assert kept.events.maxlen == 7
    assert type(tracker.context_locator) is ThreadLocalContextLocator


def test_settings_of_event_tracking(bare):
    with override_settings(
            EVENT_TRACKING_BACKENDS={'all': {
                'ENGINE': 'eventtracking.backends.routing.RoutingBackend',
                'OPTIONS': {'backends': {'memory': {'ENGINE': MEMORY}},
                            'processors': [of_this('Adding')]}}},
            EVENT_TRACKING_PROCESSORS=[of_this('Adding')]):
        tracker = DjangoTracker()
    assert type(tracker.get_backend('all')) is RoutingBackend
    tracker.emit('a')
    assert tracker.get_backend('all').backends['memory'].events[0]['name'] == 'a!!'


def test_a_class_that_is_not_there_is_that_of_the_package(bare, monkeypatch):
    package = types.ModuleType('eventtracking')
    module = types.ModuleType('eventtracking.own')
    module.Own = MemoryBackend
    monkeypatch.setitem(sys.modules, 'eventtracking', package)
    monkeypatch.setitem(sys.modules, 'eventtracking.own', module)
    with override_settings(EVENT_TRACKING_BACKENDS={
            'own': {'ENGINE': 'eventtracking.own.Own'}}):
        assert type(DjangoTracker().get_backend('own')) is MemoryBackend
    with override_settings(EVENT_TRACKING_BACKENDS={
            'own': {'ENGINE': 'eventtracking.own.Other'}}), pytest.raises(
                ConfigurationError, match=r"own.ENGINE: 'eventtracking.own.Other' can"):
        DjangoTracker()


def test_own_settings_are_not_translated():
    with override_settings(TRACKSTORE_BACKENDS={'all': {
            'ENGINE': 'eventtracking.backends.routing.RoutingBackend'}}), pytest.raises(
                ConfigurationError, match='TRACKSTORE_BACKENDS.all.ENGINE: .eventtrac'):
        DjangoTracker()


@override_settings(TRACKSTORE_PROCESSORS=[],
                   EVENT_TRACKING_BACKENDS={'no': {'ENGINE': MEMORY}},
                   EVENT_TRACKING_PROCESSORS=[of_this('Adding')])
def test_where_both_are_given_the_own_ones_count():
    tracker = DjangoTracker()
    assert list(tracker.backends) == ['memory', 'store'] and tracker.processors == []


@override_settings(SHOP_BACKENDS={'shop': {'ENGINE': MEMORY}},
                   SHOP_PROCESSORS=[of_this('Adding')])
def test_settings_of_other_names():
    tracker = DjangoTracker('SHOP_BACKENDS', processors_settings_name='SHOP_PROCESSORS')
    assert list(tracker.backends) == ['shop']
    assert [type(each) for each in tracker.processors] == [Adding]
    assert list(DjangoTracker(backends_settings_name='SHOP_BACKENDS').backends) == [
        'shop']
    assert DjangoTracker('NOT_GIVEN', 'NEITHER').backends == {}


@pytest.mark.parametrize('name', ['TRACKSTORE_ENABLED', 'EVENT_TRACKING_ENABLED'])
def test_events_that_are_not_wanted_go_nowhere(name):
    with override_settings(**{name: False}):
        override_default_tracker()
        Client().get('/plain')
        assert get_tracker().backends == {}
    with override_settings(**{name: True}):
        override_default_tracker()
        assert list(get_tracker().backends) == ['memory', 'store']


def test_whether_they_are_wanted_is_said_by_the_own_setting():
    with override_settings(TRACKSTORE_ENABLED=True, EVENT_TRACKING_ENABLED=False):
        override_default_tracker()
    assert list(get_tracker().backends) == ['memory', 'store']


def test_events_are_stored():
    with override_settings(TRACKSTORE_BACKENDS={'store': {
            'ENGINE': 'trackstore.events.backends.tracking.TrackingBackend',
            'OPTIONS': {'where': str(project.FOLDER / 'stored.fs')}}}):
        tracker = DjangoTracker()
    register_tracker(tracker)
    Client().get('/plain?n=1', headers={'user-agent': 'Firefox'})
    tracker.get_backend('store').close()
    with trackstore.open(project.FOLDER / 'stored.fs') as tracks:
        track, = tracks.query()
        assert (track.taskId, track.userName) == ('plain', None)
        assert track.data['context']['agent'] == 'Firefox'
