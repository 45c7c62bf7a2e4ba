"""What system checks say of settings; run by ``test_django``."""

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.test import override_settings

from trackstore.events.exceptions import ConfigurationError
from trackstore.tests.djangoproject.engines import MEMORY, QUEUE, ROUTING, TRACKING


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


def test_places_that_cannot_be(tmp_path):
    for name in ('text.fs', 'other.fs'):
        (tmp_path / name).write_text('a text')

    def settings(where, dead):
        return {'TRACKSTORE_BACKENDS': {'queue': {'ENGINE': QUEUE, 'OPTIONS': {
            'dead_letters': dead, 'backends': {
                'kept': {'ENGINE': TRACKING, 'OPTIONS': {'where': where}}}}}}}

    with override_settings(**settings(tmp_path / 'no' / 'a.fs', None)):
        found = {each.id: each.msg for each in run_checks(tags=['trackstore'])}
    assert f"'{tmp_path}/no/a.fs' is in a folder that does" in found['trackstore.E001']
    assert f"where: there is no folder '{tmp_path}/no'" in found['trackstore.W005']
    with override_settings(**settings(tmp_path / 'other.fs', tmp_path / 'text.fs')):
        found = run_checks(tags=['trackstore'])
    assert {each.id for each in found} == {'trackstore.W005'}
    assert sorted(each.msg for each in found) == [
        f"The store @queue.dead_letters cannot be opened: where: '{tmp_path}/text.fs' "
        f"is no ZODB database; its first bytes are not those of a FileStorage",
        f"The store @queue.kept cannot be opened: where: '{tmp_path}/other.fs' "
        f"is no ZODB database; its first bytes are not those of a FileStorage"]
    with override_settings(**settings(tmp_path / 'c.fs', f'{tmp_path}/c.fs')):
        found, = run_checks(tags=['trackstore'])
    assert found.msg == (
        f"The store @queue.dead_letters cannot be opened: '{tmp_path}/c.fs' is that of "
        f"@queue.kept, which has it open")
    with override_settings(**settings('zeo://localhost:1', f'file://{tmp_path}/b.fs')):
        assert ids() == []
    assert not (tmp_path / 'b.fs').exists()
