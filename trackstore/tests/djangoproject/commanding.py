"""The command of the app; run by ``test_django``."""

import io
import threading

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from trackstore.django import DjangoTracker, stores
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.processors.exceptions import EventEmissionExit
from trackstore.events.tracker import get_tracker, register_tracker
from trackstore.tests.djangoproject import engines
from trackstore.tests.djangoproject import settings as project
from trackstore.tests.djangoproject.engines import (
    MEMORY,
    QUEUE,
    ROUTING,
    TRACKING,
    of_this,
)


def run(*arguments):
    output = io.StringIO()
    call_command('trackstore_events', *arguments, stdout=output)
    return output.getvalue().splitlines()


TREE = '''\
trackstore.django.django_tracker.DjangoTracker, contexts by \
trackstore.events.locator.TaskContextLocator
routed by trackstore.django.on_commit.OnCommitBackend (commits of default)
processors:
  0: engines.Adding
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
    assert '\n'.join(run('tree')).replace(engines.__name__, 'engines') == TREE
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


@pytest.mark.parametrize('words', [['emit', 'a'], ['flush'], ['tree']])
def test_a_tracker_that_cannot_be_made(words):
    broken = {'a': {'ENGINE': 'shop.Archive'}}
    with override_settings(TRACKSTORE_BACKENDS=broken), pytest.raises(
            CommandError, match="^The tracker cannot be made: TRACKSTORE_BACKENDS.a."):
        run(*words)


def drop(event):
    raise EventEmissionExit


def test_an_event_that_is_dropped():
    use().routing_backend.register_processor(drop)
    assert run('emit', 'a') == ['the tracker: dropped by a processor']


def test_an_event_that_is_dropped_before_a_queue():
    orders = {'ENGINE': 'trackstore.events.processors.whitelist.NameWhitelistProcessor',
              'OPTIONS': {'whitelist': ['order.placed']}}
    tracker = use(TRACKSTORE_BACKENDS={'queue': {'ENGINE': QUEUE, 'OPTIONS': {
        'processors': [orders], 'backends': {'kept': {'ENGINE': MEMORY}}}}})
    assert run('emit', 'page.viewed') == ['queue: dropped by a processor']
    assert run('emit', 'order.placed') == ['queue: sent']
    queue = tracker.get_backend('queue')
    assert [event['name'] for event in queue.backends['kept'].events] == [
        'order.placed']
    queue.register_processor(lambda event: [])
    assert run('emit', 'order.placed') == ['queue: dropped by a processor']
    queue.close()


class Flushed(MemoryBackend):
    flushed = 0

    def flush(self):
        type(self).flushed += 1


def test_flush():
    use(TRACKSTORE_BACKENDS={'below': {'ENGINE': ROUTING, 'OPTIONS': {
        'backends': {'a': {'ENGINE': f'{__name__}.Flushed'}}}}})
    assert run('flush') == ['All is delivered.']
    assert Flushed.flushed == 1


def test_flush_asks_once_what_is_below_a_queue():
    Flushed.flushed = 0
    use(TRACKSTORE_BACKENDS={'queue': {'ENGINE': QUEUE, 'OPTIONS': {
        'backends': {'a': {'ENGINE': f'{__name__}.Flushed'}}}}})
    assert run('flush') == ['All is delivered.']
    assert Flushed.flushed == 1


def test_flush_of_a_backend_that_hangs():
    go_on = threading.Event()

    class Hanging(MemoryBackend):
        def flush(self):
            go_on.wait()

    tracker = use(TRACKSTORE_BACKENDS={'below': {'ENGINE': ROUTING}})
    tracker.get_backend('below').register_backend('hanging', Hanging())
    try:
        with pytest.raises(CommandError, match='below.hanging$'):
            run('flush', '--timeout', '0.05')
    finally:
        go_on.set()


def test_flush_that_takes_too_long():
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


def test_dead_letters_are_sent_again_to_the_backends_of_the_settings(capfd, tmp_path):
    dead = tmp_path / 'dead.fs'

    def settings(kept):
        return {'TRACKSTORE_BACKENDS': {'queue': {'ENGINE': QUEUE, 'OPTIONS': {
            'backend_name': 'orders', 'tries': 1, 'dead_letters': dead,
            'backends': {'kept': kept}}}}}

    tracker = use(**settings(of_this('Failing')))
    tracker.emit('order.placed', {'order': 17})
    assert tracker.get_backend('queue').close()
    replay = 'cli', 'dead-letters', 'replay', '@queue.dead_letters'
    with override_settings(**settings(of_this('Failing'))), pytest.raises(SystemExit):
        run(*replay)
    assert 'orders.kept: LookupError: no disk' in capfd.readouterr().out
    with override_settings(**settings(
            {'ENGINE': TRACKING, 'OPTIONS': {'where': tmp_path / 'events.fs'}})):
        run(*replay)
        assert capfd.readouterr().out == '1 event delivered\n'
        run('cli', 'count', '@queue.kept', '--task', 'order.placed')
        assert capfd.readouterr().out == '1\n'


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
