"""What system checks say of settings; run by ``test_django``."""

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.test import override_settings

from trackstore.events.exceptions import ConfigurationError
from trackstore.tests.djangoproject.engines import MEMORY, QUEUE, ROUTING


def ids(tags=('trackstore',)):
    return [found.id for found in run_checks(tags=tags)]


def test_nothing_is_wrong_with_the_project():
    assert ids() == []


@pytest.mark.parametrize('error, text', [
    (ConfigurationError('TRACKSTORE_BACKENDS.a: so'), 'TRACKSTORE_BACKENDS.a: so'),
    (OSError('no disk'), 'OSError: no disk')])
def test_the_check_of_the_tracker(monkeypatch, error, text):
    monkeypatch.setattr(apps.get_app_config('trackstore'), 'error', error)
    found, = run_checks(tags=['trackstore'])
    assert (found.id, found.msg) == (
        'trackstore.E001', f'The tracker cannot be made: {text}')
    assert 'TRACKSTORE_BACKENDS and TRACKSTORE_PROCESSORS' in found.hint


def test_warnings(bare):
    assert ids() == ['trackstore.W001']
    with override_settings(TRACKSTORE_ENABLED=False):
        assert ids() == []
    with override_settings(EVENT_TRACKING_BACKENDS={'a': {'ENGINE': MEMORY}}):
        assert ids() == []
        with override_settings(TRACKSTORE_BACKENDS={'a': {'ENGINE': MEMORY}}):
            found, = run_checks(tags=['trackstore'])
    assert found.id == 'trackstore.W002'
    assert found.msg == (
        'EVENT_TRACKING_BACKENDS is not read: TRACKSTORE_BACKENDS given.')


def test_a_queue_that_leads_nowhere():
    with override_settings(TRACKSTORE_BACKENDS={
            'kept': {'ENGINE': MEMORY},
            'some': {'ENGINE': ROUTING, 'OPTIONS': {'backends': {
                'queue': {'ENGINE': QUEUE}, 'kept': {'ENGINE': MEMORY}}}}}):
        found, = run_checks(tags=['trackstore'])
    assert (found.id, found.msg) == (
        'trackstore.W001',
        'TRACKSTORE_BACKENDS.some.queue has no backends: events go nowhere there.')


def test_a_setting_that_nobody_reads():
    with override_settings(TRACKSTORE_BACKEND={}):
        found, = run_checks(tags=['trackstore'])
    assert (found.id, found.msg) == (
        'trackstore.W003', 'TRACKSTORE_BACKEND is no setting of trackstore.')
    assert 'TRACKSTORE_BACKENDS, TRACKSTORE_CONTEXTS' in found.hint


def test_contexts_that_requests_would_share():
    with override_settings(TRACKSTORE_CONTEXTS='tracker'):
        assert ids() == ['trackstore.W004']
        with override_settings(MIDDLEWARE=[]):
            assert ids() == []
