"""Settings, checks and commands; run by ``test_django``."""

import io
import sys
import types

import pytest
from django.apps import apps
from django.core.checks import run_checks
from django.core.management import CommandError, call_command
from django.test import Client, override_settings

import trackstore
from trackstore.django import DjangoTracker, stores
from trackstore.django.django_tracker import override_default_tracker
from trackstore.django.middleware import RequestContextMiddleware
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.locator import TaskContextLocator, ThreadLocalContextLocator
from trackstore.events.tracker import get_tracker, register_tracker
from trackstore.tests.djangoproject import settings as project

MEMORY = 'trackstore.events.backends.memory.MemoryBackend'
ROUTING = 'trackstore.events.backends.routing.RoutingBackend'
QUEUE = 'trackstore.events.backends.async_routing.AsyncRoutingBackend'


class Adding:
    """A processor that adds a text to the names of events."""

    def __init__(self, text='!'):
        self.text = text

    def __call__(self, event):
        event['name'] += self.text


class Failing:
    def send(self, event):
        raise LookupError('no disk')


def of_this(name):
    return {'ENGINE': f'{__name__}.{name}'}


@pytest.fixture(autouse=True)
def same_tracker():
    before = get_tracker()
    yield
    register_tracker(before)


def without(*names):
    """Return settings that lack some of the project's."""
    settings = override_settings()
    settings.enable()
    from django.conf import settings as now
    for name in names:
        delattr(now, name)
    return settings


@pytest.fixture
def bare():
    """The settings without backends."""
    settings = without('TRACKSTORE_BACKENDS')
    yield
    settings.disable()


# the tracker

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


# what fails

WRONG = [
    ({'TRACKSTORE_BACKENDS': [MEMORY]},
     r'TRACKSTORE_BACKENDS: \[.*\] is not a mapping of names to engines'),
    ({'TRACKSTORE_PROCESSORS': {'a': 1}},
     "TRACKSTORE_PROCESSORS: {'a': 1} is not a list of engines"),
    ({'TRACKSTORE_BACKENDS': {'a': MEMORY}},
     "TRACKSTORE_BACKENDS.a: 'trackstore.*' has no ENGINE; wanted is {'ENGINE': "),
    ({'TRACKSTORE_PROCESSORS': [{'OPTIONS': {}}]},
     "TRACKSTORE_PROCESSORS.0: {'OPTIONS': {}} has no ENGINE"),
    ({'TRACKSTORE_BACKENDS': {'a': {'ENGINE': 'shop.Archive'}}},
     "TRACKSTORE_BACKENDS.a.ENGINE: 'shop.Archive' cannot be imported: No module name"),
    ({'TRACKSTORE_BACKENDS': {'a': {'ENGINE': MEMORY, 'OPTIONS': {'limit': -1}}}},
     'TRACKSTORE_BACKENDS.a.OPTIONS: limit: -1 is no number of events; allowed'),
    ({'TRACKSTORE_CONTEXTS': 'request'},
     "TRACKSTORE_CONTEXTS: 'request' is not known; allowed are tracker, thread, task"),
    ({'TRACKSTORE_ON_COMMIT': 'nowhere'}, "using: 'nowhere' is no database"),
]


@pytest.mark.parametrize('settings, message', WRONG)
def test_a_tracker_that_cannot_be_made(settings, message):
    with override_settings(**settings), pytest.raises(
            ConfigurationError, match=f'^{message}'):
        DjangoTracker()


REQUEST = [
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


# checks

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


# the command

def run(*arguments):
    output = io.StringIO()
    call_command('trackstore_events', *arguments, stdout=output)
    return output.getvalue().splitlines()


TREE = '''\
trackstore.django.django_tracker.DjangoTracker, contexts by \
trackstore.events.locator.TaskContextLocator
routed by trackstore.django.on_commit.OnCommitBackend (commits of default)
processors:
  0: configuration.Adding
backends:
  queue: trackstore.events.backends.async_routing.AsyncRoutingBackend
    carrier: trackstore.events.carriers.local.LocalCarrier
    processors: none
    backends:
      kept: trackstore.events.backends.memory.MemoryBackend'''


def use(**settings):
    with override_settings(**settings):
        tracker = DjangoTracker()
    register_tracker(tracker)
    return tracker


def test_the_tree():
    use(TRACKSTORE_PROCESSORS=[of_this('Adding')], TRACKSTORE_ON_COMMIT=True,
        TRACKSTORE_BACKENDS={'queue': {'ENGINE': QUEUE, 'OPTIONS': {
            'backends': {'kept': {'ENGINE': MEMORY}}}}})
    assert '\n'.join(run('tree')).replace(__name__, 'configuration') == TREE
    use(TRACKSTORE_BACKENDS={})
    assert run('tree')[1:] == ['processors: none', 'backends: none']


def test_an_event_to_try():
    tracker = use(TRACKSTORE_BACKENDS={
        'kept': {'ENGINE': MEMORY},
        'queue': {'ENGINE': QUEUE, 'OPTIONS': {'backends': {
            'kept': {'ENGINE': MEMORY}}}}})
    assert run('emit', 'order.placed', '--data', '{"order": 17}') == [
        'kept: sent', 'queue: sent']
    for routing in (tracker, tracker.get_backend('queue')):
        event, = routing.backends['kept'].events
        assert (event['name'], event['data']) == ('order.placed', {'order': 17})
    tracker.get_backend('queue').close()


def test_an_event_that_gets_nowhere(caplog):
    tracker = use(TRACKSTORE_BACKENDS={
        'a': of_this('Failing'), 'kept': {'ENGINE': MEMORY},
        'queue': {'ENGINE': QUEUE, 'OPTIONS': {
            'tries': 1, 'backends': {'a': of_this('Failing')}}}})
    output = io.StringIO()
    with pytest.raises(CommandError, match="event not delivered to async.a after 1 tr"):
        call_command('trackstore_events', 'emit', 'a', stdout=output)
    assert output.getvalue().splitlines() == [
        'a: failed: LookupError: no disk', 'kept: sent', 'queue: failed: not delivered']
    tracker.get_backend('queue').close()


def test_an_event_that_a_backend_does_not_take():
    use(TRACKSTORE_BACKENDS={'a': of_this('Failing')})
    with pytest.raises(CommandError, match='^The event did not get to every backend.$'):
        run('emit', 'a')


@pytest.mark.parametrize('data, message', [
    ('{', "--data: '{' is no JSON: "), ('[1]', r"--data: \[1\] is no object of JSON")])
def test_data_that_are_none(data, message):
    with pytest.raises(CommandError, match=f'^{message}'):
        run('emit', 'a', '--data', data)


def test_an_event_without_a_backend():
    use(TRACKSTORE_BACKENDS={})
    with pytest.raises(CommandError, match='^The tracker has no backends: the event'):
        run('emit', 'a')


def drop(event):
    from trackstore.events.processors.exceptions import EventEmissionExit
    raise EventEmissionExit


def test_an_event_that_is_dropped():
    use().routing_backend.register_processor(drop)
    assert run('emit', 'a') == ['the tracker: dropped by a processor']


class Flushed(MemoryBackend):
    flushed = 0

    def flush(self):
        type(self).flushed += 1


def test_flush():
    use(TRACKSTORE_BACKENDS={'below': {'ENGINE': ROUTING, 'OPTIONS': {
        'backends': {'a': of_this('Flushed')}}}})
    assert run('flush') == ['All is delivered.']
    assert Flushed.flushed == 1


def test_flush_that_takes_too_long():
    import threading
    go_on = threading.Event()

    class Waiting(MemoryBackend):
        def send(self, event):
            go_on.wait()

    tracker = use(TRACKSTORE_BACKENDS={'queue': {'ENGINE': QUEUE}})
    tracker.get_backend('queue').register_backend('waiting', Waiting())
    tracker.emit('a')
    try:
        with pytest.raises(CommandError, match='^Not all is delivered after 0.05 second'
                                               's: queue$'):
            run('flush', '--timeout', '0.05')
    finally:
        go_on.set()
        tracker.get_backend('queue').close()


def test_the_command_line_on_a_store(capfd):
    use()
    run('emit', 'order.placed')
    get_tracker().get_backend('store').close()
    run('cli', 'count', '@store', '--task', 'order.placed')
    assert int(capfd.readouterr().out) >= 1
    with pytest.raises(SystemExit) as exit:
        run('cli', 'count', 'nowhere.fs')
    assert exit.value.code == 2 and 'nowhere.fs' in capfd.readouterr().err
    with pytest.raises(CommandError, match='^@archive: no backend of that path has a s'
                                           'tore that the settings name; there are: @'):
        run('cli', 'count', '@archive')


def test_stores_in_the_tree():
    with override_settings(TRACKSTORE_BACKENDS={
            'a': {'ENGINE': MEMORY},
            'queue': {'ENGINE': QUEUE, 'OPTIONS': {
                'dead_letters': project.FOLDER / 'dead.fs',
                'backends': {'store': {'ENGINE': 'x.y', 'OPTIONS': {'where': 'a.fs'}},
                             'own': {'ENGINE': 'x.y', 'OPTIONS': {'storage': 'x.y'}}}}}}
    ):
        assert stores.places() == {
            'queue.dead_letters': str(project.FOLDER / 'dead.fs'),
            'queue.store': 'a.fs'}


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
