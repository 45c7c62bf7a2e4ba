"""Copies of a database that has blobs of other parts of an application."""

import os
from pathlib import Path

import pytest
from ZODB.blob import Blob

from trackstore import TrackingStorage
from trackstore.copying import CopyError, copy
from trackstore.opening import database


@pytest.fixture
def place(tmp_path):
    def place(name, folder=None):
        folder = tmp_path / (folder or name)
        return f'file://{tmp_path}/{name}.fs?blobstorage_dir={folder}'
    return place


@pytest.fixture
def source(place):
    db = database(place('source'))
    with db.transaction() as connection:
        connection.root()['tracks'] = TrackingStorage()
        connection.root()['blob'] = Blob(b'first')
    for content in (b'second', b'a third'):
        with db.transaction() as connection:
            with connection.root()['blob'].open('w') as file:
                file.write(content)
            connection.root()['tracks'].saveUserTrack('loops', 0, 'ann', {})
    db.close()
    return place('source')


def content(where):
    db = database(where)
    with db.transaction() as connection, connection.root()['blob'].open() as file:
        found = file.read()
    db.close()
    return found


def newest(folder):
    """Return the file of the newest revision of the only blob."""
    return max(Path(folder).rglob('*.blob'), key=lambda path: path.name)


def test_a_copy_has_all_of_them(source, place, tmp_path):
    copied = copy(source, place('copy'))
    assert copied.problems == []
    assert content(place('copy')) == b'a third'
    assert len(list((tmp_path / 'copy').rglob('*.blob'))) == 3


def test_another_folder_the_second_time(source, place, tmp_path):
    copy(source, place('copy'))
    copied = copy(source, place('copy', 'elsewhere'))
    assert copied.transactions == 0
    problem, = copied.problems
    assert problem.endswith(
        f' is missing in the folder of {place("copy", "elsewhere")}')
    assert copy(source, place('copy')).problems == []


@pytest.mark.parametrize('hurt, message', [
    (lambda data: data[:-1], 'has another length'),
    (lambda data: data[:-1] + b'D', 'has other bytes'),
])
def test_a_blob_that_was_hurt(hurt, message, source, place, tmp_path):
    copy(source, place('copy'))
    path = newest(tmp_path / 'copy')
    os.chmod(path, 0o600)
    path.write_bytes(hurt(path.read_bytes()))
    problem, = copy(source, place('copy')).problems
    assert message in problem


def test_a_folder_for_two(source, place, tmp_path):
    (tmp_path / 'link').symlink_to(tmp_path / 'source')
    for folder in ('source', 'link'):
        with pytest.raises(CopyError, match='target: .* has the folder of blobs of '
                                            'the source; allowed is a folder of its'):
            copy(source, place('copy', folder))
    assert content(source) == b'a third'


def test_no_folder_the_second_time(source, place, tmp_path):
    copy(source, place('copy'))
    for first, second in ((source, tmp_path / 'copy.fs'),
                          (tmp_path / 'source.fs', place('copy'))):
        with pytest.raises(CopyError, match='is a blob, and .* has no folder of blobs'):
            copy(first, second)
