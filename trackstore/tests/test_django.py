"""The tests of ``djangoproject``, in a process that Django is configured in."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trackstore.tests.servers import need
from trackstore.tests.waiting import LONG

FOLDER = Path(__file__).parent / 'djangoproject'
MODULES = ('addresses', 'commits', 'configuration', 'failures', 'systemchecks',
           'commanding', 'overridden', 'requests', 'serving', 'coroutines')


def names_in(module):
    text = (FOLDER / f'{module}.py').read_text('utf-8')
    return re.findall(r'^def (test_\w+)', text, re.MULTILINE)


@pytest.fixture(scope='module')
def outcome(tmp_path_factory):
    """What pytest says about each test, by module and name, and all that it says."""
    need('django')
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(('PYTEST', 'DJANGO'))}
    environment['DJANGOPROJECT'] = str(tmp_path_factory.mktemp('djangoproject'))
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-rA', '-q', '-p', 'no:cacheprovider',
         '-p', 'trackstore.tests.djangoproject.fixtures',
         *(FOLDER / f'{module}.py' for module in MODULES)],
        capture_output=True, text=True, timeout=3 * LONG, env=environment)
    found = re.findall(r'^(\w+) \S*?(\w+)\.py::(test_\w+)', done.stdout, re.MULTILINE)
    return {(module, name): {word for word, *place in found if place == [module, name]}
            for module in MODULES for name in names_in(module)}, done


@pytest.mark.parametrize(('module', 'name'), [
    pytest.param(module, name, id=f'{module}-{name}')
    for module in MODULES for name in names_in(module)])
def test_in_django(module, name, outcome):
    outcomes, done = outcome
    if outcomes[module, name] != {'PASSED'}:
        pytest.fail(f'{outcomes[module, name]}\n{done.stdout}{done.stderr}',
                    pytrace=False)


def test_every_module_is_run():
    assert {path.stem for path in FOLDER.glob('*.py')
            if '\ndef test_' in path.read_text('utf-8')} == set(MODULES)


def test_pytest_configures_no_django_on_its_way():
    done = subprocess.run(
        [sys.executable, '-c', """
import sys, pytest
pytest.main(['--collect-only', '-qq', '-p', 'no:cacheprovider', *sys.argv[1:]])
print('django' in sys.modules and sys.modules['django.conf'].settings.configured)
""", FOLDER, FOLDER.parent / 'models'], capture_output=True, text=True, timeout=LONG)
    assert done.stdout.splitlines()[-1] == 'False', done.stdout
