"""Copies from any place to any other: whole, and as of the start."""

import pytest
from ZODB.blob import Blob

import trackstore
from trackstore.copying import CopyError, copy
from trackstore.opening import database
from trackstore.tests.copies.stores import contents, undo_last
from trackstore.tests.storages import LASTING, history


@pytest.mark.parametrize('kind', LASTING)
def test_there_and_back(source, kind, places, tmp_path):
    expected, back = contents(source), tmp_path / 'back.fs'
    (tmp_path / 'there').mkdir()
    with places.uri(kind, tmp_path / 'there') as uri:
        copied = copy(source, uri)
        assert copied.problems == [] and copied.stores == {'tracks': 1102}
        assert copied.transactions == len(history(source))
        assert contents(uri) == expected
        assert copy(uri, back).problems == []
        with trackstore.open(uri) as tracks:  # and it can be written to
            number = int(tracks.saveUserTrack('new', 0, 'ann', {}))
    assert contents(back) == expected
    assert number == int(expected[0][-1][0]) + 1
    if kind != 'PostgreSQL without history':
        assert history(back) == history(source)


@pytest.mark.parametrize('kind', ['ZEO', 'PostgreSQL'])
def test_copied_history_can_be_undone(source, kind, places, tmp_path):
    with places.uri(kind, tmp_path) as uri:
        copy(source, uri)
        with trackstore.open(uri) as tracks:
            before = len(tracks)
            undo_last(tracks)
            undo_last(tracks)
        with trackstore.open(uri) as tracks:
            assert len(tracks) == before and tracks.verify() == []


def test_a_packed_store(source, tmp_path):
    with trackstore.open(source) as tracks:
        tracks._p_jar.db().pack()
    assert copy(source, tmp_path / 'target.fs').problems == []
    assert contents(tmp_path / 'target.fs') == contents(source)
    assert history(tmp_path / 'target.fs') == history(source)


def test_what_else_is_in_the_database(tmp_path):
    db = database(tmp_path / 'application.fs')
    with db.transaction() as connection:
        connection.root()['a'] = trackstore.TrackingStorage()
        connection.root()['b'] = trackstore.TrackingStorage()
        connection.root()['a'].saveUserTrack('t', 0, 'ann', {})
        connection.root()['settings'] = {'title': 'x' * 100_000}
    db.close()
    copied = copy(tmp_path / 'application.fs', tmp_path / 'target.fs')
    assert copied.stores == {'a': 1, 'b': 0} and copied.problems == []
    db = database(tmp_path / 'target.fs')
    with db.transaction() as connection:
        assert connection.root()['settings'] == {'title': 'x' * 100_000}
    db.close()


def test_blobs(tmp_path):
    uris = [f'file://{tmp_path}/{name}.fs?blobstorage_dir={tmp_path}/{name}'
            for name in ('one', 'two')]
    db = database(uris[0])
    with db.transaction() as connection:
        connection.root()['blob'] = Blob(b'a picture')
    db.close()
    with pytest.raises(CopyError, match='is a blob, and .*two.fs. has no folder of'):
        copy(uris[0], tmp_path / 'two.fs')
    with pytest.raises(CopyError, match='is a blob, and .*one.fs. has no folder of'):
        copy(tmp_path / 'one.fs', uris[1])
    assert copy(*uris).problems == []
    db = database(uris[1])
    with db.transaction() as connection, connection.root()['blob'].open() as file:
        assert file.read() == b'a picture'
    db.close()


# beside a writer

def test_the_source_is_as_of_the_start(source, tmp_path):
    expected = contents(source)
    with trackstore.open(source) as tracks:
        manager = tracks._p_jar.transaction_manager

        def write(done, total, remark):
            tracks.saveUserTrack('one', 0, 'later', {'done': done})
            tracks.removeTracks(userName='u1')
            manager.commit()

        assert copy(source, tmp_path / 'target.fs', write).problems == []
    assert contents(tmp_path / 'target.fs') == expected
    assert contents(source) != expected


def test_a_source_that_is_packed_meanwhile(source, tmp_path):
    expected, packed = contents(source), []
    with trackstore.open(source) as tracks:
        def pack(done, total, remark):
            if not packed and done:
                packed.append(tracks._p_jar.db().pack())

        assert copy(source, tmp_path / 'target.fs', pack).problems == []
    assert packed and contents(tmp_path / 'target.fs') == expected


@pytest.mark.parametrize('kind', ['ZEO', 'PostgreSQL', 'PostgreSQL without history'])
def test_a_server_that_is_written_to(source, kind, places, tmp_path):
    expected = contents(source)
    with places.uri(kind, tmp_path) as uri:
        copy(source, uri)
        with trackstore.open(uri) as tracks:
            manager = tracks._p_jar.transaction_manager

            def write(done, total, remark):
                tracks.saveUserTrack('one', 0, 'later', {'done': done})
                manager.commit()

            assert copy(uri, tmp_path / 'target.fs', write).problems == []
    assert contents(tmp_path / 'target.fs') == expected


def test_copying_again_brings_what_is_new(source, tmp_path):
    target = tmp_path / 'target.fs'
    first = copy(source, target)
    with trackstore.open(source) as tracks:
        tracks.saveUserTrack('one', 0, 'later', {})
    again = copy(source, target)
    assert (again.before, again.transactions) == (first.transactions, 1)
    assert again.problems == [] and contents(target) == contents(source)
