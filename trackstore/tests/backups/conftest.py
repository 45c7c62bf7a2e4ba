"""A store to back up, and what a backup goes to."""

import time

import pytest
from ZODB import BaseStorage
from ZODB.scripts import repozo

from trackstore import backup as backups
from trackstore import restoring
from trackstore.backup import backup
from trackstore.tests.backups.stores import Clock, Store


@pytest.fixture
def clock(monkeypatch):
    """Replace the clock, so that no test waits for a second to end."""
    clock = Clock()
    for module in (backups, restoring, repozo, BaseStorage):
        monkeypatch.setattr(module, 'time', clock)
    return clock


@pytest.fixture
def real_clock():
    pass


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'backups'


@pytest.fixture
def store(tmp_path, request):
    real = 'real_clock' in request.fixturenames
    store = Store(
        tmp_path / 'store.fs', time if real else request.getfixturevalue('clock'))
    yield store
    store.close()


@pytest.fixture
def three(store, folder, clock):
    """Return the parts of a full backup and two increments."""
    made = []
    for _ in range(3):
        store.save(50)
        clock.sleep(2)
        made.append(backup(store.path, folder))
    return made
