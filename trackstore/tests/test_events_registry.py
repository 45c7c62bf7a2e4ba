"""The registry, validation and its page: what a story does not tell."""

import datetime
import decimal
import json
import logging
import re
import subprocess
import sys
import threading
import uuid

import pytest
import transaction
import ZODB
from ZODB.DemoStorage import DemoStorage
from ZODB.POSException import ConflictError
from zope.interface.verify import verifyClass, verifyObject

import trackstore
from trackstore import TrackingStorage
from trackstore.events import Tracker
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.tracking import TrackingBackend
from trackstore.events.exceptions import ConfigurationError, RegistryError
from trackstore.events.interfaces import IProcessor
from trackstore.events.processors import validate
from trackstore.events.processors.validate import RegistryValidator
from trackstore.events.registry import Registry, stored_types
from trackstore.events.registry import registry as default_registry
from trackstore.testing import memory_storage
from trackstore.tests.waiting import LONG


@pytest.fixture
def registry():
    return Registry()


def wrong(registry, data, name='a', **answers):
    """Return what a validator finds wrong with an event, with how often."""
    validator = RegistryValidator(registry, **answers)
    memory = MemoryBackend()
    Tracker({'memory': memory}, processors=[validator]).emit(name, data)
    return dict(validator.found), len(memory.events)


def test_interfaces(registry):
    assert verifyClass(IProcessor, RegistryValidator)
    assert verifyObject(IProcessor, RegistryValidator(registry))


@pytest.mark.parametrize('kind, good, bad', [
    ('text', ['', 'x'], [1, b'x', None]),
    ('integer', [0, -1], [1.0, True, '1', None]),
    ('number', [0, 1.5], [True, '1', decimal.Decimal(1)]),
    ('boolean', [True, False], [0, 'true']),
    ('list', [[], (1,)], ['x', {}]),
    ('mapping', [{}], [[], 'x']),
    ('any', [None, 1, 'x', [], {}], [])])
def test_types_of_fields(registry, kind, good, bad):
    registry.register('a', 'A.', {'x': {'description': 'X.', 'type': kind}})
    for value in good:
        assert wrong(registry, {'x': value}) == ({}, 1)
    for value in bad:
        assert wrong(registry, {'x': value})[0]['invalid'] == 1


def test_a_field_that_may_be_missing_may_be_none(registry):
    registry.register('a', 'A.', {
        'x': {'description': 'X.', 'type': 'text', 'required': False}})
    assert wrong(registry, {}) == wrong(registry, {'x': None}) == ({}, 1)


def test_fields_in_fields(registry):
    registry.register('a', 'A.', {'b.c': 'C.', 'd': 'D.'})
    assert wrong(registry, {'b': {'c': 1}, 'd': {'whatever': 1}}) == ({}, 1)
    assert wrong(registry, {'b': {'c': 1, 'e': 2}, 'd': 1}) == ({'undocumented': 1}, 1)
    assert wrong(registry, {'b': 1, 'd': 1}) == ({'missing': 1, 'undocumented': 1}, 1)
    assert wrong(registry, {'b': {}, 'd': 1, 'b.c': 1})[0] == {
        'missing': 1, 'undocumented': 1}


def test_a_type_without_fields_has_any(registry):
    registry.register('a', 'A.')
    assert wrong(registry, {'x': 1}) == ({}, 1)


@pytest.mark.parametrize('value', [
    datetime.date(2026, 11, 21), datetime.datetime(2026, 11, 21), uuid.UUID(int=1),
    decimal.Decimal('1.10'), b'x', {1, 2}, (1, 2), {'a': [None]}, 'é'])
def test_values_that_json_has_a_form_for(registry, value):
    registry.register('a', 'A.')
    assert wrong(registry, {'x': value}, unserialisable='refuse') == ({}, 1)


@pytest.mark.parametrize('value', [object(), lambda: None, Registry])
def test_values_that_json_has_no_form_for(registry, value, caplog):
    registry.register('a', 'A.')
    assert wrong(registry, {'x': [value]}, unserialisable='refuse') == (
        {'unserialisable': 1}, 0)
    assert f'a value of type {type(value).__qualname__}' in caplog.text


def test_sizes(registry):
    registry.register('a', 'A.')
    assert wrong(registry, {'x': 'é' * 33_000}) == ({'oversized': 1}, 0)
    assert wrong(registry, {'x': 'é' * 32_000}) == ({}, 1)
    assert wrong(registry, {'x': '\ud800' * 66_000}) == ({'oversized': 1}, 0)
    assert wrong(registry, {}, most_bytes=10, oversized='warn') == ({'oversized': 1}, 1)


def test_what_is_allowed_is_counted_and_not_told(registry, caplog):
    assert wrong(registry, {}, unknown='allow') == ({'unknown': 1}, 1)
    assert caplog.text == ''


@pytest.mark.parametrize('options, message', [
    ({'unkown': 'warn'}, 'unkown: is no option; allowed are registry, most_bytes'),
    ({'unknown': True}, 'unknown: True is not known; allowed are allow, warn, refuse'),
    ({'most_bytes': 0}, 'most_bytes: 0 is no number of bytes; allowed are whole'),
    ({'where': 17}, 'where: 17 is no place; allowed are the path'),
    ({'where': 'a.fs', 'database': dict}, 'where, storage, database: where, dat'),
])
def test_options_that_fail(registry, options, message):
    with pytest.raises(ConfigurationError, match=f'^{message}'):
        RegistryValidator(registry, **options)


@pytest.mark.parametrize('registry', [{}, 'os.environ'])
def test_what_is_no_registry(registry):
    with pytest.raises(ConfigurationError, match='^registry: .* is none; wanted is'):
        RegistryValidator(registry)


def test_a_registry_by_its_path():
    path = 'trackstore.events.registry.registry'
    assert RegistryValidator(path).registry is default_registry


@pytest.mark.parametrize('arguments, message', [
    (['', 'A.'], "name: '' is no name of an event type; wanted is text like"),
    ([7, 'A.'], 'name: 7 is no name'),
    (['a', ' '], "description: ' ' of a says nothing"),
    (['a', None], 'description: None of a says nothing'),
    (['a', 'A.', ['x']], r"fields: \['x'\] of a is no mapping of paths"),
    (['a', 'A.', {'x..y': 'X.'}], r"a: fields\['x..y'\]: 'x..y' is no path of a field"),
    (['a', 'A.', {7: 'X.'}], r'a: fields\[7\]: 7 is no path of a field'),
    (['a', 'A.', {'x': {'type': 'text'}}], r"a: fields\['x'\]: .* is no description"),
    (['a', 'A.', {'x': {'description': 'X.', 'kind': 'text'}}],
     r"a: fields\['x'\]: \['kind'\] is unknown; allowed are description, type"),
    (['a', 'A.', {'x': {'description': 'X.', 'required': 'yes'}}],
     r"a: fields\['x'\]: required: 'yes' is neither true nor false"),
    (['a', 'A.', None, 'x'], 'a: schema: is no JSON Schema: '),
])
def test_documentation_that_is_none(registry, arguments, message):
    with pytest.raises(RegistryError, match=f'^{message}'):
        registry.register(*arguments)
    assert len(registry) == 0


def test_going_back_to_an_older_version(registry):
    for description, version in [('A.', 1), ('B.', 2), ('A.', 1), ('C.', 3)]:
        assert registry.register('a', description).version == version
        assert registry.get('a').version == version
    assert [each.description for each in registry.versions('a')] == ['A.', 'B.', 'C.']


def test_two_processes_that_store_the_same():
    with memory_storage() as tracks:
        for _ in range(2):
            tracks.saveUserTrack('a', 0, None, {
                'description': 'A.', 'fields': {}, 'schema': None})
        registry = Registry()
        registry.register('a', 'B.', {'x': 'X.'}, {'type': 'object'})
        assert registry.store(tracks) == 1
        assert registry.store(tracks) == 0
        assert [each.reference for each in stored_types(tracks, 'a')] == ['a/1', 'a/2']
        assert registry.get('a') == stored_types(tracks, 'a')[1]


def test_two_transactions_that_store_at_the_same_time(caplog):
    db = ZODB.DB(DemoStorage())
    managers = [transaction.TransactionManager() for _ in range(2)]
    connections = [db.open(manager) for manager in managers]
    connections[0].root()['types'] = TrackingStorage()
    managers[0].commit()
    registries = [Registry(), Registry()]
    for manager in managers:
        manager.begin()
    for number, (registry, connection) in enumerate(
            zip(registries, connections, strict=True)):
        registry.register('a', f'{number}.')
        registry.store(connection.root()['types'])
    managers[0].commit()
    with pytest.raises(ConflictError):
        managers[1].commit()
    assert caplog.text == ''  # the storage says that it resolves no conflicts
    managers[1].abort()
    assert registries[1].store(connections[1].root()['types']) == 1
    managers[1].commit()
    assert [each.get('a').reference for each in registries] == ['a/1', 'a/2']
    db.close()


def test_versions_keep_their_numbers_in_whatever_order_they_are_stored():
    with memory_storage() as tracks:
        for version in (2, 1, 4):
            tracks.saveUserTrack('a', 0, None, {
                'version': version, 'description': f'{version}.', 'fields': {},
                'schema': None})
        assert [each.reference for each in stored_types(tracks, 'a')] == [
            'a/1', 'a/2', 'a/4']
        registry = Registry()
        registry.register('a', 'New.')
        registry.store(tracks)
        assert registry.get('a').reference == 'a/5'
        assert registry.register('a', 'Newer.').reference == 'a/6'
        assert registry.register('a', '2.').reference == 'a/2'


def test_types_that_are_registered_while_others_are_stored():
    registry, errors = Registry(), []

    def register():
        try:
            for number in range(200):
                registry.register('a', f'{number}.')
                assert registry.get('a') is not None
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=register)
    with memory_storage() as tracks:
        thread.start()
        while thread.is_alive():
            registry.store(tracks)
        thread.join()
        registry.store(tracks)
        assert errors == []
        assert len(stored_types(tracks, 'a')) == 200


class Lazy:
    @property
    def __class__(self):
        raise LookupError('no such user')


@pytest.mark.parametrize('change, message', [
    ({'data': {'x': Lazy}}, 'is unserialisable: it has a value of type Lazy'),
    ({'data': {'x': Lazy}}, 'is invalid: x is a Lazy, and wanted is text'),
    ({'data': {('x',): 'y' * 70_000}}, 'is unserialisable: keys must be str'),
    ({'data': {('x',): 'y' * 70_000}}, 'is oversized: it has 70,'),
    ({'data': ['x']}, 'is invalid: its data are a list'),
    ({'data': None}, 'is invalid: its data are a NoneType'),
    ({'name': ['a']}, "event ['a'] is dropped; it is unknown")])
def test_events_that_processors_have_made_strange_are_refused(
        registry, caplog, change, message):
    registry.register('a', 'A.', {'x': {'description': 'X.', 'type': 'text'}})
    memory = MemoryBackend()
    change = {key: {'x': Lazy()} if value == {'x': Lazy} else value
              for key, value in change.items()}  # pytest looks at what it is given
    tracker = Tracker({'memory': memory}, processors=[
        lambda event: event.update(change),
        RegistryValidator(registry, **dict.fromkeys(validate.DEFAULTS, 'refuse'))])
    tracker.emit('a')
    assert len(memory.events) == 0
    assert message in caplog.text


def test_a_schema_that_refers_to_what_is_not_in_it(registry, caplog):
    registry.register('a', 'A.', schema={'$ref': 'http://example.com/none.json'})
    memory = MemoryBackend()
    Tracker({'memory': memory}, processors=[RegistryValidator(registry)]).emit('a')
    assert len(memory.events) == 1
    assert 'is invalid: data: the schema cannot be used: Unresolvable' in caplog.text


def unreachable(registry, folder):
    """Return a validator with a store whose folder is gone, until it is made again."""
    folder.mkdir()
    validator = RegistryValidator(registry, where=str(folder / 'a.fs'))
    folder.rmdir()
    return validator


def test_what_the_log_says_of_the_store_may_be_an_event(registry, caplog, tmp_path):
    registry.register('a', 'A.')
    memory = MemoryBackend()
    tracker = Tracker({'memory': memory}, processors=[
        unreachable(registry, tmp_path / 'none')])

    class Emitting(logging.Handler):
        def emit(self, record):
            tracker.emit('a', {'said': record.getMessage()})

    logger = logging.getLogger('trackstore.events.processors.validate')
    handler = Emitting(logging.ERROR)
    logger.addHandler(handler)
    try:
        thread = threading.Thread(target=tracker.emit, args=['a'], daemon=True)
        thread.start()
        thread.join(LONG)
    finally:
        logger.removeHandler(handler)
    assert not thread.is_alive()
    assert [each['data'] for each in memory.events] == [
        {'said': 'the event types could not be stored'}, {}]


def test_a_store_that_cannot_be_reached_stops_no_event(
        registry, caplog, tmp_path, monkeypatch):
    registry.register('a', 'A.')
    validator = unreachable(registry, tmp_path / 'none')
    memory = MemoryBackend()
    tracker = Tracker({'memory': memory}, processors=[validator])
    tracker.emit('a')
    tracker.emit('a')
    assert len(memory.events) == 2
    assert caplog.text.count('the event types could not be stored') == 1
    monkeypatch.setattr(validate, 'PAUSE', 0)
    validator._wait = 0
    (tmp_path / 'none').mkdir()
    tracker.emit('a')
    validator.close()
    with trackstore.open(tmp_path / 'none' / 'a.fs', validate.NAME) as kept:
        assert kept.getTaskIds() == ['a']


# the page

@pytest.fixture
def store(tmp_path, registry):
    """A store with events and their types, some of them hostile."""
    where = str(tmp_path / 'shop.fs')
    registry.register('order.placed', 'First.', {'x': 'X.'})
    registry.register(
        'order.placed', 'A | <script>alert(1)</script> *order*.',
        {'amount': {'description': 'In <b>cents</b> | net.', 'type': 'integer',
                    'example': '<i>'}}, {'title': '</pre><script>'})
    registry.register('page.viewed', 'A page.')
    backend = TrackingBackend(where)
    validator = RegistryValidator(registry, where=where)
    tracker = Tracker({'store': backend}, processors=[validator])
    for amount in range(3):
        tracker.emit('order.placed', {'amount': amount})
    validator.close()
    backend.close()
    return where


def run(*arguments):
    return subprocess.run(
        [sys.executable, '-m', 'trackstore.cli', 'events', 'docs', *arguments],
        capture_output=True, text=True, encoding='utf-8')


def test_the_page_in_html(store, tmp_path):
    page = tmp_path / 'events.html'
    done = run(store, str(page))
    assert (done.stdout, done.stderr) == (f'2 event types in {page}\n', '')
    text = page.read_text('utf-8')
    assert '<script>' not in text and '<b>' not in text and '<i>' not in text
    assert re.search(r'Version 2\. Emitted 3 times, last on 20\d\d-\d\d-\d\d\.', text)
    assert 'Version 1. Not emitted yet.' in text


def test_the_page_in_markdown(store):
    lines = run(store).stdout.splitlines()
    assert r'A \| \<script\>alert(1)\</script\> \*order\*.' in lines
    assert (r'| amount | integer | yes | In \<b\>cents\</b\> \| net. | "\<i\>" |'
            in lines)


def test_the_page_for_programs(store):
    placed, viewed = map(json.loads, run(store, '--json').stdout.splitlines())
    assert (placed['name'], placed['version'], placed['events']) == (
        'order.placed', 2, 3)
    assert placed['fields']['amount']['type'] == 'integer'
    assert (viewed['events'], viewed['last']) == (0, None)


def test_a_page_that_cannot_be(store, tmp_path):
    with trackstore.open(tmp_path / 'other.fs'):
        pass
    done = run(str(tmp_path / 'other.fs'))
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"Error: {tmp_path}/other.fs has no event types under 'eventTypes'; a Regist")
    assert 'does not end in .md or .html' in run(store, 'x.pdf').stderr
    done = run(store, str(tmp_path / 'no' / 'x.md'))
    assert done.stderr == (
        f"Error: {tmp_path}/no/x.md cannot be written: No such file or directory\n")


def test_events_under_another_key_and_none(store, registry, tmp_path):
    where = str(tmp_path / 'other.fs')
    registry.register('a', 'A.')
    with trackstore.open(where, 'myTypes') as types:
        registry.store(types)
    assert '\nVersion 1.\n' in run(where, '--name', 'myTypes').stdout
    lines = run(where, '--name', 'myTypes', '--json').stdout.splitlines()
    assert {json.loads(line)['events'] for line in lines} == {None}
    with trackstore.open(where, 'myEvents') as tracks:
        tracks.saveUserTrack('a', 0, None, {})
    done = run(where, '--name', 'myTypes', '--events', 'myEvents')
    assert 'Emitted once' in done.stdout


def test_types_and_events_in_one_storage(registry, tmp_path):
    where = str(tmp_path / 'one.fs')
    registry.register('a', 'A.')
    with trackstore.open(where) as tracks:
        tracks.saveUserTrack('a', 0, None, {'description': 'no type'})
        tracks.saveUserTrack('b', 0, None, {})
        tracks.saveUserTrack('a', 0, None, {}, timeStamp=253_402_300_800)
        assert registry.store(tracks) == 1
        assert [each.reference for each in stored_types(tracks, 'a')] == ['a/1']
    done = run(where, '--name', 'tracks')
    assert done.returncode == 0
    assert re.findall('## .*', done.stdout) == ['## a']


def test_the_log_is_quiet_about_good_events(registry, caplog):
    caplog.set_level(logging.DEBUG)
    registry.register('a', 'A.', {'x': 'X.'})
    wrong(registry, {'x': 1})
    assert caplog.text == ''
