"""``file://``: what is only read stays as it is, as with the path of a file."""

import pytest
from click.testing import CliRunner
from ZODB.blob import Blob
from ZODB.POSException import ReadOnlyError

import trackstore
from trackstore.cli.command import command
from trackstore.copying import copy
from trackstore.exceptions import OpenError
from trackstore.opening import database


@pytest.fixture
def path(thirty_commits):
    return thirty_commits


@pytest.fixture(params=['', '?blobstorage_dir={}', '?create=0', '?read_only=0'])
def uri(request, path, tmp_path):
    return f'file://{path}{request.param.format(tmp_path / "blobs")}'


def run(*words):
    return CliRunner().invoke(command, [str(word) for word in words])


def test_what_is_cut_off_is_not_touched(path, uri, tmp_path):
    content = path.read_bytes()[:-100]
    path.write_bytes(content)
    for words in (['count'], ['info'], ['export'], ['verify']):
        result = run(*words, uri)
        assert 'ends in the middle of a transaction (the last' in result.stderr
    assert run('count', uri).stdout == '29\n'
    problem, = copy(uri, tmp_path / 'copy.fs').problems
    assert 'cannot be read to its end' in problem
    assert run('count', tmp_path / 'copy.fs').output == '29\n'
    assert path.read_bytes() == content
    assert not list(tmp_path.glob('tracks.fs.tr*'))


def test_beside_a_writer(path, uri, tmp_path):
    with trackstore.open(path) as tracks:
        tracks.saveUserTrack('loops', 0, 'ben', {})
        tracks._p_jar.transaction_manager.commit()
        with trackstore.open(uri, readOnly=True) as reader:
            assert len(reader) == 31
        assert copy(uri, tmp_path / 'copy.fs').problems == []
        assert run('count', uri).output == '31\n'


def test_nothing_can_be_saved(path, uri):
    with pytest.raises(ReadOnlyError), trackstore.open(uri, readOnly=True) as tracks:
        tracks.saveUserTrack('loops', 0, 'ben', {})
    with trackstore.open(uri) as tracks:
        tracks.saveUserTrack('loops', 0, 'ben', {})
    with trackstore.open(path) as tracks:
        assert len(tracks) == 31


def test_blobs_can_be_read(path, tmp_path):
    uri = f'file://{path}?blobstorage_dir={tmp_path / "blobs"}'
    db = database(uri)
    with db.transaction() as connection:
        connection.root()['blob'] = Blob(b'of the application')
    db.close()
    db = database(uri, readOnly=True)
    with db.transaction() as connection, connection.root()['blob'].open() as file:
        assert file.read() == b'of the application'
    db.close()


@pytest.mark.parametrize('options', ['', '?read_only=1', '?blobstorage_dir=x'])
def test_nothing_is_made(options, tmp_path):
    uri = f'file://{tmp_path}/none.fs{options}'
    for arguments in ({'create': False}, {'readOnly': True}):
        with (pytest.raises(OpenError, match=r'there is no database at .*none\.fs'),
              trackstore.open(uri, **arguments)):
            pass
    for words in (['count', uri], ['pack', uri], ['verify', '--repair', uri]):
        result = run(*words)
        assert result.exit_code == 2
        assert 'there is no database at' in result.output
    assert not list(tmp_path.iterdir())


def test_a_pack_that_was_cut_short(path, uri):
    path.with_name('tracks.fs.pack').write_bytes(b'')
    path.rename(path.with_name('tracks.fs.old'))
    result = run('count', uri)
    assert result.exit_code == 2
    assert 'was being packed when its process ended' in result.output
    assert not path.exists()
    assert run('pack', uri).exit_code == 0
    assert run('count', uri).output == '30\n'


def test_the_path_stands_as_it_is(tmp_path):
    for name in ('a%20b.fs', 'a b.fs'):
        with trackstore.open(f'file://{tmp_path}/{name}'):
            assert (tmp_path / name).exists()
    with trackstore.open(f'{tmp_path}/a?b.fs'):
        assert (tmp_path / 'a?b.fs').exists()
