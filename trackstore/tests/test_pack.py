"""The command ``pack`` over every engine, and where nothing can be packed."""

import json

import pytest
from ZODB.DemoStorage import DemoStorage
from ZODB.FileStorage import FileStorage
from ZODB.FileStorage.FileStorage import FileStorageError

import trackstore
from trackstore.opening import database
from trackstore.tests.commands import invoke
from trackstore.tests.storages import LASTING


def revisions(uri):
    """Return how many records of objects a database has."""
    db = database(uri)
    try:
        return sum(1 for each in db.storage.iterator() for _ in each)
    finally:
        db.close()


def fill(uri, count=40):
    with trackstore.open(uri) as tracks:
        for number in range(count):
            tracks.saveUserTrack('task', 0, 'ann', {'n': number})
            tracks._p_jar.transaction_manager.commit()


@pytest.mark.parametrize('kind', LASTING)
def test_pack(kind, places, tmp_path):
    with places.uri(kind, tmp_path) as uri:
        fill(uri)
        before = revisions(uri)
        kept = invoke('pack', uri, '--days', 1)
        assert kept.exit_code == 0, kept.output
        assert revisions(uri) == before
        result = invoke('pack', uri)
        assert result.exit_code == 0 and result.stdout.startswith('size: ')
        assert ('VACUUM FULL' in result.stderr) == kind.startswith('PostgreSQL')
        after = revisions(uri)
        assert after < before - 30 or kind == 'PostgreSQL without history'
        found = json.loads(invoke('pack', uri, '--json').stdout)
        assert found['bytes'] > 0 and revisions(uri) == after
        with trackstore.open(uri) as tracks:
            assert len(tracks) == 40 and tracks.verify() == []


def test_pack_beside_a_writer_over_zeo(places, tmp_path):
    with places.uri('ZEO', tmp_path) as uri:
        fill(uri)
        with trackstore.open(uri) as tracks:
            tracks.saveUserTrack('task', 0, 'ben', {})
            assert invoke('pack', uri).exit_code == 0
        with trackstore.open(uri) as tracks:
            assert len(tracks) == 41 and tracks.verify() == []


@pytest.mark.parametrize(('kind', 'error', 'message'), [
    (FileStorage, FileStorageError('Already packing'), 'Already packing'),
    (DemoStorage, NotImplementedError(), 'a DemoStorage keeps all that it has'),
])
def test_what_cannot_be_packed(kind, error, message, tmp_path, monkeypatch):
    def pack(*arguments, **options):
        raise error

    fill(tmp_path / 'base.fs')
    uri = f'file://{tmp_path}/base.fs'
    if kind is DemoStorage:
        uri = f'demo:({uri}?read_only=1)/(memory://changes)'
    monkeypatch.setattr(kind, 'pack', pack)
    result = invoke('pack', uri)
    assert result.exit_code == 2
    assert result.output == f'Error: {uri} cannot be packed: {message}\n'


def test_what_is_read_only(tmp_path):
    fill(tmp_path / 'base.fs')
    result = invoke('pack', f'file://{tmp_path}/base.fs?read_only=1')
    assert result.exit_code == 2 and 'Traceback' not in result.output
    assert result.output.endswith('cannot be packed: it is open for reading only\n')
