"""The tests of ``djangoshop.shop``, in a process that Django is configured in."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from trackstore.tests.waiting import LONG

SHOP = Path(__file__).parent / 'djangoshop' / 'shop.py'
TESTS = re.findall(r'^def (test_\w+)', SHOP.read_text('utf-8'), re.MULTILINE)


@pytest.fixture(scope='module')
def outcome():
    """What pytest says about each test, by name, and all that it says."""
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(('PYTEST', 'DJANGO'))}
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-rA', '-q', '-p', 'no:cacheprovider', SHOP],
        capture_output=True, text=True, timeout=3 * LONG, env=environment)
    found = re.findall(r'^(\w+) \S*::(test_\w+)', done.stdout, re.MULTILINE)
    return {name: {word for word, one in found if one == name} for name in TESTS}, done


@pytest.mark.parametrize('name', TESTS)
def test_in_django(name, outcome):
    outcomes, done = outcome
    if outcomes[name] != {'PASSED'}:
        pytest.fail(f'{outcomes[name]}\n{done.stdout}{done.stderr}', pytrace=False)
