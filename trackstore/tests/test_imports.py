"""What may be imported where: the core needs the required packages alone."""

import subprocess
import sys

import pytest

from trackstore.tests.waiting import LONG

#: Every optional package, by import name, with the extra that brings it.
OPTIONAL = {
    'click': 'cli', 'rich': 'cli', 'zodburi': 'uri', 'tzdata': 'tz',
    'pytest': 'test', 'hypothesis': 'test', 'duckdb': 'bench', 'pyarrow': 'bench',
    'zope.index': 'bench', 'sphinx': 'docs', 'furo': 'docs',
    'numpy': None, 'pandas': None, 'ZEO': None, 'relstorage': None,
    'django': 'django', 'sqlalchemy': None, 'yaml': 'yaml', 'jsonschema': 'schema',
    'cloudevents': 'test', 'tincan': 'test', 'gevent': 'test', 'pyramid': None,
    'httpx': 'http', 'pymongo': 'mongodb', 'segment': 'segment', 'celery': 'celery',
}

BLOCK = f"""
import sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name in {tuple(OPTIONAL)!r}:
            raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)

sys.meta_path.insert(0, Block())
"""


def run_blocked(code, *arguments):
    """Run Python code in a process that has no optional package."""
    return subprocess.run(
        [sys.executable, '-c', BLOCK + code, *map(str, arguments)],
        capture_output=True, text=True, timeout=LONG)


def test_the_core_works_with_every_optional_package_blocked(tmp_path):
    done = run_blocked("""
import trackstore
import trackstore.criteria, trackstore.exceptions, trackstore.interfaces
import trackstore.importers
from trackstore import TrackingStorage, Track, Run
from trackstore.testing import memory_storage

with memory_storage() as tracks:
    tracks.saveUserTrack('loops', 0, 'ann', {'page': 'start'})
    tracks.saveTracks([('loops', 0, 'ben', {})])
    assert tracks.count(taskId='loops') == 2
    assert [bucket.count for bucket in tracks.histogram('day')] == [2]
with trackstore.open(sys.argv[1]) as tracks:
    tracks.saveUserTrack('loops', 0, 'ann', {})
with trackstore.open(sys.argv[1]) as tracks:
    print(len(tracks))
""", tmp_path / 'lessons.fs')
    assert (done.returncode, done.stdout, done.stderr) == (0, '1\n', '')


def test_the_required_packages_are_those_that_setup_names():
    done = run_blocked("""
before = set(sys.modules)  # also what an environment brings at every start
import trackstore, trackstore.testing, trackstore.importers, trackstore.events
print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))
""")
    assert done.returncode == 0, done.stderr
    standard = set(sys.stdlib_module_names)
    required = {'ZODB', 'BTrees', 'persistent', 'transaction', 'zope', 'trackstore'}
    brought = {'zodbpickle', 'zc', 'ZConfig', 'zdaemon'}  # by ZODB itself
    found = {name for name in done.stdout.split() if not name.startswith('_')}
    assert found - standard - required - brought == set()


@pytest.mark.parametrize(('extra', 'code'), [
    ('uri', "import trackstore\n"
            "with trackstore.open('memory://'): pass"),
    ('cli', "from trackstore.cli import main\nmain()"),
])
def test_a_missing_extra_is_named(extra, code):
    done = run_blocked(code)
    assert done.returncode
    assert f"pip install 'trackstore[{extra}]'" in done.stderr


def test_frameworks_are_imported_by_nothing():
    done = run_blocked("""
import trackstore, trackstore.importers, trackstore.testing
frameworks = {'pyramid', 'django', 'celery', 'flask', 'zope.component', 'Zope2'}
print(sorted(frameworks & set(sys.modules)))
""")
    assert (done.returncode, done.stdout) == (0, '[]\n'), done.stderr
