"""Settings that fail; run by ``test_django``."""

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.test import Client, override_settings

from trackstore.django import DjangoTracker
from trackstore.django.middleware import RequestContextMiddleware
from trackstore.events.exceptions import ConfigurationError
from trackstore.tests.djangoproject.engines import MEMORY

WRONG = [
    ({'TRACKSTORE_BACKENDS': [MEMORY]},
     r'TRACKSTORE_BACKENDS: \[.*\] is not a mapping of names to engines'),
    ({'TRACKSTORE_PROCESSORS': {'a': 1}},
     "TRACKSTORE_PROCESSORS: {'a': ...} is not a list of engines"),
    ({'TRACKSTORE_BACKENDS': {'a': MEMORY}},
     "TRACKSTORE_BACKENDS.a: 'trackstore.*' has no ENGINE; wanted is {'ENGINE': "),
    ({'TRACKSTORE_PROCESSORS': [{'OPTIONS': {}}]},
     "TRACKSTORE_PROCESSORS.0: {'OPTIONS': ...} has no ENGINE"),
    ({'TRACKSTORE_BACKENDS': {'a': {'ENGINE': 'shop.Archive'}}},
     "TRACKSTORE_BACKENDS.a.ENGINE: 'shop.Archive' cannot be imported: No module name"),
    ({'TRACKSTORE_BACKENDS': {'a': {'ENGINE': MEMORY, 'OPTIONS': {'limit': -1}}}},
     'TRACKSTORE_BACKENDS.a.OPTIONS: limit: -1 is no number of events; allowed'),
    ({'TRACKSTORE_CONTEXTS': 'request'},
     "TRACKSTORE_CONTEXTS: 'request' is not known; allowed are tracker, thread, task"),
    ({'TRACKSTORE_CONTEXTS': ['task']}, r"TRACKSTORE_CONTEXTS: \['task'\] is not kno"),
    ({'TRACKSTORE_BACKENDS': {1: {'ENGINE': MEMORY}, 'a': {'ENGINE': MEMORY}}},
     'backends: 1 is no name; allowed is text'),
    ({'TRACKSTORE_ON_COMMIT': 'nowhere'},
     "TRACKSTORE_ON_COMMIT: 'nowhere' is no database; allowed are True, False and"),
    ({'TRACKSTORE_BACKENDS': {'a': {'ENGINE': 'MemoryBackend'}}},
     "TRACKSTORE_BACKENDS.a.ENGINE: 'MemoryBackend' is no path of a class; wanted is "),
]


@pytest.mark.parametrize('settings, message', WRONG)
def test_a_tracker_that_cannot_be_made(settings, message):
    with override_settings(**settings), pytest.raises(
            ConfigurationError, match=f'^{message}'):
        DjangoTracker()


async def later(request):
    return 'a coroutine'


REQUEST = [
    ({'TRACKSTORE_REQUEST_CONTEXT': {'a': later}},
     'TRACKSTORE_REQUEST_CONTEXT: <function later .* is a coroutine function; allowed'),
    ({'TRACKSTORE_REQUEST_CONTEXT': 'path'},
     "TRACKSTORE_REQUEST_CONTEXT: 'path' is no list"),
    ({'TRACKSTORE_REQUEST_CONTEXT': ['paths']},
     "TRACKSTORE_REQUEST_CONTEXT: 'paths' is no part of a request; allowed are user_i"),
    ({'TRACKSTORE_REQUEST_CONTEXT': {'a': 17}},
     'TRACKSTORE_REQUEST_CONTEXT: 17 is no part of a request'),
    ({'TRACKSTORE_REQUEST_CONTEXT': {'a': 'shop.tenant'}},
     "TRACKSTORE_REQUEST_CONTEXT: 'shop.tenant' cannot be imported"),
    ({'TRACKSTORE_REQUEST_CONTEXT': {'a': 'os.sep'}},
     "TRACKSTORE_REQUEST_CONTEXT: 'os.sep' is a str; wanted is the path of a function"),
    ({'TRACKSTORE_REQUEST_CONTEXT': {1: 'path'}},
     'TRACKSTORE_REQUEST_CONTEXT: 1 is no key of the context; allowed is text'),
    ({'TRACKSTORE_TRUSTED_PROXIES': [10]},
     'TRACKSTORE_TRUSTED_PROXIES: 10 is no address; allowed are texts like'),
    ({'TRACKSTORE_REQUEST_ID_HEADER': 'X Id'},
     "TRACKSTORE_REQUEST_ID_HEADER: 'X Id' is no header; allowed are names like"),
    ({'TRACKSTORE_TRUSTED_PROXIES': ['proxy']},
     "TRACKSTORE_TRUSTED_PROXIES: 'proxy' does not appear"),
    ({'TRACKSTORE_HASH_KEY': ''}, 'TRACKSTORE_HASH_KEY: it is a str, or empty; wanted'),
]


@pytest.mark.parametrize('settings, message', REQUEST)
def test_a_context_that_cannot_be_made(settings, message):
    with override_settings(**settings):
        with pytest.raises(ConfigurationError, match=f'^{message}'):
            RequestContextMiddleware(lambda request: None)
        found, = run_checks(tags=['trackstore'])
    assert found.id == 'trackstore.E002' and found.hint
    assert message[:30].replace('\\', '') in found.msg


def test_a_server_does_not_start_with_a_middleware_without_a_tracker(monkeypatch):
    config = apps.get_app_config('trackstore')
    monkeypatch.setattr(config, 'error', ConfigurationError('it is broken'))
    with pytest.raises(ConfigurationError, match='^it is broken$'):
        Client().get('/plain')


def test_the_middleware_needs_the_app():
    with override_settings(INSTALLED_APPS=[]), pytest.raises(
            ConfigurationError, match="RequestContextMiddleware needs 'trackstore.dja"):
        RequestContextMiddleware(lambda request: None)


def test_the_app_where_no_command_is_about_to_run():
    """Other than in a command, Django does not start."""
    with override_settings(TRACKSTORE_CONTEXTS='x'), pytest.raises(ConfigurationError):
        apps.get_app_config('trackstore').ready()


def test_a_text_says_not_whether_events_are_wanted():
    """``'False'`` is true, and comes from the environment."""
    with override_settings(TRACKSTORE_ENABLED='False'):
        found, = run_checks(tags=['trackstore'])
        assert found.id == 'trackstore.E001'
        assert "TRACKSTORE_ENABLED: 'False' is no flag; allowed are True" in found.msg
