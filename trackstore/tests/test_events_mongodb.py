"""Events in MongoDB: with a server that speaks its protocol, in a process of its own.

``secantusdb`` is that server: it keeps documents as MongoDB does, and comes from the
registry of Python packages.
"""

import datetime
import logging
import os
import subprocess
import sys
import traceback
import uuid
from decimal import Decimal

import pytest
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events import ConfigurationError, Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.backends.documents import document
from trackstore.events.backends.mongodb import MongoBackend
from trackstore.events.carriers.local import LocalCarrier
from trackstore.events.event import Event
from trackstore.events.exceptions import DeliveryError
from trackstore.events.interfaces import IRepeatingBackend
from trackstore.tests.servers import HOST, deaf_port, free_port, need, wait_for
from trackstore.tests.test_events_wire import AT, event
from trackstore.tests.waiting import LONG

pymongo = need('pymongo')
PASSWORD = 'pass:w@rd/1'


class Server:
    """A server in a process of its own; it can be stopped and started again."""

    def __init__(self, folder):
        self.folder, self.port, self.process = folder, free_port(), None

    @property
    def uri(self):
        return f'mongodb://{HOST}:{self.port}'

    def start(self, *options):
        log = self.folder / 'server.log'
        with log.open('ab') as output:
            self.process = subprocess.Popen(
                [sys.executable, '-m', 'secantus', '--standalone', '--port',
                 str(self.port), '--storage-path', str(self.folder / 'data'),
                 '--cache-size', '64M', *options], stdout=output, stderr=output)
        wait_for(self.port, self.process, log)
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(LONG)

    def kill(self):
        """End without writing what is there to the disk: nobody needs it any more."""
        self.process.kill()
        self.process.wait(LONG)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()


@pytest.fixture(scope='module')
def server(tmp_path_factory):
    need('secantus')
    server = Server(tmp_path_factory.mktemp('mongodb')).start()
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def backend(server):
    """Return a function that makes backends with a database of their own."""
    made, name = [], f'db{uuid.uuid4().hex}'

    def make(**options):
        made.append(MongoBackend(**{'port': server.port, 'database': name} | options))
        return made[-1]
    yield make
    for each in made:
        each.close()


def documents(backend):
    return list(backend._opened().find())


def test_it_knows_what_it_has(backend):
    verifyClass(IRepeatingBackend, MongoBackend)
    verifyObject(IRepeatingBackend, backend())


# documents

def test_an_event_is_a_document(backend):
    to = backend()
    one = event(data={'n': 1, 'on': datetime.date(2026, 11, 21), 'due': AT,
                      'nested': [{'price': Decimal('1.10')}]})
    to.send(one)
    assert documents(to) == [{
        '_id': one.id, 'name': 'order.placed', 'timestamp': AT, 'context': {},
        'data': {'n': 1, 'on': '2026-11-21', 'due': AT,
                 'nested': [{'price': '1.10'}]}}]


def test_keys_with_dots_and_dollars(backend):
    to = backend()
    one = event(data={'a.b': 1, '$set': {'$c.d': 2}, '': 3})
    one['e.f'] = 4
    to.send(one)
    found, = documents(to)
    assert found['data'] == {'a.b': 1, '$set': {'$c.d': 2}, '': 3}
    assert found['e.f'] == 4


def test_what_bson_does_not_have(backend):
    to = backend()
    deep = inner = {}
    for _ in range(80):
        inner['d'] = inner = {}
    to.send(event(data={'large': 2 ** 80, 'id': uuid.UUID(int=1), 'half': '\ud800',
                        'zero\0': 1, 7: 'n', '7': 't', 'tuple': (1, {2}), 'deep': deep,
                        'small': 2 ** 60, 'bytes': b'\0', 'none': None, 'f': 0.5}))
    data = documents(to)[0]['data']
    assert data.pop('deep')['d']['d']
    assert data == {
        'large': str(2 ** 80), 'id': str(uuid.UUID(int=1)), 'half': '?', 'zero␀': 1,
        '7': 'n', '7 (2)': 't', 'tuple': [1, [2]], 'small': 2 ** 60, 'bytes': b'\0',
        'none': None, 'f': 0.5}


class Nowhere(datetime.tzinfo):
    def utcoffset(self, moment):
        raise LookupError('no such zone')


@pytest.mark.parametrize('zone', [
    datetime.timezone(datetime.timedelta(hours=14)), Nowhere()])
def test_a_time_that_bson_does_not_have_does_not_stop_the_others(backend, zone):
    to = backend()
    to.send_many([event(data={'at': datetime.datetime(1, 1, 1, tzinfo=zone)}),
                  event(data={'at': AT})])
    first, second = [each['data']['at'] for each in documents(to)]
    assert isinstance(first, str) and second == AT


def test_a_thing_inside_itself_ends():
    data = {}
    data['self'] = data
    assert '… (a cycle)' in str(document(event(data=data), 'a'))


def test_an_id_that_somebody_else_has_set_is_not_the_events():
    assert document(event(_id='theirs'), 'ours')['_id'] == 'ours'


def test_a_statement_is_a_document_as_it_stands(backend):
    to = backend()
    one = Event(specversion='1.0', id='c-1')
    to.send(one)
    assert documents(to) == [{'_id': one.id, 'specversion': '1.0', 'id': 'c-1'}]


# once

def test_an_event_is_there_once(backend):
    to = backend()
    one, two, three = event(), event(), event()
    to.send(one)
    to.send(one)
    to.send_many([one, two, two])
    to.send_again([one, two, three])
    to.send_many([])
    assert sorted(each['_id'] for each in documents(to)) == sorted(
        each.id for each in (one, two, three))
    assert to.holds(three)
    assert not to.holds(event())


def test_indexes(backend):
    to = backend()
    to.send(event())
    assert to._opened().index_information().keys() == {
        '_id_', 'name_1', 'timestamp_-1'}
    without = backend(collection='other', indexes=False)
    without.send(event())
    assert without._opened().index_information().keys() == {'_id_'}


def test_a_batch_is_all_or_nothing(backend):
    to = backend()
    one, two = event(data={'n': 1}), event(data={'n': 2})
    to._opened().create_index('data.n', unique=True)
    to.send(one)
    with pytest.raises(DeliveryError, match='did not take it: .*duplicate') as caught:
        to.send_many([one, two, event(data={'n': 1})])
    assert not caught.value.again
    assert [each['_id'] for each in documents(to)] == [one.id]


def test_a_queue_gives_so_many_at_once(backend, monkeypatch):
    counts = []
    to = backend(most_at_once=2)
    many = to.send_many
    monkeypatch.setattr(
        to, 'send_many', lambda events: (counts.append(len(events)), many(events)))
    queue = AsyncRoutingBackend('queue', backends={'mongo': to},
                                carrier=LocalCarrier(delay=0.5))
    for number in range(5):
        queue.send(event(data={'n': number}))
    assert queue.flush() and sum(counts) == 5 and max(counts) <= 2
    assert to._collection.count_documents({}) == 5
    queue.close()


def test_what_is_too_large_is_refused_with_its_batch(backend):
    to = backend()
    large = event(data={'x': 'x' * 2 ** 24})
    with pytest.raises(DeliveryError) as caught:
        to.send_many([event(), large])
    assert not caught.value.again
    assert str(caught.value).startswith(
        f"event 'order.placed' ({large.id}) cannot be a document of MongoDB: it has 16")
    assert not documents(to)


# the server

def test_by_uri_and_by_options_of_the_client(server):
    to = MongoBackend(uri=f'{server.uri}/by_uri?w=0')
    assert (to.place, repr(to)) == ('by_uri.events', '<MongoBackend by_uri.events>')
    assert not to._opened().write_concern.acknowledged
    to.close()
    to = MongoBackend(f'{server.uri}/by_uri')
    assert to.place == 'by_uri.events'
    to.close()
    to = MongoBackend(uri=server.uri, collection='a')
    assert to.place == 'eventtracking.a'
    assert to._opened().write_concern.document == {'w': 1}
    to.close()
    to = MongoBackend(port=server.port, extra={'w': 0, 'appname': 'shop'})
    assert not to._opened().write_concern.acknowledged
    assert to._opened().database.client.options.pool_options.appname == 'shop'
    to.close()


def test_close_and_open_again(backend):
    to = backend()
    to.send(event())
    to.close()
    to.close()
    to.send(event())
    assert len(documents(to)) == 2


def test_nobody_listens():
    with deaf_port() as port:
        to = MongoBackend(port=port, extra={'serverSelectionTimeoutMS': 10})
        with pytest.raises(
                DeliveryError, match='ServerSelectionTimeoutError') as caught:
            to.send(event())
        assert caught.value.again
        with pytest.raises(DeliveryError):
            to.holds(event())
        to.close()


def test_a_server_that_comes_back(tmp_path, backend):
    need('secantus')
    one, two = event(), event()
    with Server(tmp_path).start('--sync-on-commit') as server:
        to = backend(port=server.port)
        to.send(one)
    with pymongo.timeout(0.1), pytest.raises(DeliveryError) as caught:
        to.send(two)
    assert caught.value.again
    with server.start():
        to.send_again([one, two])
        assert {each['_id'] for each in documents(to)} == {one.id, two.id}
        to.close()  # which it would not do at once without the server


@pytest.fixture(scope='module')
def guarded(tmp_path_factory):
    """A server that asks for the password of a user, ann."""
    need('secantus')
    server = Server(tmp_path_factory.mktemp('guarded'))
    with server.start('--sync-on-commit'), pymongo.MongoClient(server.uri) as client:
        client['shop'].command('createUser', 'ann', pwd=PASSWORD, roles=['readWrite'])
    server.start('--auth')
    try:
        yield server
    finally:
        server.kill()


def test_a_password_of_the_environment(guarded, backend, monkeypatch):
    monkeypatch.setenv('MONGO_PASSWORD', PASSWORD)
    to = backend(port=guarded.port, database='shop', user='ann',
                 password='${MONGO_PASSWORD}')
    to.send(event())
    assert len(documents(to)) == 1


@pytest.mark.parametrize('by_uri', [True, False])
def test_a_wrong_password_is_refused_and_not_shown(guarded, backend, by_uri, caplog):
    to = backend(uri=f'mongodb://ann:wrong-one@{HOST}:{guarded.port}/shop',
                 port=27017) if by_uri else backend(
        port=guarded.port, database='shop', user='ann', password='wrong-one')
    with pytest.raises(DeliveryError) as caught:
        to.send(event())
    assert not caught.value.again
    to.close()  # the same client would wait before it asks again
    Tracker({'mongodb': to}).emit('a')
    assert 'authentication failed' in caplog.text
    assert 'wrong-one' not in caplog.text + str(caught.value)


def test_indexes_that_cannot_be_made_are_told(backend, monkeypatch, caplog):
    def refuse(self, models):
        raise pymongo.errors.OperationFailure('not authorized', 13)
    monkeypatch.setattr(pymongo.collection.Collection, 'create_indexes', refuse)
    caplog.set_level(logging.WARNING)
    to = backend()
    to.send(event())
    assert 'the indexes on name and timestamp cannot be made: not auth' in caplog.text
    assert len(documents(to)) == 1


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs processes that fork')
def test_a_child_of_a_fork_has_connections_of_its_own(backend):
    # By hand what a fork does: the client of the parent has threads.
    to = backend()
    to.send(event())
    before = to._collection
    to._lock.acquire()  # a thread of the parent is just connecting
    to.after_fork()
    to.send(event())
    assert to._collection.database.client is not before.database.client
    before.database.client.close()


# options

@pytest.mark.parametrize(('options', 'text'), [
    ({'port': '27017'}, "port: '27017' is no port; allowed are whole numbers to 65535"),
    ({'database': 'a$b'}, "database: 'a$b' is no name; allowed is text without $"),
    ({'database': 'a.b'}, 'pymongo does not take this: '),
    ({'collection': ''}, "collection: '' is no name"),
    ({'extra': ['a']}, 'extra: a value of type list is no mapping; allowed is'),
    ({'extra': {'username': 'ann'}}, "extra: 'username' stands in it; the backend has "
                                     "an option 'user'"),
    ({'extra': {'no_such': 1}}, 'pymongo does not take this: Unknown option'),
    ({'password': 7}, 'password: a value of type int is no text; allowed is text'),
    ({'password': 'secret'}, 'user: none stands beside the password; allowed are both'),
    ({'host': 3}, 'host: 3 is no host; allowed are its name, and a list of names'),
    ({'user': 'ann', 'password': '${NO_SUCH}'}, 'password: the environment has no'),
    ({'uri': 'http://localhost'}, 'uri: that is none of MongoDB; allowed is text like'),
    ({'uri': 'mongodb://localhost', 'port': 1}, 'uri: host, port, user and password '
                                                'stand beside it; allowed is'),
    ({'uri': 'mongodb://localhost:port'}, 'pymongo does not take this: '),
    ({'indexes': 1}, 'indexes: 1 is no flag'),
    ({'most_at_once': 0}, 'most_at_once: 0 is not allowed; allowed are whole numbers'),
])
def test_options(options, text):
    with pytest.raises(ConfigurationError) as caught:
        MongoBackend(**options)
    assert str(caught.value).startswith(text)


def test_a_wrong_uri_does_not_show_its_password():
    uri = 'mongodb://ann:pass@word@localhost:port/a'
    with pytest.raises(ConfigurationError) as caught:
        MongoBackend(uri=uri)
    assert 'pass@word' not in ''.join(traceback.format_exception(caught.value))


def test_pymongo_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pymongo', None)
    with pytest.raises(ConfigurationError, match=(
            r"comes with pip install 'trackstore\[mongodb\]'$")):
        MongoBackend()
