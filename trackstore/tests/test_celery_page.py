"""The project of ``docs/topics/celery.rst`` is made, and does what the page says."""

import os
import signal
import time

import pytest

from trackstore.tests.brokers import Redis
from trackstore.tests.pages import TOP, Project, blocks, commands
from trackstore.tests.servers import need
from trackstore.tests.waiting import LONG

PAGE = TOP / 'docs' / 'topics' / 'celery.rst'


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
            worker.wait(LONG)
    assert worker is not None and (tmp_path / 'events.fs').exists()


CELERY = """
from celery import Celery

app = Celery('shop')
app.config_from_object('django.conf:settings', namespace='CELERY')
app.autodiscover_tasks()
"""

SETTINGS = """
from trackstore.tests.djangoproject.settings import *

TRACKSTORE_BACKENDS = {'outer': {
    'ENGINE': 'trackstore.events.backends.routing.RoutingBackend',
    'OPTIONS': {'backends': {'orders': {
        'ENGINE': 'trackstore.events.backends.async_routing.AsyncRoutingBackend',
        'OPTIONS': {
            'carrier': {'ENGINE': 'trackstore.events.carriers.celery.CeleryCarrier'},
            'backends': {'archive': {
                'ENGINE': 'trackstore.events.backends.tracking.TrackingBackend',
                'OPTIONS': {'where': BASE / 'events.fs'}}}}}}}}}
"""


def test_a_project_of_django(tmp_path, redis):
    """Its workers make the tracker when Django starts; Celery is as its manual says."""
    need('django', 'click', 'rich')
    project = Project(tmp_path)
    (tmp_path / 'shop').mkdir()
    project.put('shop/settings.py', 'from pathlib import Path\n'
                f'BASE = Path({str(tmp_path)!r})\n'
                f'CELERY_BROKER_URL = {redis.url!r}\n{SETTINGS}')
    project.put('shop/celery.py', CELERY)
    project.put('shop/__init__.py', 'from .celery import app as celery_app\n')
    project.environment.update(DJANGO_SETTINGS_MODULE='shop.settings',
                               DJANGOPROJECT=str(tmp_path))
    worker = project.start('celery -A shop worker -P solo')
    manage = 'python -m trackstore.tests.djangoproject.manage trackstore_events'
    try:
        assert project.run(f'{manage} emit order.placed') == 'outer.orders: sent\n'
        assert until(lambda: project.run(f'{manage} cli count @outer.orders.archive'),
                     '1\n') == '1\n', (tmp_path / 'log').read_text()
    finally:
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait(LONG)


def until(read, wanted):
    """Return what there is to read in the end."""
    end = time.monotonic() + LONG
    while (found := read()) != wanted and time.monotonic() < end:
        time.sleep(0.2)
    return found
