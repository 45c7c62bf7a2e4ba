"""The page on backends names the options that there are, with their defaults."""

import inspect
import re
import subprocess
import sys

import pytest

from trackstore.events.backends.http import HTTPBackend
from trackstore.events.backends.jsonlines import JSONLinesBackend
from trackstore.events.backends.logger import LoggerBackend
from trackstore.events.backends.mongodb import DATABASE, MongoBackend
from trackstore.events.backends.segment import SegmentBackend
from trackstore.tests.test_doctests import FOLDER

PAGE = FOLDER.parent / 'docs' / 'topics' / 'backends.rst'
ROW = re.compile(r'   \* - (``.*)\n     -(.*)\n     - ')


def shown(engine):
    """Return the options of the first table of a section, with their defaults."""
    name = engine.__name__
    section = PAGE.read_text('utf-8').split(f'\n{name}\n{"=" * len(name)}\n')[1]
    table = section.split('.. list-table::')[1]
    found = {}
    for names, defaults in ROW.findall(table):
        names = re.findall(r'``(\w+)``', names)
        defaults = defaults.strip().split(', ')
        if len(defaults) == 1:  # one for all of them
            defaults *= len(names)
        found.update(zip(names, defaults, strict=True))
    return found


def default(parameter):
    if parameter.default is parameter.empty:
        return ''
    if isinstance(parameter.default, str):
        return f"``'{parameter.default}'``"
    return str(parameter.default)


@pytest.mark.parametrize('engine', [
    LoggerBackend, JSONLinesBackend, HTTPBackend, MongoBackend, SegmentBackend])
def test_the_page_has_all_options_with_their_defaults(engine):
    actual = {name: default(parameter)
              for name, parameter in inspect.signature(engine).parameters.items()}
    if engine is MongoBackend:
        actual['database'] = f"``'{DATABASE}'``"  # where the URI names none
    assert shown(engine) == actual
    for name in actual:
        assert f'``{name}``' in engine.__doc__


def test_no_backend_needs_its_library_to_be_imported():
    done = subprocess.run([sys.executable, '-c', """
import sys
for name in ('httpx', 'pymongo', 'bson', 'segment', 'requests'):
    sys.modules[name] = None
from trackstore.events.backends.http import HTTPBackend
from trackstore.events.backends.mongodb import MongoBackend
from trackstore.events.backends.segment import SegmentBackend
import trackstore.events.backends.jsonlines, trackstore.events.backends.logger
for make in (lambda: HTTPBackend('http://localhost'), MongoBackend, SegmentBackend):
    try:
        make()
    except ValueError as error:
        print(str(error).rpartition('; ')[2])
"""], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        f"it comes with pip install 'trackstore[{extra}]'"
        for extra in ('http', 'mongodb', 'segment')]
