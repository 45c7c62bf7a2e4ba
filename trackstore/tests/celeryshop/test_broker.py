"""A broker that is down, is lost or is never there; and processes that fork."""

import os

from trackstore.tests.celeryshop import got, numbers
from trackstore.tests.forks import fork
from trackstore.tests.waiting import LONG


def test_events_wait_for_the_broker(shop, broker):
    tracker = shop.open(carrier={'tries': 1000, 'longest_pause': 0.1})
    for number in range(20):
        tracker.emit('order.placed', {'number': number})
    assert not shop.queue.flush(0.3)
    broker.start()
    assert shop.queue.flush(LONG)
    shop.worker('-P', 'solo')
    shop.wait(lambda: len(got('kept')) >= 20)
    assert numbers('kept') == list(range(20))


def test_what_the_broker_never_takes_are_dead_letters_of_the_backends(shop, broker):
    tracker = shop.open(backends=('first', 'second'),
                        dead_letters=str(shop.folder / 'dead.fs'),
                        carrier={'tries': 2, 'pause': 0.01})
    tracker.emit('order.placed', {'number': 1})
    assert shop.queue.flush(LONG)
    letters = shop.letters()
    assert sorted(letter['backend'] for letter in letters) == [
        'shop.first', 'shop.second']
    assert {letter['event']['data']['number'] for letter in letters} == {1}
    assert all(letter['reason'].startswith('not handed to the broker after 2 tries: ')
               for letter in letters), letters


def test_events_of_a_process_without_a_broker_are_sent_by_the_next(shop, broker):
    shop.open(carrier={'tries': 1000, 'longest_pause': 0.1, 'when_full': 'spill',
                       'folder': str(shop.folder / 'spill')})
    shop.queue.close(0)
    shop.run(30, 0.2)
    assert any((shop.folder / 'spill').rglob('*'))
    broker.start()
    shop.worker('-P', 'solo')
    shop.run(0, LONG)
    shop.wait(lambda: len(got('kept')) >= 30)
    assert numbers('kept') == list(range(30))


def connections(shop, monkeypatch):
    """Return the file that has the process of each connection that is made."""
    app, path = shop.queue.carrier._broker._app, shop.folder / 'connections'
    connect = app.connection_for_write

    def noted():
        with path.open('a') as file:
            file.write(f'{os.getpid()}\n')
        return connect()

    monkeypatch.setattr(app, 'connection_for_write', noted)
    return path


def test_a_broker_that_is_lost_in_between(shop, broker, monkeypatch):
    broker.start()
    tracker = shop.open(carrier={'tries': 1000, 'longest_pause': 0.1})
    made = connections(shop, monkeypatch)
    tracker.emit('order.placed', {'number': 1})
    assert shop.queue.flush(LONG)
    shop.worker('-P', 'solo')
    shop.wait(lambda: got('kept'))
    before = made.read_text()
    broker.stop()
    tracker.emit('order.placed', {'number': 2})
    assert not shop.queue.flush(0.3)
    broker.start()
    assert shop.queue.flush(LONG)
    assert made.read_text() != before   # a new connection for each new try
    shop.worker('-P', 'solo')
    shop.wait(lambda: len(got('kept')) >= 2)
    assert numbers('kept') == [1, 2]


def test_a_process_and_its_child_send_their_own(shop, monkeypatch):
    tracker = shop.open()
    made = connections(shop, monkeypatch)
    tracker.emit('order.placed', {'number': 1})
    assert shop.queue.flush(LONG)
    child = fork()
    if child == 0:
        try:
            tracker.emit('order.placed', {'number': 2})
            os._exit(0 if shop.queue.flush(LONG) else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    assert str(child) in made.read_text().split()
    tracker.emit('order.placed', {'number': 3})
    assert shop.queue.flush(LONG)
    shop.worker('-P', 'solo')
    shop.wait(lambda: len(got('kept')) >= 3)
    assert numbers('kept') == [1, 2, 3]


