"""Events as JSON, secrets in options, and the logger."""

import datetime
import json
import logging
import uuid

import pytest
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events import ConfigurationError, Tracker
from trackstore.events.backends.logger import LoggerBackend
from trackstore.events.environment import expanded, hidden
from trackstore.events.event import Event
from trackstore.events.interfaces import IBackend
from trackstore.events.wire import id_of, wire_form, wire_text

AT = datetime.datetime(2026, 11, 21, 20, 10, tzinfo=datetime.timezone.utc)


def event(name='order.placed', data=None, **more):
    return Event(name=name, timestamp=AT, data=data or {}, context={}, **more)


def test_an_event_has_its_id_first():
    one = event(data={'n': 1})
    assert list(wire_form(one).items()) == [
        ('id', one.id), ('name', 'order.placed'),
        ('timestamp', '2026-11-21T20:10:00+00:00'), ('data', {'n': 1}),
        ('context', {})]
    assert 'id' not in one


def test_an_id_of_its_own_stays():
    assert wire_form(event(id='mine'))['id'] == 'mine'


def test_a_statement_goes_out_as_it_stands():
    statement = {'specversion': '1.0', 'type': 'order', 'time': AT}
    assert wire_form(Event(statement)) == {
        'specversion': '1.0', 'type': 'order', 'time': '2026-11-21T20:10:00+00:00'}


@pytest.mark.parametrize('lacking', ['name', 'timestamp', 'context'])
def test_what_lacks_a_key_of_an_event_is_a_statement(lacking):
    one = event()
    del one[lacking]
    assert 'id' not in wire_form(one)


def test_ids():
    one = event()
    assert id_of(one) == one.id
    assert id_of({'id': 'mine'}) == 'mine'
    assert id_of({'id': 7}) != id_of({'id': 7})


def test_a_text_is_one_line_of_valid_json_whatever_is_in_it():
    data = {'u': uuid.UUID(int=1), 'nan': float('nan'), 'lines': 'a\nb\r\u2028',
            'half': '\ud800', 'long': 'x' * 20_000, 3: {1, 2}}
    text = wire_text(event(data=data))
    assert '\n' not in text and '\r' not in text
    text.encode()
    back = json.loads(text)['data']
    assert back['u'] == '00000000-0000-0000-0000-000000000001'
    assert (back['nan'], back['3'], len(back['long'])) == ('NaN', [1, 2], 20_000)
    assert wire_text(event('é'), ascii=True).isascii()


# secrets

def test_variables_of_the_environment(monkeypatch):
    monkeypatch.setenv('A_TOKEN', 'abc123')
    secrets = []
    assert expanded('Bearer ${A_TOKEN} $A {A}', 'headers', secrets) == (
        'Bearer abc123 $A {A}')
    assert secrets == ['abc123']
    assert hidden('it said abc123', secrets) == 'it said ***'
    with pytest.raises(ConfigurationError, match=(
            '^headers: the environment has no variable NO_SUCH; allowed are')):
        expanded('${NO_SUCH}', 'headers', secrets)


def test_longer_secrets_are_hidden_first_and_short_ones_not():
    assert hidden('Basic token-1', ['token', 'token-1', 'a']) == 'Basic ***'


# the logger

def test_logger_backend_is_a_backend():
    verifyClass(IBackend, LoggerBackend)
    verifyObject(IBackend, LoggerBackend())


def test_an_event_is_a_line(caplog):
    tracker = Tracker({'log': LoggerBackend('orders')})
    with caplog.at_level(logging.INFO):
        tracker.emit('order.placed', {'percent': '100 %s', 'name': 'é'})
    record, = caplog.records
    assert (record.name, record.levelname) == ('orders', 'INFO')
    assert json.loads(record.getMessage())['data'] == {
        'percent': '100 %s', 'name': 'é'}
    assert record.getMessage().isascii()


def test_without_a_name_it_is_the_root_logger_and_the_level_is_given(caplog):
    LoggerBackend(level='WARNING').send(event())
    record, = caplog.records
    assert (record.name, record.levelname) == ('root', 'WARNING')


def test_a_level_that_is_off(caplog):
    caplog.set_level(logging.ERROR)
    LoggerBackend(max_event_size=1).send(event())
    assert not caplog.records


def test_a_line_that_is_too_long_is_told(caplog):
    caplog.set_level(logging.INFO)
    one = event()
    size = len(wire_text(one, ascii=True))
    LoggerBackend('orders', max_event_size=size).send(one)
    assert caplog.records.pop().name == 'orders'
    caplog.clear()
    LoggerBackend('orders', max_event_size=size - 1).send(one)
    record, = caplog.records
    assert record.name == 'trackstore.events.backends.logger'
    assert record.getMessage() == (
        f"event 'order.placed' ({one.id}) is not logged: it has {size} characters, "
        f'more than max_event_size, {size - 1}')


def test_no_limit(caplog):
    caplog.set_level(logging.INFO)
    LoggerBackend(max_event_size=None).send(event(data={'x': 'x' * 100_000}))
    assert len(caplog.records[0].getMessage()) > 100_000


@pytest.mark.parametrize(('options', 'text'), [
    ({'name': 7}, 'name: 7 is no name of a logger; allowed are text and None'),
    ({'max_event_size': 0}, 'max_event_size: 0 is not allowed; allowed are whole '
                            'numbers from 1, and None for no limit'),
    ({'max_event_size': True}, 'max_event_size: True is not allowed'),
    ({'level': 'loud'}, "level: 'loud' is not known; allowed are 'debug', 'info', "
                        "'warning', 'error', 'critical'"),
    ({'level': 20}, 'level: 20 is not known'),
])
def test_options_of_the_logger(options, text):
    with pytest.raises(ConfigurationError) as caught:
        LoggerBackend(**options)
    assert str(caught.value).startswith(text)
