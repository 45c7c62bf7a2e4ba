"""What the tests in a process of Django need; a plugin of pytest.

It is no ``conftest``, which every run of pytest would read that passes by.
"""

import logging

import pytest

from trackstore.tests.djangoproject import start

start()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.models import Session  # noqa: E402
from django.test import override_settings  # noqa: E402

from trackstore.django import requestcontext  # noqa: E402
from trackstore.events.tracker import get_tracker, register_tracker  # noqa: E402
from trackstore.testing import capture_events  # noqa: E402
from trackstore.tests.waiting import LONG  # noqa: E402


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """What takes a while on a slow machine is waited for."""
    monkeypatch.setattr(requestcontext, 'WAIT', LONG)


@pytest.fixture(scope='session')
def ann():
    """A user."""
    return User.objects.create_user('ann', 'ann@example.com', 'secret')


@pytest.fixture(autouse=True)
def same_tracker():
    before = get_tracker()
    yield
    register_tracker(before)


@pytest.fixture
def bare():
    """The settings without backends."""
    changed = override_settings()
    changed.enable()
    del settings.TRACKSTORE_BACKENDS
    yield
    changed.disable()


@pytest.fixture
def events():
    """The events of the test."""
    with capture_events() as events:
        yield events


@pytest.fixture
def each_logged(caplog, monkeypatch):
    """Each message is logged, also one that was logged a moment ago."""
    monkeypatch.setattr(requestcontext, 'log', logging.getLogger('requests'))
    return caplog


@pytest.fixture(autouse=True)
def no_sessions():
    yield
    Session.objects.all().delete()
