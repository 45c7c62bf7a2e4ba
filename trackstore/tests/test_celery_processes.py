"""Celery in processes of their own: what is imported, and when; the end."""

import subprocess
import sys

import pytest

from trackstore.tests.servers import need
from trackstore.tests.waiting import LONG


@pytest.fixture(scope='module', autouse=True)
def celery():
    need('celery', 'redis')


def test_celery_that_is_missing_is_named():
    done = subprocess.run([sys.executable, '-c', (
        'import sys; sys.modules["celery"] = None\n'
        'from trackstore.events.carriers.celery import CeleryCarrier\n'
        'CeleryCarrier()')], capture_output=True, text=True, timeout=LONG)
    assert "pip install 'trackstore[celery]'" in done.stderr.splitlines()[-1]


def test_a_library_of_the_broker_that_is_missing():
    done = subprocess.run([sys.executable, '-c', """
import sys
sys.modules['redis'] = sys.modules['kombu.transport.redis'] = None
from celery import Celery
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.carriers.celery import CeleryCarrier
app = Celery('shop', broker='redis://:secret@127.0.0.1:1/0')
AsyncRoutingBackend('shop', carrier=CeleryCarrier(app=app))
"""], capture_output=True, text=True, timeout=60)
    line = done.stderr.splitlines()[-1]
    assert 'ModuleNotFoundError' in line and "pip install 'celery[redis]'" in line
    assert 'secret' not in done.stderr


def test_nothing_else_imports_celery_or_django():
    done = subprocess.run([sys.executable, '-c', """
import importlib, pathlib, sys, trackstore
ours = ('django.', 'celery', 'events.carriers.celery', 'tests.')
top = pathlib.Path(trackstore.__file__).parent
names = ['.'.join(path.relative_to(top).with_suffix('').parts)
         for path in top.rglob('*.py')]
for name in names:
    if not name.startswith(ours) and not name.endswith('__main__'):
        importlib.import_module(f'trackstore.{name}')
assert len(names) > 100
print(sorted({'django', 'celery', 'kombu'} & set(sys.modules)))
"""], capture_output=True, text=True, timeout=LONG)
    assert (done.stdout, done.stderr) == ('[]\n', '')


def test_the_library_of_the_broker_is_there_before_the_first_event():
    """When a process ends it is too late to import it."""
    done = subprocess.run([sys.executable, '-c', """
import sys
from celery import Celery
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.carriers.celery import CeleryCarrier
app = Celery('shop', broker='redis://127.0.0.1:1/0')
assert 'kombu.transport.redis' not in sys.modules
AsyncRoutingBackend('shop', carrier=CeleryCarrier(app=app))
print('kombu.transport.redis' in sys.modules)
"""], capture_output=True, text=True, timeout=LONG)
    assert done.stdout == 'True\n', done.stderr


def test_the_end_of_a_process_hands_over_what_waits():
    done = subprocess.run([sys.executable, '-c', """
from celery import Celery
from trackstore.events import Tracker
from trackstore.events.backends.async_routing import AsyncRoutingBackend
from trackstore.events.carriers import celery
celery.Broker.send_many = lambda self, events: print(len(events))
Tracker({'shop': AsyncRoutingBackend('shop', carrier=celery.CeleryCarrier(
    app=Celery('shop', broker='memory://'), delay=600))}).emit('order.placed')
"""], capture_output=True, text=True, timeout=LONG)
    assert (done.stdout, done.stderr) == ('1\n', '')
