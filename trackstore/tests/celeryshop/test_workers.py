"""Workers of Celery of all kinds: killed ones, slow ones, and with a wrong tree."""

import pytest

import trackstore
from trackstore.tests import celeryshop
from trackstore.tests.celeryshop import LOCAL, got, numbers, tries
from trackstore.tests.waiting import LONG


@pytest.mark.parametrize('pool', ['solo', 'threads'])
def test_workers_of_other_kinds(shop, pool):
    tracker = shop.open(carrier={'queue': f'{shop.folder.name}-own'})
    tracker.emit('order.placed', {'number': 1})
    shop.fails('kept', 1)
    shop.worker('-P', pool, '-Q', f'{shop.folder.name}-own')
    shop.wait(lambda: got('kept'))
    assert (numbers('kept'), tries('kept')) == ([1], 2)


def test_events_of_tasks_are_delivered_when_their_process_ends(shop):
    """Each waits in the queue of the process that has emitted it."""
    shop.configure(engine=LOCAL, carrier={'delay': 60})
    worker = shop.worker('--max-tasks-per-child', '2')
    for number in range(3):
        celeryshop.new_app().send_task('buy', kwargs={'number': number})
    shop.wait(lambda: shop.log().count('Task buy[') == 6)  # received, and done
    worker.terminate()
    worker.wait(LONG)
    assert numbers('kept') == [0, 1, 2]


def test_a_process_of_a_worker_closes_its_files_in_the_end(shop, caplog):
    """Otherwise the next one would have to read all of them, as ZODB says then."""
    where = str(shop.folder / 'events.fs')
    tracker = shop.open(backends={'store': {
        'ENGINE': 'trackstore.events.backends.tracking.TrackingBackend',
        'OPTIONS': {'where': where}}})
    worker = shop.worker()
    tracker.emit('order.placed', {'number': 1})
    shop.wait(lambda: ' succeeded ' in shop.log())
    worker.terminate()
    worker.wait(LONG)
    with trackstore.open(where) as tracks:
        assert len(tracks) == 1
    assert 'index' not in caplog.text


# workers that end

def test_events_of_a_worker_that_is_killed_are_delivered_by_another(shop, redis):
    shop.settings(redis, visible=1)
    shop.fails('kept', 'hang')
    tracker = shop.open()
    tracker.emit('order.placed', {'number': 1})
    worker = shop.worker()
    shop.wait(lambda: tries('kept'))
    shop.kill(worker)
    shop.fails('kept')
    shop.worker('-P', 'solo')
    shop.wait(lambda: got('kept'))
    assert numbers('kept') == [1]


def test_an_event_that_kills_processes_becomes_a_dead_letter(shop, redis):
    """Also where the application has its own lost tasks brought again."""
    shop.settings(redis, task_reject_on_worker_lost=True, task_acks_late=True,
                  task_acks_on_failure_or_timeout=False)
    shop.fails('kept', 'die')
    tracker = shop.open(tries=2, dead_letters=str(shop.folder / 'dead.fs'))
    shop.worker()
    shop.until_ready()  # processes that are lost before are noticed late
    tracker.emit('order.placed', {'number': 1})
    letter, = shop.wait(shop.letters)
    assert 'WorkerLostError' in letter['reason'], letter
    assert letter['backend'] == 'shop.kept' and tries('kept') == 2
    shop.fails('kept')
    tracker.emit('order.placed', {'number': 2})
    shop.wait(lambda: numbers('kept') == [2])
    assert len(shop.letters()) == 1 and tries('kept') == 3


@pytest.mark.parametrize('how, limit, reason', [
    ('hang', 1.5, 'TimeLimitExceeded: it took more than 1.5 seconds, at try 2'),
    ('sleep', LONG, 'SoftTimeLimitExceeded: SoftTimeLimitExceeded()')])
def test_a_backend_that_takes_too_long_is_ended(shop, how, limit, reason):
    shop.fails('kept', how)
    tracker = shop.open(tries=2, dead_letters=str(shop.folder / 'dead.fs'),
                        carrier={'soft_time_limit': 0.7, 'time_limit': limit})
    shop.worker()
    shop.until_ready()
    tracker.emit('order.placed', {'number': 1})
    letter, = shop.wait(shop.letters)
    assert letter['reason'] == reason
    assert tries('kept') == 2


def test_a_worker_without_the_backend(shop):
    tracker = shop.open()
    configuration = shop.folder / 'events.json'
    wanted = configuration.read_text()
    configuration.write_text('{}')
    tracker.emit('order.placed', {'number': 1})
    worker = shop.worker('-P', 'solo')
    shop.wait(lambda: shop.log().count('send_event[') >= 2)  # it is put back
    configuration.write_text(wanted)
    worker.terminate()      # which puts back what it has
    shop.worker('-P', 'solo')
    shop.wait(lambda: got('kept'))
    assert numbers('kept') == [1]
