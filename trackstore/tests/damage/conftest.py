"""A store with objects of each class, whole and hurt."""

import logging

import pytest
import transaction

import trackstore
from trackstore import block, index, segment, tail
from trackstore.tests.damage.hurt import fill, parts, questions
from trackstore.tests.hurting import Hurt, records


@pytest.fixture(autouse=True)
def quiet():
    """The ZODB logs each object that it cannot load."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope='module')
def small_parts():
    """Blocks and pages of few tracks, so that a small store has many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(block, 'SIZE', 64)
        patch.setattr(segment, 'INDEXED', 256)
        patch.setattr(index, 'PAGE_VALUES', 8)
        patch.setattr(tail, 'PAGE_SIZE', 8)
        patch.setattr(tail, 'PAGES', 4)
        yield


@pytest.fixture(scope='module')
def whole(small_parts, tmp_path_factory):
    """The bytes of a file with a store, where its records are, and its answers."""
    path = tmp_path_factory.mktemp('whole') / 'whole.fs'
    path.touch()
    with Hurt(path, b'') as root:
        root['tracks'] = trackstore.TrackingStorage()
        transaction.commit()
        fill(root['tracks'])
        answers = [ask() for ask in questions(root['tracks'])]
        assert root['tracks'].verify() == []
    return path.read_bytes(), *records(path), answers


@pytest.fixture
def hurt(whole, tmp_path):
    """Return a function that opens the store with flips in some parts of it."""

    def opened(*names):
        with Hurt(tmp_path / 'hurt.fs', whole[0]) as tracks:
            places = [whole[2][parts(tracks)[name]._p_oid] - 20 for name in names]
        return Hurt(tmp_path / 'hurt.fs', whole[0], *places)

    return opened
