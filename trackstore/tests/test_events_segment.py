"""Events to Segment: a server of this machine plays its part."""

import base64
import datetime
import logging
import os
import subprocess
import sys
import threading

import pytest
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events import ConfigurationError, Tracker
from trackstore.events.backends.segment import SegmentBackend
from trackstore.events.event import Event
from trackstore.events.exceptions import DeliveryError
from trackstore.events.interfaces import IBatchBackend
from trackstore.tests.odd_events import Broken
from trackstore.tests.servers import deaf_port, need
from trackstore.tests.test_events_wire import AT, event

analytics = need('segment.analytics')
Consumer = need('segment.analytics.consumer').Consumer

LOG = 'trackstore.events.backends.segment'


@pytest.fixture
def backend(receiver):
    """Return a function that makes backends, which are closed in the end."""
    made = []

    def make(**options):
        options = {'write_key': 'a-write-key', 'host': receiver.url} | options
        made.append(SegmentBackend(**options))
        return made[-1]
    yield make
    for each in made:
        each.close()


def of_user(user=7, name='order.placed', data=None, **context):
    return Event(name=name, timestamp=AT, data=data or {},
                 context={'user_id': user} | context)


def sent(receiver):
    return [each for request in receiver.requests for each in request.json['batch']]


def key_of(request):
    """Return the key of a request, which releases of the library put elsewhere."""
    if 'Authorization' not in request.headers:
        return request.json['writeKey']
    scheme, _, said = request.headers['Authorization'].partition(' ')
    assert scheme == 'Basic'
    return base64.b64decode(said).decode().removesuffix(':')


def test_it_is_a_backend_for_batches(backend):
    verifyClass(IBatchBackend, SegmentBackend)
    verifyObject(IBatchBackend, backend())


def test_an_event_is_a_track_call(receiver, backend):
    one = of_user(data={'at': datetime.date(2026, 11, 21)})
    to = backend()
    to.send(one)
    to.flush()
    request, = receiver.requests
    assert request.path == '/v1/batch'
    assert key_of(request) == 'a-write-key'
    message, = request.json['batch']
    assert message['type'] == 'track'
    assert message['event'] == 'order.placed'
    assert message['userId'] == '7'
    assert message['messageId'] == one.id
    assert message['timestamp'] == '2026-11-21T20:10:00.000+00:00'
    assert message['properties'] == {
        'id': one.id, 'name': 'order.placed', 'timestamp': '2026-11-21T20:10:00+00:00',
        'data': {'at': '2026-11-21'}, 'context': {'user_id': 7}}
    del message['context']['library']
    assert message['context'] == {}


def test_what_segment_knows_of_the_context(receiver, backend):
    to = backend(queue=False)
    to.send(of_user(client_id='1.2', ip='10.0.0.1', agent='Firefox', path='/orders',
                    host='shop.example.com', referer='https://example.com/'))
    to.send(of_user(page='https://shop.example.com/a?b', path='/a', host='other'))
    to.send(of_user(path='/a'))
    contexts = [message['context'] for message in sent(receiver)]
    for context in contexts:
        del context['library']
    assert contexts == [
        {'Google Analytics': {'clientId': '1.2'}, 'ip': '10.0.0.1',
         'userAgent': 'Firefox',
         'page': {'path': '/orders', 'referrer': 'https://example.com/',
                  'url': 'https://shop.example.com/orders'}},
        {'page': {'path': '/a', 'url': 'https://shop.example.com/a?b'}},
        {'page': {'path': '/a'}}]


def test_visitors_and_other_fields(receiver, backend):
    to = backend(queue=False, user=['data.buyer', 'context.user_id'],
                 anonymous='context.visitor')
    to.send(of_user(None, data={'buyer': 'ann'}))
    to.send(of_user('ben'))
    to.send(of_user('', visitor='v-1'))
    backend(queue=False, user=None, anonymous='context.user_id').send(of_user('v-2'))
    assert [(message.get('userId'), message.get('anonymousId'))
            for message in sent(receiver)] == [
        ('ann', None), ('ben', None), (None, 'v-1'), (None, 'v-2')]


def test_what_has_no_user_or_no_name_is_told_and_not_sent(receiver, backend, caplog):
    one, two = event(), Event(type='a statement', context={'user_id': 7})
    to = backend(queue=False)
    to.send_many([one, two])
    assert not receiver.requests
    assert [record.getMessage() for record in caplog.records] == [
        f"event 'order.placed' ({one.id}) has no user and is not sent to Segment",
        f'event {two.id} has no name and is not sent to Segment']


def test_the_queue_makes_batches(receiver, backend, monkeypatch):
    all_there = threading.Event()
    run = Consumer.run
    monkeypatch.setattr(Consumer, 'run', lambda self: (all_there.wait(), run(self)))
    to = backend(upload_size=40, upload_interval=0.4, gzip=True)
    events = [of_user(data={'n': n}) for n in range(100)]
    to.send_many(events[:80])
    for one in events[80:]:
        to.send(one)
    all_there.set()
    to.close()
    assert [len(request.json['batch']) for request in receiver.requests] == [40, 40, 20]
    assert {each['messageId'] for each in sent(receiver)} == {
        each.id for each in events}
    to.send(events[0])  # with a new queue
    to.flush()
    assert len(sent(receiver)) == 101


def test_without_a_queue_a_batch_is_a_request(receiver, backend):
    backend(queue=False).send_many([of_user() for _ in range(100)])
    assert len(receiver.requests) == 1


class Nowhere(datetime.tzinfo):
    def utcoffset(self, moment):
        raise LookupError('no such zone')


def test_values_that_fail_do_not_stop_the_others(receiver, backend):
    odd = of_user(Broken(), ip=Broken(), host=Broken(), path=Broken(), data={
        'x': Broken()})
    nowhere = of_user() | {'timestamp': AT.replace(tzinfo=Nowhere())}
    backend(queue=False).send_many([odd, nowhere, of_user()])
    first, *rest = sent(receiver)
    assert first['userId'] == '<trackstore.tests.odd_events.Broken>'
    assert len(rest) == 2


def test_requests_are_not_too_large(receiver, backend):
    events = [of_user(data={'x': 'x' * 30_000}) for _ in range(20)]
    backend(queue=False).send_many(events)
    assert {each['messageId'] for each in sent(receiver)} == {
        each.id for each in events}
    assert len(receiver.requests) == 2
    assert all(len(request.raw) < 500_000 for request in receiver.requests)


def test_an_application_that_has_set_up_the_library(receiver, monkeypatch):
    client = analytics.Client('their-key', host=receiver.url)
    monkeypatch.setattr(analytics, 'default_client', client)
    to = SegmentBackend()
    tracker = Tracker({'segment': to})
    with tracker.context({'user_id': 7}):
        tracker.emit('a')
    to.flush()
    to.close()
    assert sent(receiver)[0]['event'] == 'a'
    client.shutdown()


ENDS = """
import logging, sys
from trackstore.events import Tracker
from trackstore.events.backends import segment
logging.basicConfig(format='%(message)s')
logging.getLogger('segment').disabled = True
segment.AT_EXIT = float(sys.argv[2])
tracker = Tracker({'segment': segment.SegmentBackend('a-write-key', host=sys.argv[1])})
tracker.enter_context('user', {'user_id': 7})
for n in range(150):
    tracker.emit('order.placed')
"""


def test_at_the_end_of_the_process_the_queue_is_sent(receiver):
    subprocess.run([sys.executable, '-c', ENDS, receiver.url, '60'], check=True)
    assert len(sent(receiver)) == 150


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='needs processes that fork')
def test_the_end_of_a_child_does_not_wait_for_the_queue_of_its_parent():
    code = ENDS + """
import os
child = os.fork()
if child:
    assert os.waitpid(child, 0)[1] == 0
"""
    with deaf_port() as port:
        done = subprocess.run(
            [sys.executable, '-W', 'ignore', '-c', code, f'http://127.0.0.1:{port}',
             '0.1'], check=True, capture_output=True, text=True)
    assert done.stderr == (
        '150 events for Segment were not sent before the process ended\n')


def test_the_end_of_the_process_waits_only_so_long():
    with deaf_port() as port:
        done = subprocess.run(
            [sys.executable, '-c', ENDS, f'http://127.0.0.1:{port}', '0.1'],
            check=True, capture_output=True, text=True)
    assert done.stderr == (
        '150 events for Segment were not sent before the process ended\n')


# what goes wrong

@pytest.mark.parametrize(('answer', 'again'), [
    (400, False), (401, False), (429, True), (500, True), ('hang up', True),
    ((413, {}, b'{"code": "large", "message": "a-write-key sends too much"}'), False)])
def test_without_a_queue_a_refusal_is_an_error(receiver, backend, answer, again):
    receiver.answers = [answer]
    with pytest.raises(DeliveryError) as caught:
        backend(queue=False).send(of_user())
    assert caught.value.again is again
    assert 'Segment' in str(caught.value)
    assert 'a-write-key' not in str(caught.value)
    assert len(str(caught.value)) <= 300


def test_nobody_listens(backend):
    with deaf_port() as port, pytest.raises(
            DeliveryError, match='^Segment cannot be reached: ') as caught:
        backend(queue=False, host=f'http://127.0.0.1:{port}').send(of_user())
    assert caught.value.again


def test_what_the_queue_gives_up_is_logged(receiver, backend, caplog):
    receiver.answers = [400]
    one, two = of_user(name='b'), of_user(name='a')
    to = backend()
    to.send_many([one, two])
    to.close()
    record, = [record for record in caplog.records if record.name == LOG]
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith(
        '2 events (a, b) could not be sent to Segment: ')
    assert record.getMessage().endswith(f'their ids are {one.id}, {two.id}')


@pytest.mark.parametrize('queue', [True, False])
def test_an_event_that_is_too_large(receiver, backend, queue):
    one = of_user(data={'x': 'x' * 40_000})
    with pytest.raises(DeliveryError) as caught:
        backend(queue=queue).send(one)
    assert not caught.value.again
    assert str(caught.value) == (
        f"event 'order.placed' ({one.id}) is too large for Segment, which takes 32 KB")


def test_a_full_queue(receiver, backend, monkeypatch):
    monkeypatch.setattr('segment.analytics.consumer.Consumer.run', lambda self: None)
    to = backend(max_queue_size=2)
    to.send_many([of_user(), of_user()])
    with pytest.raises(DeliveryError, match='the queue for Segment is full$') as caught:
        to.send(of_user())
    assert caught.value.again
    to.after_fork()  # forget the queue: nobody empties it


def test_a_child_of_a_fork_has_a_queue_of_its_own(receiver, backend, monkeypatch):
    # By hand what a fork does; in the child there is no thread of this queue.
    with monkeypatch.context() as patched:
        patched.setattr('segment.analytics.consumer.Consumer.run', lambda self: None)
        to = backend()
        to.send(of_user(name='parent'))
    session = to._request._session
    to.after_fork()
    to.send(of_user(name='child'))
    to.close()
    assert [each['event'] for each in sent(receiver)] == ['child']
    assert to._request._session is not session


@pytest.mark.parametrize(('options', 'text'), [
    ({'write_key': ''}, 'write_key: a value of type str is no key; allowed is text'),
    ({'write_key': 7}, 'write_key: a value of type int is no key'),
    ({'write_key': '${NO_SUCH}'}, 'write_key: the environment has no variable NO_SUCH'),
    ({'queue': False}, 'write_key: None is for an application that sets up'),
    ({'host': 'http://localhost'}, 'write_key: None is for an application'),
    ({'host': 'localhost', 'write_key': 'a'}, "host: 'localhost' is no URL; allowed"),
    ({'user': ''}, "user: '' is no path of a field"),
    ({'user': []}, "user: [] is no path of a field; wanted is text like"),
    ({'anonymous': 7}, 'anonymous: 7 is no path of a field'),
    ({'timeout': 0}, 'timeout: 0 is no time'),
    ({'tries': 0}, 'tries: 0 is not allowed'),
    ({'upload_size': 0}, 'upload_size: 0 is not allowed'),
    ({'max_queue_size': 0}, 'max_queue_size: 0 is not allowed'),
    ({'gzip': 1}, 'gzip: 1 is no flag'),
])
def test_options(options, text):
    with pytest.raises(ConfigurationError) as caught:
        SegmentBackend(**options)
    assert str(caught.value).startswith(text)


def test_the_key_of_the_environment_is_not_shown(receiver, backend, monkeypatch):
    monkeypatch.setenv('SEGMENT_KEY', 'abc123')
    to = backend(write_key='${SEGMENT_KEY}', queue=False)
    to.send(of_user())
    assert key_of(receiver.requests[0]) == 'abc123'
    assert repr(to) == f'<SegmentBackend {receiver.url}>'


def test_the_library_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, 'segment', None)
    with pytest.raises(ConfigurationError, match=(
            r"comes with pip install 'trackstore\[segment\]'$")):
        SegmentBackend()
