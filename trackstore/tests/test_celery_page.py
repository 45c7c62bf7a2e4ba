"""The project of ``docs/topics/celery.rst`` is made, and does what the page says."""

import os
import signal
import time

import pytest

from trackstore.tests.brokers import Redis
from trackstore.tests.pages import TOP, Project, blocks, commands
from trackstore.tests.servers import need

PAGE = TOP / 'docs' / 'topics' / 'celery.rst'
SOON = 60


@pytest.fixture
def redis(tmp_path):
    redis = Redis(tmp_path)
    redis.start()
    yield redis
    redis.stop()


def test_the_project_of_the_page(tmp_path, redis):
    need('click', 'rich')
    project = Project(tmp_path, {'redis://localhost:6379/0': redis.url})
    worker = None
    try:
        for kind, caption, text in blocks(PAGE):
            if kind != 'console':
                project.put(caption, text)
                continue
            (line, output), = commands(text)
            if ' worker' in line:
                worker = project.start(line)
            elif output:
                found = until(lambda line=line: project.run(line), output)
                assert found == output, (tmp_path / 'log').read_text()
            else:
                assert project.run(line) == ''
    finally:
        if worker is not None:
            os.killpg(worker.pid, signal.SIGKILL)
            worker.wait(20)
    assert worker is not None and (tmp_path / 'events.fs').exists()


def until(read, wanted):
    """Return what there is to read in the end."""
    end = time.monotonic() + SOON
    while (found := read()) != wanted and time.monotonic() < end:
        time.sleep(0.2)
    return found
