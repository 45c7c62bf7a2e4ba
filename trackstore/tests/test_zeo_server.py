"""A ZEO server that runs in an environment of its own, as on another machine."""

import sysconfig
import venv
from pathlib import Path

import pytest
import transaction
from ZODB.POSException import ConflictError

import trackstore
from trackstore import TrackingStorage
from trackstore.opening import database
from trackstore.tests.servers import ZEOServer

CHECKOUT = Path(trackstore.__file__).parents[1]


def environment(folder, *paths):
    """Make an environment with these folders; return its interpreter.

    The packages that are required are those of this one.  What is installed
    there as editable, such as this checkout, is not.
    """
    venv.create(folder, symlinks=True, with_pip=False)
    python = folder / 'bin' / 'python'
    packages = next((folder / 'lib').glob('python*')) / 'site-packages'
    installed = {sysconfig.get_path(name) for name in ('purelib', 'platlib')}
    (packages / 'more.pth').write_text('\n'.join([*installed, *map(str, paths)]))
    return str(python)


def save_at_the_same_time(uri):
    """Save with two clients, each of which begins before the other commits."""
    dbs = [database(uri) for _ in range(2)]
    managers = [transaction.TransactionManager() for _ in dbs]
    roots = [db.open(manager).root()
             for db, manager in zip(dbs, managers, strict=True)]
    try:
        roots[0]['tracks'] = TrackingStorage()
        for name in 'ab':
            roots[0]['tracks'].startRun(name)
        managers[0].commit()
        for n in range(5):
            for manager, root, name in zip(managers, roots, 'ab', strict=True):
                manager.begin()
                root['tracks'].startRun(name)  # both in one page of runs
                root['tracks'].saveTracks([(name, 0, name, {'n': n})] * 100)
            for manager in managers:
                manager.commit()
    finally:
        for manager in managers:
            manager.abort()
        for db in dbs:
            db.close()


def test_a_server_that_has_trackstore_resolves_conflicts(tmp_path):
    python = environment(tmp_path / 'environment', CHECKOUT)
    with ZEOServer(tmp_path / 'served.fs', python) as server:
        save_at_the_same_time(server.uri)
        with trackstore.open(server.uri) as tracks:
            assert [tracks.count(taskId=name) for name in 'ab'] == [500, 500]
            assert tracks.verify() == []


def test_a_server_without_trackstore_leaves_conflicts_to_the_application(tmp_path):
    """Nothing is lost, but the application has to try again."""
    if str(CHECKOUT) in sysconfig.get_paths().values():
        pytest.skip('trackstore is installed among the packages of the server')
    python = environment(tmp_path / 'environment')
    with ZEOServer(tmp_path / 'served.fs', python) as server:
        with pytest.raises(ConflictError):
            save_at_the_same_time(server.uri)
        with trackstore.open(server.uri) as tracks:
            assert [tracks.count(taskId=name) for name in 'ab'] == [100, 0]
            assert tracks.verify() == []
