"""Trackers from the flat settings of Pyramid."""

import configparser

import pytest
from pyramid.config import Configurator

from trackstore.events import get_tracker
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.locator import TaskContextLocator, ThreadLocalContextLocator
from trackstore.events.settings import tracker_from_settings
from trackstore.events.tracker import TRACKERS

MEMORY = 'trackstore.events.backends.memory.MemoryBackend'
ROUTING = 'trackstore.events.backends.routing.RoutingBackend'
JSON_LINES = 'trackstore.events.backends.jsonlines.JSONLinesBackend'

INI = f'''
[app:main]
use = egg:shop
pyramid.reload_templates = true
trackstore.contexts = thread
trackstore.backends.all.ENGINE = {MEMORY}
trackstore.backends.orders.ENGINE = {ROUTING}
trackstore.backends.orders.OPTIONS.backends.kept.ENGINE = {MEMORY}
trackstore.backends.orders.OPTIONS.backends.kept.OPTIONS.limit = 7
trackstore.processors.10.ENGINE = trackstore.tests.test_events_settings.Adding
trackstore.processors.10.OPTIONS.text = second
trackstore.processors.9.ENGINE = trackstore.tests.test_events_settings.Adding
trackstore.processors.9.OPTIONS.text = "first"
trackstore.processors.9.OPTIONS.more = ["a", 1, true]
'''


class Adding:
    """A processor that notes what it was made with."""

    def __init__(self, text, more=None):
        self.made = text, more

    def __call__(self, event):
        event['data'].setdefault('made', []).append(self.made)


def settings_of(text):
    parser = configparser.ConfigParser()
    parser.optionxform = str
    parser.read_string(text)
    return dict(parser['app:main'])


def test_an_ini_file():
    tracker = tracker_from_settings(settings_of(INI))
    tracker.emit('a')
    event, = tracker.get_backend('all').events
    assert event['data']['made'] == [('first', ['a', 1, True]), ('second', None)]
    assert tracker.get_backend('orders').backends['kept'].events.maxlen == 7
    assert type(tracker.context_locator) is ThreadLocalContextLocator


def test_backends_whose_names_are_numbers():
    tracker = tracker_from_settings({
        'trackstore.backends.1.ENGINE': ROUTING,
        'trackstore.backends.1.OPTIONS.backends.20.ENGINE': MEMORY,
        'trackstore.backends.1.OPTIONS.processors.0.ENGINE': f'{__name__}.Adding',
        'trackstore.backends.1.OPTIONS.processors.0.OPTIONS.text': 'x'})
    below = tracker.get_backend('1')
    assert list(below.backends) == ['20'] and len(below.processors) == 1


def test_mappings_and_objects_from_python():
    tracker = tracker_from_settings({
        17: 'not ours', 'trackstore.other': 1,
        'shop.backends': {'memory': {'ENGINE': MemoryBackend}}}, prefix='shop.')
    assert type(tracker.get_backend('memory')) is MemoryBackend


@pytest.mark.parametrize('text, flag', [
    ('True', True), ('true', True), ('False', False), ('false', False)])
def test_flags(text, flag):
    tracker = tracker_from_settings({
        'trackstore.backends.file.ENGINE': JSON_LINES,
        'trackstore.backends.file.OPTIONS.path': '/tmp/events.jsonl',
        'trackstore.backends.file.OPTIONS.sync': text})
    assert tracker.get_backend('file')._sync is flag


def test_a_mapping_in_the_settings_stays_as_it_is():
    backends = {'a': {'ENGINE': MEMORY}}
    tracker = tracker_from_settings({
        'trackstore.backends': backends, 'trackstore.backends.b.ENGINE': MEMORY})
    assert list(tracker.backends) == ['a', 'b']
    assert backends == {'a': {'ENGINE': MEMORY}}


def test_nothing_said():
    tracker = tracker_from_settings({'pyramid.reload_templates': 'true'})
    assert tracker.backends == {}
    assert type(tracker.context_locator) is TaskContextLocator


def test_a_file_for_all(tmp_path):
    path = tmp_path / 'events.yaml'
    path.write_text(f'backends: {{memory: {{ENGINE: {MEMORY}}}}}')
    tracker = tracker_from_settings({'trackstore.events': str(path)})
    assert list(tracker.backends) == ['memory']


@pytest.mark.parametrize('settings, message', [
    ({'trackstore.events': 'a.yaml', 'trackstore.contexts': 'task'},
     'trackstore.events, trackstore.contexts: both are given; the file says every'),
    ({'trackstore.backends.a': 'x', 'trackstore.backends.a.ENGINE': MEMORY},
     "trackstore.backends.a.ENGINE: 'a' has a value of its own already$"),
    ({'trackstore.backends.a.OPTIONS': '{"limit": 5}',
      'trackstore.backends.a.OPTIONS.limit': '6'},
     'trackstore.backends.a.OPTIONS.limit: has a value of its own already$'),
    ({'trackstore.backends.a.ENGINE': MEMORY,
      'trackstore.backends.a.OPTIONS.limit': 'x'},
     "settings: backends.a.OPTIONS: limit: 'x' is no number of events; allowed are"),
    ({'trackstore.backends.a.ENGINE': 'x.y'},
     "settings: backends.a.ENGINE: 'x.y' cannot be imported: No module named 'x'"),
    ({'trackstore.events': 17}, 'trackstore.events: 17 is no path; allowed is that of'),
    ({'trackstore.backends..ENGINE': MEMORY},
     'trackstore.backends..ENGINE: there is nothing between two dots'),
    ({'trackstore.contexts': 'x'},
     "settings: contexts: 'x' is not known; allowed are tracker, thread, task"),
])
def test_settings_that_fail(settings, message):
    with pytest.raises(ConfigurationError, match=f'^{message}'):
        tracker_from_settings(settings)


def test_pyramid_makes_the_tracker_when_it_is_configured():
    before = dict(TRACKERS)
    try:
        config = Configurator(settings=settings_of(INI))
        config.include('trackstore.pyramid')
        assert get_tracker().get_backend('orders').backends['kept'].events.maxlen == 7
        with pytest.raises(ConfigurationError, match='^settings: contexts: '):
            Configurator(settings={'trackstore.contexts': 'x'}).include(
                'trackstore.pyramid')
    finally:
        TRACKERS.clear()
        TRACKERS.update(before)


SECRET = [
    {'trackstore.backends': '[{"password": "secret"}]'},
    {'trackstore.backends': 'postgresql://ann:secret@db'},
    {'trackstore.backends.a': '{"password": "secret"}'},
    {'trackstore.backends.a': 'secret', 'trackstore.backends.a.ENGINE': MEMORY},
    {'trackstore.backends.a.ENGINE': MEMORY, 'trackstore.backends.a.OPTIONS': 'secret'},
    {'trackstore.backends.a.ENGINE': '{"password": "secret"}'},
    {'trackstore.processors': '{"password": "secret"}'},
    {'trackstore.backends.a.ENGINE': ROUTING,
     'trackstore.backends.a.OPTIONS.backends.b.OPTIONS.password': 'secret'},
    {'trackstore.backends.a.ENGINE': ROUTING,
     'trackstore.backends.a.OPTIONS.processors.0.OPTIONS.password': 'secret'},
]


@pytest.mark.parametrize('settings', SECRET, ids=range(len(SECRET)))
def test_errors_show_no_secrets(settings):
    with pytest.raises(ConfigurationError) as caught:
        tracker_from_settings(settings)
    assert 'secret' not in str(caught.value)


@pytest.mark.parametrize('setting, meant', [
    ('trackstore.backend.a.ENGINE', 'backends'), ('trackstore.Backends', 'backends'),
    ('trackstore.processor.0.ENGINE', 'processors'), ('trackstore.event', 'events'),
    ('trackstore.context', 'contexts')])
def test_settings_that_are_nearly_right(setting, meant):
    with pytest.raises(ConfigurationError,
                       match=f'^{setting}: is no setting; trackstore.{meant} is$'):
        tracker_from_settings({setting: MEMORY})


def test_settings_of_others_are_left_alone():
    tracker = tracker_from_settings({'trackstore.where': 'x.fs', 'backend': 'x', 17: 1})
    assert tracker.backends == {}
