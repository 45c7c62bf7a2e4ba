"""Events that come to a tracking storage twice, by two processes at once."""

import datetime

import pytest

from trackstore import opening
from trackstore.events.backends import tracking
from trackstore.events.backends.tracking import TrackingBackend, event_from
from trackstore.events.event import Event
from trackstore.tests.servers import ZEOServer, need

NOON = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)


def event(number, seconds, name='order.placed'):
    return Event(name=name, timestamp=NOON + datetime.timedelta(seconds=seconds),
                 data={'number': number}, context={})


@pytest.fixture
def databases(tmp_path):
    """Two databases of one server, as two processes have them."""
    need('ZEO')
    with ZEOServer(tmp_path / 'shared.fs') as server:
        databases = [opening.database(server.uri) for _ in range(2)]
        yield databases
        for database in databases:
            database.close()


@pytest.mark.parametrize('others', [0, 3])
def test_events_that_two_processes_save_at_once_are_there_once(
        databases, others, monkeypatch):
    """Neither has seen those of the other, and their transactions do not conflict."""
    first, second = backends = [
        TrackingBackend(database=lambda db=db: db) for db in databases]
    for backend in backends:    # each has numbers of its own, and the runs are started
        backend.send_many([event(-1, 0), event(-1, 0, 'order.sent')])
    events = [event(number, number) for number in range(1, 6)]
    events.append(event(6, 6, 'order.sent'))
    for number in range(others):    # of the same time, more or less
        first.send(event(-1, number + 2.5))
    save = tracking._save

    def late(storage, columns):
        monkeypatch.setattr(tracking, '_save', save)
        second.send_again(events)
        save(storage, columns)

    monkeypatch.setattr(tracking, '_save', late)
    first.send_again(events)
    second.send_again(events)
    found = first._place.change(lambda storage: [
        event_from(track)['data']['number'] for track in storage.query()])
    for backend in backends:
        backend.close()
    assert sorted(found) == [-1] * (4 + others) + [1, 2, 3, 4, 5, 6]
