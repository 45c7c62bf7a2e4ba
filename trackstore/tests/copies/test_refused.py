"""Sources and targets that are refused."""

import os

import pytest

import trackstore
from trackstore.copying import CopyError, copy
from trackstore.exceptions import OpenError
from trackstore.opening import database
from trackstore.tests.commands import invoke
from trackstore.tests.copies.stores import contents
from trackstore.tests.storages import history


def refused(message, source, target, error=CopyError):
    with pytest.raises(error) as caught:
        copy(source, target)
    assert message in str(caught.value)


def test_the_same_place(source, tmp_path):
    (tmp_path / 'link.fs').symlink_to(source)
    for target in (source, str(source), tmp_path / 'link.fs', f'file://{source}',
                   tmp_path / '..' / tmp_path.name / 'source.fs'):
        refused('is the source itself; allowed is any other place', source, target)


def test_sources(tmp_path):
    target = tmp_path / 'target.fs'
    refused('source: there is no database at', tmp_path / 'none.fs', target)
    refused('source: there is no database at', f'file://{tmp_path}/none.fs', target)
    (tmp_path / 'empty.fs').touch()
    refused('source: there is nothing in', tmp_path / 'empty.fs', target)
    refused('source: there is nothing in', 'memory://', target)
    (tmp_path / 'letter.txt').write_text('Dear Ann')
    refused('is no ZODB database', tmp_path / 'letter.txt', target, OpenError)
    assert not target.exists() and not (tmp_path / 'none.fs').exists()


def test_targets(source, tmp_path):
    refused("target: 'memory://' is a MappingStorage, which does not take", source,
            'memory://')
    refused('there is no folder', source, tmp_path / 'no' / 'target.fs', OpenError)
    target = tmp_path / 'target.fs'
    with trackstore.open(target) as tracks:
        tracks.saveUserTrack('other', 0, 'ann', {})
    before = target.read_bytes()
    refused('has something in it that is not in', source, target)
    assert target.read_bytes() == before
    with trackstore.open(target), pytest.raises(OpenError, match='is open already'):
        copy(source, target)


def test_a_copy_that_went_its_own_way(source, tmp_path):
    target = tmp_path / 'target.fs'
    copy(source, target)
    with trackstore.open(target) as tracks:
        tracks.saveUserTrack('other', 0, 'ann', {})
    before = target.read_bytes()
    refused('has something in it that is not in', source, target)
    with trackstore.open(source) as tracks:
        tracks.saveUserTrack('other', 0, 'ann', {})
    refused('has something in it that is not in', source, target)
    assert target.read_bytes() == before


@pytest.mark.parametrize('kind', ['FileStorage', 'PostgreSQL'])
def test_a_fresh_root_is_no_obstacle(source, kind, places, tmp_path):
    with places.uri(kind, tmp_path) as uri:
        database(uri).close()
        copied = copy(source, uri)
        assert copied.problems == [] and copied.before == 0
        assert history(uri)[:1] == history(source)[:1]
        assert contents(uri) == contents(source)


def test_a_fresh_root_behind_a_server(source, places, tmp_path):
    with places.uri('ZEO', tmp_path) as uri:
        database(uri).close()
        refused('has been opened before and has a root', source, uri)


def test_a_root_that_was_emptied_is_not_fresh(source, tmp_path):
    target = tmp_path / 'target.fs'
    with trackstore.open(target) as tracks:
        tracks.saveUserTrack('other', 0, 'ann', {})
    db = database(target)
    with db.transaction() as connection:
        del connection.root()['tracks']
    db.close()
    refused('has something in it that is not in', source, target)


@pytest.mark.parametrize(('source', 'target', 'message'), [
    ('none.fs', 'target.fs', "Error: source: there is no database at 'none.fs'\n"),
    ('nothing://here', 'target.fs', 'cannot be opened: No resolver found'),
    ('zeo://127.0.0.1:1?wait_timeout=1', 'target.fs', 'cannot be opened: '),
    ('postgres://me:secret@127.0.0.1:1/x', 'target.fs', 'cannot be opened: '),
])
def test_the_command_refuses(source, target, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = invoke('copy', source, target)
    assert result.exit_code == 2 and message in result.output
    assert 'Traceback' not in result.output and 'secret' not in result.output
    assert os.listdir(tmp_path) == []
