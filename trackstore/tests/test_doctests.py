"""Runs the stories in ``doctests/`` over every storage, and docstrings' examples.

A story begins with two names: ``root``, the root mapping of an empty database,
and ``clock``, which stands still at 2026-11-21 20:10.  Where a storage needs no
database, ``root`` may also be a plain dictionary ("unattached").
"""

import doctest
import importlib
import pkgutil
import re
import sys
import types
from contextlib import contextmanager
from pathlib import Path

import pytest
import transaction

import trackstore
from trackstore.testing import frozen_clock
from trackstore.tests.storages import IN_MEMORY, KINDS

FOLDER = Path(__file__).parents[2] / 'doctests'
EXAMPLE = re.compile(r'^ *>>> ', re.MULTILINE)

EVERYWHERE = (*KINDS, 'unattached')

#: Each story and what it is told with.  Every file must be here, and be there.
STORIES = {
    'storage.rst': EVERYWHERE,
    'runs.rst': EVERYWHERE,
    'query.rst': EVERYWHERE,
    'tracks.rst': EVERYWHERE,
    'bulk.rst': KINDS,
    'aggregates.rst': EVERYWHERE,
    # a MappingStorage resolves no conflicts, a DemoStorage of two does not pack
    'transactions.rst': [kind for kind in KINDS if kind not in IN_MEMORY],
    'errors.rst': EVERYWHERE,
    'events.rst': KINDS,
    'delivery.rst': ('MappingStorage',),
    'processors.rst': ('MappingStorage',),
    'registry.rst': EVERYWHERE,
    'opening.rst': ('FileStorage',),
    'importers.rst': ('MappingStorage',),
    'cli.rst': ('MappingStorage',),
    'backup.rst': ('MappingStorage',),
    'damage.rst': ('MappingStorage',),
    'models.rst': EVERYWHERE,
    'backends.rst': ('unattached',),
}


@contextmanager
def root_of(kind, folder, places):
    """Yield the root mapping of an empty database of that kind."""
    if kind == 'unattached':
        yield {}
        return
    with places.database(kind, folder) as db:
        connection = db.open()
        try:
            yield connection.root()
        finally:
            transaction.abort()
            connection.close()


@contextmanager
def namespace(name, **names):
    """Yield the names of an importable module, so that its classes pickle."""
    module = types.ModuleType(f'story_{name}')
    vars(module).update(names)
    sys.modules[module.__name__] = module
    try:
        yield vars(module)
    finally:
        del sys.modules[module.__name__]


def run_examples(text, names, source):
    """Run the examples of a text; fail with a report of what differs."""
    test = doctest.DocTestParser().get_doctest(text, {}, source.stem, str(source), 0)
    test.globs = names
    assert test.examples, f'{source} has no examples'
    for example in test.examples:
        assert doctest.IGNORE_EXCEPTION_DETAIL not in example.options
    report = []
    runner = doctest.DocTestRunner(optionflags=doctest.REPORT_UDIFF)
    if runner.run(test, out=report.append, clear_globs=False).failed:
        pytest.fail(''.join(report), pytrace=False)


@pytest.mark.parametrize(('name', 'kind'), [
    pytest.param(name, kind, id=f'{name.removesuffix(".rst")}-{kind}')
    for name, kinds in STORIES.items() for kind in kinds])
def test_story(name, kind, tmp_path, places, quiet):
    source = FOLDER / name
    text = source.read_text('utf-8')
    with (root_of(kind, tmp_path, places) as root,
          frozen_clock('2026-11-21 20:10') as clock,
          namespace(source.stem, root=root, clock=clock) as names):
        run_examples(text, names, source)


def test_every_story_is_told():
    assert sorted(path.name for path in FOLDER.glob('*.rst')) == sorted(STORIES)


def modules_with_examples():
    found = pkgutil.walk_packages(trackstore.__path__, 'trackstore.')
    for module in found:
        if '.tests' in module.name or module.name.endswith('__main__'):
            continue
        path = Path(module.module_finder.path, *module.name.split('.')[-1:])
        path = path / '__init__.py' if module.ispkg else path.with_suffix('.py')
        if EXAMPLE.search(path.read_text('utf-8')):
            yield module.name


@pytest.mark.parametrize('name', list(modules_with_examples()))
def test_docstrings(name):
    results = doctest.testmod(importlib.import_module(name))
    assert results.attempted and not results.failed
