"""Storages that are somewhere else than in the root of a database."""

import json
import sys
import types
from contextlib import closing

import pytest
from BTrees.LOBTree import LOBTree
from BTrees.OOBTree import OOBTree
from click.testing import CliRunner
from persistent import Persistent
from persistent.mapping import PersistentMapping

import trackstore
from trackstore import TrackingStorage, opening
from trackstore.cli.command import command
from trackstore.events import Tracker
from trackstore.events.backends.tracking import TrackingBackend
from trackstore.events.deadletters import DeadLetters
from trackstore.events.letters import Letter
from trackstore.exceptions import OpenError


class Site(Persistent):
    """An object of an application, with a storage in an attribute."""

    def __init__(self):
        self.visits = TrackingStorage()
        self.title = 'A site'
        self._secret = 'x'

    @property
    def costly(self):
        raise RuntimeError('nobody has asked for this')


@pytest.fixture
def path(tmp_path):
    """The database of an application: storages, of one track each, and other things."""
    path = tmp_path / 'site.fs'
    with closing(opening.database(path)) as database, (
            database.transaction()) as connection:
        root = connection.root()
        root['site'] = Site()
        root['courses'] = OOBTree(
            {'loops': PersistentMapping(visits=TrackingStorage())})
        root['numbers'] = LOBTree({1: TrackingStorage()})
        root['mixed'] = {'a': {'b': TrackingStorage()}}
        root['made/by/hand'] = TrackingStorage()
        for storage in (root['site'].visits, root['courses']['loops']['visits'],
                        root['mixed']['a']['b'], root['made/by/hand']):
            storage.saveUserTrack('loops', 0, 'ann', {})
    return path


def run(*arguments):
    result = CliRunner().invoke(command, list(map(str, arguments)))
    assert not result.exception or isinstance(result.exception, SystemExit)
    return result


@pytest.mark.parametrize('name', [
    'site/visits', 'courses/loops/visits', '/courses/loops/visits/', 'mixed/a/b',
    'made/by/hand'])
def test_what_is_there(path, name):
    with trackstore.open(path, name=name, create=False) as tracks:
        assert len(tracks) == 1


@pytest.mark.parametrize(('name', 'told'), [
    ('site', "has 'Site' under 'site'; wanted is a TrackingStorage; 'site' has "
             "'visits', 'title'"),
    ('site/costly', "has nothing under 'site/costly'; wanted is a TrackingStorage; "
                    "'site' has 'visits', 'title'"),
    ('site/title', "has 'str' under 'site/title'; wanted is a TrackingStorage"),
    ('numbers/1', "has nothing under 'numbers/1'; wanted is a TrackingStorage; "
                  "'numbers' has 1"),
    ('courses/loops/0', "has nothing under 'courses/loops/0'; wanted is a "
                        "TrackingStorage; 'courses/loops' has 'visits'"),
    ('tracks', "has nothing under 'tracks'; wanted is a TrackingStorage; the root has "
               "'site', 'courses', 'numbers', 'mixed', 'made/by/hand'"),
    ('', "has nothing under ''; wanted is a TrackingStorage; the root has 'site', "
         "'courses', 'numbers', 'mixed', 'made/by/hand'"),
    ('site/visits/0000001', "has 'Track' under 'site/visits/0000001'; wanted is a "
                            "TrackingStorage"),
])
def test_what_is_not(path, name, told):
    with (pytest.raises(OpenError) as error,
          trackstore.open(path, name=name, create=False)):
        pass
    assert str(error.value) == f'name: the root of {path} {told}'


def test_many_names(path):
    with trackstore.open(path, name='site/visits') as tracks:
        tracks._p_jar.root()['courses'].update({f'c{n:02}': n for n in range(20)})
    with (pytest.raises(OpenError, match="'courses' has 'c00', 'c01'.*'c09' and more$"),
          trackstore.open(path, name='courses/x', create=False)):
        pass


def test_nothing_is_made_in_what_is_no_mapping(path):
    with (pytest.raises(OpenError) as error, trackstore.open(path, name='site/new')):
        pass
    assert str(error.value) == (
        "name: 'site/new' cannot be made, since under 'site' there is 'Site'; allowed "
        "is what is in a mapping")


def test_a_class_that_is_not_here(path, monkeypatch):
    module = types.ModuleType('elsewhere')
    module.Shop = type('Shop', (Persistent,), {'__module__': 'elsewhere'})
    monkeypatch.setitem(sys.modules, 'elsewhere', module)
    with trackstore.open(path, name='site/visits') as tracks:
        shop = tracks._p_jar.root()['shop'] = module.Shop()
        shop.visits = TrackingStorage()
    with trackstore.open(path, name='shop/visits', create=False) as tracks:
        assert len(tracks) == 0
    monkeypatch.delitem(sys.modules, 'elsewhere')
    with (pytest.raises(OpenError) as error,
          trackstore.open(path, name='shop/visits', create=False)):
        pass
    assert str(error.value) == (
        "name: the way to 'visits' is through an object of the class elsewhere.Shop, "
        "which cannot be imported; allowed are classes that are there (PYTHONPATH)")
    with trackstore.open(path, name='site/visits', create=False) as tracks:
        assert len(tracks) == 1


@pytest.mark.parametrize('arguments', [
    ('count',), ('query',), ('top', 'task'), ('histogram',), ('runs',), ('info',),
    ('compact',), ('verify',), ('export', '-')])
def test_commands_find_it(path, arguments):
    name, *more = arguments
    found = run(name, path, *more, '--name', 'courses/loops/visits', '--json')
    assert found.exit_code == 0, found.output
    missing = run(name, path, *more)
    assert missing.exit_code == 2
    assert "has nothing under 'tracks'" in missing.output


def test_import_makes_it(path, tmp_path):
    lines = tmp_path / 'lines.jsonl'
    lines.write_text('{"task": "a", "user": "u", "time": 1}\n')
    for saved in (1, 0):
        found = run('import', lines, path, '--name', 'courses/new', '--json')
        assert json.loads(found.output)['tracks'] == saved
    assert json.loads(run('count', path, '--name', 'courses/new', '--json').output) == {
        'tracks': 1}


def test_a_pack_needs_no_storage(path):
    before = path.stat().st_size
    assert json.loads(run('pack', path, '--json').output)['bytesBefore'] == before
    assert path.stat().st_size < before
    assert run('count', path, '--name', 'site/visits').output == '1\n'


def test_events_and_letters(path):
    backend = TrackingBackend(path, name='courses/loops/events')
    Tracker({'store': backend}).emit('order.placed', {})
    backend.close()
    assert run('count', path, '--name', 'courses/loops/events').output == '1\n'
    letters = DeadLetters(path, name='courses/letters')
    letters.save([Letter({'name': 'x'}, 'b', 'no reason', 1, 1.0, 2.0)])
    found = run('dead-letters', 'list', path, '--name', 'courses/letters', '--json')
    assert json.loads(found.output)['event'] == {'name': 'x'}
    assert run('dead-letters', 'purge', path, '--name', 'courses/letters',
               '--all').exit_code == 0
    assert run('count', path, '--name', 'courses/letters').output == '0\n'
