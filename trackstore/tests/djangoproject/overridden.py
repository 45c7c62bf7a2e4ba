"""Settings that tests change; run by ``test_django``."""

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.test import Client, override_settings

from trackstore.django import overriding
from trackstore.django.on_commit import OnCommitBackend
from trackstore.events import emit
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.tracker import get_tracker
from trackstore.tests.djangoproject.engines import MEMORY, QUEUE, ROUTING, of_this


def test_the_tracker_is_that_of_the_changed_settings():
    before = get_tracker()
    with override_settings(TRACKSTORE_BACKENDS={'kept': {'ENGINE': MEMORY}}):
        Client().get('/plain?n=1')
        event, = get_tracker().get_backend('kept').events
        assert (event['data'], event['context']['path']) == ({'n': '1'}, '/plain')
    assert get_tracker() is before


def test_several_settings_and_changes_within_others():
    before = get_tracker()
    with override_settings(TRACKSTORE_BACKENDS={'kept': {'ENGINE': MEMORY}},
                           TRACKSTORE_PROCESSORS=[of_this('Adding')],
                           TRACKSTORE_ON_COMMIT=True, LANGUAGE_CODE='de'):
        outer = get_tracker()
        assert type(outer.routing_backend) is OnCommitBackend
        assert len(overriding._changes) == 3
        with override_settings(TRACKSTORE_ENABLED=False):
            emit('a')
            assert get_tracker().backends == {}
        assert get_tracker() is outer
        emit('b')
        assert [event['name'] for event in outer.get_backend('kept').events] == ['b!']
    assert get_tracker() is before and overriding._changes == []


def test_the_backends_of_a_change_are_closed_after_it():
    with override_settings(TRACKSTORE_BACKENDS={'below': {
            'ENGINE': ROUTING, 'OPTIONS': {'backends': {'queue': {
                'ENGINE': QUEUE, 'OPTIONS': {'backends': {'kept': {
                    'ENGINE': MEMORY}}}}}}}}):
        emit('a')
        queue = get_tracker().get_backend('below').backends['queue']
    assert len(queue.backends['kept'].events) == 1
    assert queue.carrier._ended


def test_changes_that_fail_are_told_by_checks_and_by_emitting():
    before = get_tracker()
    with override_settings(TRACKSTORE_BACKENDS={'a': {'ENGINE': 'shop.Archive'}}):
        found, = run_checks(tags=['trackstore'])
        assert found.id == 'trackstore.E001' and "'shop.Archive' cannot" in found.msg
        with pytest.raises(ConfigurationError, match="'shop.Archive' cannot be import"):
            emit('a')
    assert get_tracker() is before
    assert apps.get_app_config('trackstore').error is None and not run_checks(
        tags=['trackstore'])


def test_the_context_of_requests_to_a_client_that_has_asked_before(events):
    client = Client()
    client.get('/plain')
    with override_settings(TRACKSTORE_REQUEST_CONTEXT=['path'],
                           TRACKSTORE_REQUEST_ID_HEADER='X-Mine'):
        assert 'X-Mine' in client.get('/plain').headers
    assert 'X-Request-ID' in client.get('/plain').headers
    first, changed, last = (event['context'] for event in events)
    assert changed == {'path': '/plain'} and list(first) == list(last) != ['path']


def test_other_settings_change_nothing():
    before = get_tracker()
    with override_settings(LANGUAGE_CODE='de', TRACKSTORE_TRUSTED_PROXIES=[]):
        assert get_tracker() is before
