"""A copy that was packed, and is then brought up to date."""

import pytest
from ZODB.POSException import POSKeyError
from ZODB.utils import p64

import trackstore
from trackstore import reach
from trackstore.copying import copy
from trackstore.opening import database, open_storage


@pytest.fixture
def source(tmp_path):
    """A store of which some objects are not in use any more."""
    path = tmp_path / 'source.fs'
    with trackstore.open(path) as tracks:
        for _ in range(3):
            tracks.saveTracks(('loops', 0, 'ann', {'n': i}, i) for i in range(200))
            tracks._p_jar.transaction_manager.commit()
        tracks.compact()
    return path


@pytest.mark.parametrize('kind', ['FileStorage', 'PostgreSQL',
                                  'PostgreSQL without history'])
def test_what_nothing_leads_to_may_be_gone(kind, source, places, tmp_path):
    with places.uri(kind, tmp_path) as uri:
        objects = copy(source, uri).objects
        db = database(uri)
        db.pack()
        db.close()
        copied = copy(source, uri)
        assert (copied.problems, copied.transactions) == ([], 0)
        with trackstore.open(source) as tracks:
            tracks.saveUserTrack('loops', 0, 'ben', {})
        copied = copy(source, uri)
        assert (copied.problems, copied.stores) == ([], {'tracks': 601})
        assert copied.objects == objects
        copied = copy(uri, tmp_path / 'again.fs')
        assert copied.problems == []
        assert copied.objects < objects


def test_what_something_leads_to_may_not(source, tmp_path, monkeypatch):
    with trackstore.open(source, readOnly=True) as tracks:
        oid = tracks._directory.in_order()[0][1].segment.blocks[0]._p_oid
    copy(source, tmp_path / 'copy.fs')
    storage, _ = open_storage(tmp_path / 'copy.fs', readOnly=True)
    load = type(storage).loadBefore
    storage.close()

    def load_but(self, wanted, before):
        if wanted == oid and self.getName().endswith('copy.fs'):
            raise POSKeyError(oid)
        return load(self, wanted, before)

    monkeypatch.setattr(type(storage), 'loadBefore', load_but)
    problem, = copy(source, tmp_path / 'copy.fs').problems
    assert problem.endswith(f' is missing in {tmp_path / "copy.fs"}')


def test_in_use(source):
    storage, _ = open_storage(source, readOnly=True)
    before = p64(2 ** 63)
    assert reach.in_use(storage, [], before) == []
    assert reach.in_use(storage, [0, 1, 2 ** 40], before) == [0, 1]
    storage.close()
