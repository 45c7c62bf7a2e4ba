"""Events through Celery, with one real worker and a real broker."""

import datetime
import decimal
import uuid

import pytest
from click.testing import CliRunner

import trackstore
from trackstore.cli.command import command
from trackstore.tests.celeryshop import got, numbers, tries
from trackstore.tests.celeryshop.shop import SOON, Shop

TRIES = 3

VALUES = {
    'order': 17, 'price': decimal.Decimal('12.50'), 'tags': {'tea', 'milk'},
    'at': datetime.datetime(2026, 11, 21, 20, 10, tzinfo=datetime.timezone.utc),
    'id': uuid.UUID(int=7), 'raw': b'\x00\xff', 'pair': (1, 2.5, None), 'nested': {
        3: [True, {'$date': 'no date'}], 'text': 'ä\ud800'}}


@pytest.fixture(scope='module')
def running(tmp_path_factory, redis):
    """A shop whose worker serves all tests of the module.

    Of its backends the worker comes to ``second`` last.
    """
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp('running')
        patch.setenv('CELERYSHOP', str(folder))
        shop = Shop(folder, redis)
        archive = {'ENGINE': 'trackstore.events.backends.tracking.TrackingBackend',
                   'OPTIONS': {'where': str(folder / 'events.fs')}}
        shop.configure(backends={'archive': archive, 'first': None, 'second': None},
                       tries=TRIES, dead_letters=str(folder / 'dead.fs'))
        shop.worker()
        shop.until_ready()
        yield shop
        shop.close()


@pytest.fixture
def shop(running):
    for ending in ('events', 'tries', 'fails'):
        for path in running.folder.glob(f'*.{ending}'):
            path.unlink()
    yield running
    running.leave()
    running.options['carrier'] = None


def test_events_come_through_as_they_are(shop):
    tracker = shop.open()
    with tracker.context({'user_id': 10938}):
        tracker.emit('order.placed', VALUES)
    (_, event), = shop.wait(lambda: got('second'))
    assert (event['name'], event['data'], event['context']) == (
        'order.placed', VALUES, {'user_id': 10938})
    assert event['timestamp'].tzinfo is datetime.timezone.utc
    assert shop.queue.carrier.counts['delivered'] == {'broker': 1}


def test_many_events_are_delivered_once(shop):
    tracker = shop.open(carrier={'at_once': 7})
    for number in range(200):
        tracker.emit('order.placed', {'number': number})
    assert shop.queue.flush(SOON)
    shop.wait(lambda: len(got('second')) >= 200)
    assert numbers('second') == numbers('first') == list(range(200))


def test_a_backend_that_fails_is_tried_again_by_itself(shop):
    shop.fails('second', TRIES - 1)
    shop.open().emit('order.placed', {'number': 1})
    shop.wait(lambda: got('second'))
    assert (numbers('first'), tries('first')) == ([1], 1)
    assert (numbers('second'), tries('second')) == ([1], TRIES)


@pytest.mark.parametrize('how, count', [('again', TRIES), ('never', 1)])
def test_what_fails_for_good_is_a_dead_letter_and_can_be_sent_again(shop, how, count):
    shop.fails('second', how)
    shop.open().emit('order.placed', {'number': 1})
    letter, = shop.wait(shop.letters)
    assert (letter['backend'], letter['reason'], letter['tries']) == (
        'shop.second', 'DeliveryError: the place is closed', count)
    assert letter['event']['data'] == {'number': 1}
    assert letter['first'] <= letter['last']
    assert (numbers('first'), tries('second')) == ([1], count)

    shop.fails('second')
    path = shop.folder / 'events.yaml'
    path.write_text((shop.folder / 'events.json').read_text())
    result = CliRunner().invoke(
        command, ['dead-letters', 'replay', str(shop.folder / 'dead.fs'), str(path)])
    assert (result.exit_code, result.output) == (0, '1 event delivered\n')
    assert (shop.letters(), numbers('second'), numbers('first')) == ([], [1], [1])


def test_a_task_that_comes_twice_is_stored_once(shop):
    tracker = shop.open()
    broker = shop.queue.carrier._broker
    send = broker.send_many
    broker.send_many = lambda events: (send(events), send(events))
    for number in range(3):
        tracker.emit('order.doubled', {'number': number})
    shop.wait(lambda: tries('second') == 6)
    with trackstore.open(shop.folder / 'events.fs', readOnly=True) as tracks:
        assert sorted(track.data['data']['number'] for track in tracks.query(
            taskId='order.doubled')) == [0, 1, 2]
