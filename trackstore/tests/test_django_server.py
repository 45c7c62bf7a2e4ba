"""The project of Django with servers and commands, each in a process of its own."""

import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import trackstore
from trackstore.tests.servers import HOST, free_port, need, wait_for
from trackstore.tests.waiting import LONG

MANAGE = Path(__file__).parent / 'djangoproject' / 'manage.py'
TOP = Path(__file__).parents[2]

#: Settings of the project, but for the backends.
BROKEN = """
from trackstore.tests.djangoproject.settings import *
TRACKSTORE_BACKENDS = {'archive': {'ENGINE': 'shop.Archive'}}
"""
SENTENCE = ("TRACKSTORE_BACKENDS.archive.ENGINE: 'shop.Archive' cannot be imported: No "
            "module named 'shop'")
WSGI = """
from wsgiref.simple_server import make_server
from django.core.wsgi import get_wsgi_application
make_server('127.0.0.1', {port}, get_wsgi_application()).serve_forever()
"""


@pytest.fixture(scope='module', autouse=True)
def django():
    need('django')


class Project:
    """The project, with its files in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.environment = {
            **os.environ, 'DJANGOPROJECT': str(folder),
            'PYTHONPATH': os.pathsep.join([str(TOP), str(folder)]),
            'DJANGO_SETTINGS_MODULE': 'trackstore.tests.djangoproject.settings'}

    def broken(self):
        (self.folder / 'broken.py').write_text(BROKEN)
        self.environment['DJANGO_SETTINGS_MODULE'] = 'broken'

    def run(self, *arguments):
        return subprocess.run(
            [sys.executable, *map(str, arguments)], env=self.environment, timeout=LONG,
            capture_output=True, text=True)

    def manage(self, *arguments):
        return self.run(MANAGE, *arguments)

    def start(self, *arguments):
        with (self.folder / 'log').open('wb') as log:
            return subprocess.Popen([sys.executable, *map(str, arguments)], stdout=log,
                                    stderr=log, env=self.environment)

    def log(self):
        return (self.folder / 'log').read_text()


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


def get(port, path, **headers):
    request = urllib.request.Request(f'http://{HOST}:{port}/{path}', headers=headers)
    with urllib.request.urlopen(request, timeout=LONG) as response:
        return response.headers, response.read()


def stored(project, count):
    """Return the tracks of the project's store, when there are so many."""
    end = time.monotonic() + LONG
    while True:
        with trackstore.open(project.folder / 'events.fs', readOnly=True) as tracks:
            found = [(track.taskId, track.data) for track in tracks.query()]
        if len(found) >= count or time.monotonic() > end:
            return found
        time.sleep(0.05)


RELOADING = """
from django.core.management import execute_from_command_line
from django.utils import autoreload
from trackstore.events import get_tracker
autoreload.run_with_reloader = lambda *args, **options: print(
    list(get_tracker().backends))
execute_from_command_line(['manage.py', 'runserver'])
"""


@pytest.mark.parametrize('environment, backends', [
    ({}, []), ({'RUN_MAIN': 'true'}, ['memory', 'store'])])
def test_the_process_that_only_reloads_the_server_has_no_backends(
        project, environment, backends):
    """It would take over events of others, and keep the file from the server."""
    project.environment |= environment
    done = project.run('-c', RELOADING)
    assert done.stdout == f'{backends}\n'


@pytest.mark.parametrize('server', ['runserver', 'wsgiref'])
def test_a_server(project, server):
    assert project.manage('migrate').returncode == 0
    port = free_port()
    arguments = [MANAGE, 'runserver', '--noreload', f'{HOST}:{port}'] if (
        server == 'runserver') else ['-c', WSGI.format(port=port)]
    process = project.start(*arguments)
    try:
        wait_for(port, process, project.folder / 'log')
        headers, body = get(port, 'plain?secret=1', **{
            'User-Agent': 'Firefox', 'X-Request-ID': 'r-1'})
        assert (headers['X-Request-ID'], body) == ('r-1', b'plain')
        assert get(port, 'pieces')[1] == b'012'
        assert get(port, 'asking')[1] == b'asked'
        with pytest.raises(urllib.error.HTTPError, match='500'):
            get(port, 'failing')
        found = stored(project, 6)
    finally:
        process.kill()
        process.wait(LONG)
    assert [name for name, _ in found] == [
        'plain', 'piece', 'piece', 'piece', 'asked', 'failing']
    contexts = [data['context'] for _, data in found]
    assert contexts[0] == {
        'user_id': None, 'username': None, 'session_id': None, 'path': '/plain',
        'method': 'GET', 'agent': 'Firefox', 'address': HOST, 'referrer': None,
        'request_id': 'r-1', 'language': 'en'}
    assert len({context['request_id'] for context in contexts}) == 4


def test_the_check_says_what_is_wrong_in_a_sentence(project):
    project.broken()
    done = project.manage('check')
    assert done.returncode == 1
    assert f'(trackstore.E001) The tracker cannot be made: {SENTENCE}\n' in done.stderr
    assert 'HINT: Correct it in the settings TRACKSTORE_BACKENDS and' in done.stderr
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize('arguments', [
    (MANAGE, 'runserver', '--noreload'), (MANAGE, 'migrate'),
    (MANAGE, 'runserver', '--noreload', '--skip-checks'),
    ('-c', 'from django.core.wsgi import get_wsgi_application as a; a()'),
    ('-c', 'from django.core.asgi import get_asgi_application as a; a()'),
    ('-c', 'from django.core import management; import django; django.setup()')])
def test_no_server_starts_without_its_tracker(project, arguments):
    project.broken()
    port = (f'{HOST}:{free_port()}',) if 'runserver' in arguments else ()
    done = project.run(*arguments, *port)
    assert done.returncode == 1
    assert SENTENCE in done.stderr


def test_a_command_without_checks_runs_until_it_emits(project):
    project.broken()
    done = project.manage('shell', '-c', 'print(17); from trackstore.events import '
                                         'emit; emit("order.placed")')
    assert done.stdout.endswith('17\n')
    assert done.returncode == 1
    assert done.stderr.endswith(f'ConfigurationError: {SENTENCE}\n')


def test_the_commands(project):
    assert project.manage('check').stdout == (
        'System check identified no issues (0 silenced).\n')
    done = project.manage('trackstore_events', 'emit', 'order.placed')
    assert (done.returncode, done.stdout, done.stderr) == (
        0, 'memory: sent\nstore: sent\n', '')
    done = project.manage('trackstore_events', 'cli', 'top', '@store', 'task',
                          '--json')
    assert done.returncode == 0 and '"order.placed"' in done.stdout
    done = project.manage('trackstore_events', 'cli', 'count', '@archive')
    assert done.returncode == 1
    assert done.stderr == (
        'CommandError: @archive: no backend of that path has a store that the settings '
        'name; there are: @store\n')


def test_django_that_is_missing_is_named():
    done = subprocess.run(
        [sys.executable, '-c', 'import sys; sys.modules["django"] = None\n'
                               'import trackstore.django'],
        capture_output=True, text=True, timeout=LONG)
    assert done.stderr.endswith("needs Django: pip install 'trackstore[django]'\n")
