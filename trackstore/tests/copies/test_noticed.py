"""What a copy notices, and what it tells."""

import json
from contextlib import closing

import pytest
import transaction
from ZODB.FileStorage import FileStorage
from ZODB.utils import p64, u64, z64

import trackstore
from trackstore import copying
from trackstore.copying import CopyError, copy
from trackstore.opening import database, open_storage
from trackstore.tests.commands import invoke
from trackstore.tests.storages import SERVED, history


def test_a_difference(source, tmp_path, monkeypatch):
    def restore(self, oid, serial, data, *rest):
        changed = data and data.replace(b'many', b'mony')
        return real(self, oid, serial, changed, *rest)

    real = FileStorage.restore
    monkeypatch.setattr(FileStorage, 'restore', restore)
    copied = copy(source, tmp_path / 'target.fs')
    assert copied.problems and copied.stores == {}
    assert f'in {tmp_path}/target.fs is not that of {source}' in copied.problems[0]
    result = invoke('copy', source, tmp_path / 'target.fs')
    assert result.exit_code == 1
    assert f'{len(copied.problems)} problem' in result.stdout.splitlines()[-1]


def test_an_object_that_is_missing(source, tmp_path, monkeypatch):
    def restore(self, oid, *rest):
        if oid[-1] != 5:
            return real(self, oid, *rest)

    real = FileStorage.restore
    monkeypatch.setattr(FileStorage, 'restore', restore)
    copied = copy(source, tmp_path / 'target.fs')
    assert f'object 0x5 is missing in {tmp_path}/target.fs' in copied.problems


def test_a_source_that_is_cut_short_inside(source, tmp_path):
    whole = history(source)
    bytes_ = bytearray(source.read_bytes())
    with closing(FileStorage(str(source), read_only=True)) as storage:
        position = [each._tend for each in storage.iterator()][10]
    bytes_[position:position + 8] = bytes(8)  # its length, which stands there again
    source.write_bytes(bytes_)
    copied = copy(source, tmp_path / 'target.fs')
    assert copied.transactions < len(whole)
    assert 'cannot be read to its end: after transaction' in copied.problems[0]


def test_a_target_that_somebody_else_writes_to(source, places, tmp_path):
    with places.uri('ZEO', tmp_path) as uri:
        copy(source, uri)

        def write(done, total, remark):
            if remark == 'bytes' and done == total:
                with trackstore.open(uri) as tracks:
                    tracks.saveUserTrack('one', 0, 'else', {})

        assert copy(source, uri, write).problems == [
            f'{uri} has been written to by somebody else']


def write_one(where):
    with trackstore.open(where) as tracks:
        tracks.saveUserTrack('one', 0, 'else', {})


@pytest.mark.parametrize('kind', SERVED)
@pytest.mark.parametrize('other', ['application', 'copy'])
def test_a_target_that_others_write_to_meanwhile(kind, other, source, places, tmp_path):
    calls = []

    def interleave(done, total, remark):
        calls.append(remark)
        if len(calls) == 10:
            write_one(uri) if other == 'application' else copy(source, uri)
            written.extend(history(uri))

    written = []
    with places.uri(kind, tmp_path) as uri:
        with pytest.raises(CopyError, match='is being written to by somebody else'):
            copy(source, uri, interleave)
        assert history(uri) == written


def test_others_write_to_a_file_meanwhile(source, tmp_path, monkeypatch):
    """What counts is what is there after the vote."""
    real, votes = FileStorage.tpc_vote, []

    def tpc_vote(self, transaction):
        votes.append(real(self, transaction))
        if len(votes) == 10:
            self._ltid = p64(u64(transaction.tid) + 1)

    monkeypatch.setattr(FileStorage, 'tpc_vote', tpc_vote)
    result = invoke('copy', source, tmp_path / 'target.fs')
    assert result.exit_code == 2 and result.output == (
        f"Error: target: '{tmp_path}/target.fs' is being written to by somebody else; "
        f"allowed is one copy at a time, and no other writer until it has ended\n")
    monkeypatch.undo()
    assert history(tmp_path / 'target.fs') == history(source)[:9]


def test_a_store_that_is_not_right(source, tmp_path):
    db = database(source)
    with db.transaction() as connection:
        directory = connection.root()['tracks'].directory
        key = next(iter(directory.entries))
        directory.entries[key] = directory.entries[key]._replace(low=-5)
        directory._p_changed = True
    db.close()
    copied = copy(source, tmp_path / 'target.fs')
    assert any('its time span is not right' in problem for problem in copied.problems)


def test_nothing_is_held_whole(tmp_path, monkeypatch):
    """A long transaction is passed on record by record."""
    db = database(tmp_path / 'long.fs')
    with db.transaction() as connection:
        root = connection.root()
        for n in range(300):
            root[n] = trackstore.TrackingStorage()
    db.close()
    held = []
    real_next = copying._Copying._restore_record

    def restore_record(self, record, each, goal):
        held.append(record.oid)
        assert next_read[0] - len(held) <= 1
        return real_next(self, record, each, goal)

    next_read = [0]
    from ZODB.FileStorage.FileStorage import TransactionRecordIterator
    real = TransactionRecordIterator.__next__

    def counted(self):
        next_read[0] += 1
        return real(self)

    monkeypatch.setattr(TransactionRecordIterator, '__next__', counted)
    monkeypatch.setattr(copying._Copying, '_restore_record', restore_record)
    assert copy(tmp_path / 'long.fs', tmp_path / 'target.fs').problems == []
    assert len(held) > 300


# the command

def test_the_command(source, tmp_path):
    result = invoke('copy', source, tmp_path / 'target.fs')
    assert result.exit_code == 0
    first, stores, last = result.stdout.splitlines()
    assert first.startswith('copied: 39 transactions, ')
    assert stores == 'tracks: 1,102 tracks' and last.startswith('compared: ')
    result = invoke('copy', source, tmp_path / 'target.fs', '--json')
    found = json.loads(result.stdout)
    assert (found['before'], found['transactions']) == (39, 0)
    assert found['problems'] == [] and found['stores'] == {'tracks': 1102}
    result = invoke('copy', source, tmp_path / 'target.fs')
    assert ' 0 transactions (39 were there), 0 records' in result.stdout


def test_the_target_has_no_root_of_its_own(source, tmp_path):
    copy(source, tmp_path / 'target.fs')
    storage, _ = open_storage(tmp_path / 'target.fs')
    assert storage.loadSerial(z64, history(source)[0][0])
    storage.close()
    assert not transaction.get()._resources
