"""Configurations: what a story does not tell."""

import pytest

from trackstore.events import load, tracker_from
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.locator import (
    DefaultContextLocator,
    TaskContextLocator,
    ThreadLocalContextLocator,
)

MEMORY = 'trackstore.events.backends.memory.MemoryBackend'
ROUTING = 'trackstore.events.backends.routing.RoutingBackend'


def failing():
    raise OSError('no disk')


def test_a_module_with_a_mistake(tmp_path, monkeypatch):
    (tmp_path / 'module_with_a_mistake.py').write_text('a =')
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigurationError, match='cannot be imported: invalid syntax'):
        tracker_from({'backends': {'a': {'ENGINE': 'module_with_a_mistake.A'}}})


@pytest.mark.parametrize('configuration, message', [
    ([], r'configuration: \[\] is not a mapping'),
    ({'backend': {}}, "configuration: 'backend' is no part of a configuration; allowed "
                      'are backends, processors, contexts'),
    ({'contexts': 'request'},
     "configuration: contexts: 'request' is not known; allowed are tracker, thread, t"),
    ({'backends': [MEMORY]}, r'configuration: backends: \[.*\] is not a mapping of'),
    ({'processors': {'a': 1}}, 'configuration: processors: .* is not a list of engine'),
    ({'backends': {'a': {'OPTIONS': {'key': 'secret'}}}},
     "configuration: backends.a: {'OPTIONS': ...} has no ENGINE; wanted is"),
    ({'processors': ['x']}, "configuration: processors.0: this text has no ENGINE"),
    ({'backends': {'a': {'ENGINE': MEMORY, 'options': {}}}},
     "configuration: backends.a: 'options' stands beside ENGINE; allowed is OPTIONS"),
    ({'backends': {'a': {'ENGINE': 'nowhere'}}},
     "configuration: backends.a.ENGINE: 'nowhere' is no path of a class; "),
    ({'backends': {'a': {'ENGINE': MEMORY + 'X'}}},
     "configuration: backends.a.ENGINE: .* cannot be imported: module .* has no attri"),
    ({'backends': {'a': {'ENGINE': 17}}},
     'configuration: backends.a.ENGINE: 17 is no path of a class; wanted is text like'),
    ({'backends': {'a': {'ENGINE': MEMORY, 'OPTIONS': [1]}}},
     r'configuration: backends.a.OPTIONS: \[1\] is not a mapping'),
    ({'backends': {'a': {'ENGINE': MEMORY, 'OPTIONS': {'limit': -1}}}},
     'configuration: backends.a.OPTIONS: limit: -1 is no number of events; allowed'),
    ({'backends': {'a': {'ENGINE': ROUTING, 'OPTIONS': {
        'backends': {'b': {'ENGINE': MEMORY, 'OPTIONS': {'size': 1}}}}}}},
     'configuration: backends.a.OPTIONS.backends.b.OPTIONS: got an unexpected keyword '
     f"argument 'size' of {MEMORY}; its options are: limit"),
    ({'backends': {'a': {'ENGINE': 'decimal.Decimal'}}},
     r"configuration: backends\['a'\]: Decimal\('0'\) is no backend; wanted is"),
    ({'contexts': ['task']}, r"configuration: contexts: \['task'\] is not known"),
    ({'backends': {'a': {'ENGINE': 'os.sep'}}},
     "configuration: backends.a.ENGINE: 'os.sep' is no class but a str"),
    ({'backends': {'a': {'ENGINE': '.memory.A'}}},
     "configuration: backends.a.ENGINE: '.memory.A' cannot be imported: "),
    ({'backends': {'a': {'ENGINE': f'{__name__}.failing'}}},
     'configuration: backends.a: .*failing cannot be made: OSError: no disk'),
])
def test_configurations_that_fail(configuration, message):
    with pytest.raises(ConfigurationError, match=f'^{message}'):
        tracker_from(configuration)


def test_a_configuration_that_stands_inside_itself(tmp_path):
    inside = {'ENGINE': ROUTING, 'OPTIONS': {'backends': {}}}
    inside['OPTIONS']['backends']['again'] = inside
    with pytest.raises(ConfigurationError, match=(
            '^configuration: backends.a.OPTIONS.backends.again: it stands inside')):
        tracker_from({'backends': {'a': inside}})
    twice = {'ENGINE': MEMORY}
    assert len(tracker_from({'backends': {'a': twice, 'b': twice}}).backends) == 2
    (tmp_path / 'a.yaml').write_text(
        f'backends: &all {{a: {{ENGINE: {ROUTING}, OPTIONS: {{backends: *all}}}}}}')
    with pytest.raises(ConfigurationError, match='a.yaml: backends.a.*it stands insi'):
        load(tmp_path / 'a.yaml')


def test_contexts_of_a_configuration():
    for name, locator in zip(
            ('tracker', 'thread', 'task'),
            (DefaultContextLocator, ThreadLocalContextLocator, TaskContextLocator),
            strict=True):
        assert type(tracker_from({'contexts': name}).context_locator) is locator
    assert type(tracker_from({}).context_locator) is TaskContextLocator


TOML = f'''
contexts = 'thread'

[backends.memory]
ENGINE = '{MEMORY}'
OPTIONS = {{ limit = 100 }}
'''
YAML = f'''
contexts: thread
backends:
  memory:
    ENGINE: {MEMORY}
    OPTIONS:
      limit: 100
'''


@pytest.mark.parametrize('name, text', [
    ('a.toml', TOML), ('a.yaml', YAML), ('a.YML', YAML)])
def test_configurations_in_files(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    tracker = load(tmp_path / name)
    assert tracker.get_backend('memory').events.maxlen == 100
    assert type(tracker.context_locator) is ThreadLocalContextLocator


@pytest.mark.parametrize('name, text, message', [
    ('a.ini', TOML, "path: '.*a.ini' has no ending that says what it is; allowed are "
                    r'\.toml, \.yaml, \.yml$'),
    ('none.toml', None, "path: '.*none.toml' cannot be read: No such file"),
    ('a.toml', 'a = [\nb', '.*a.toml: .*line 2'),
    ('a.yaml', 'backends: [', '.*a.yaml: .*line 1'),
    ('a.yaml', 'backends: !!python/object/apply:os.getcwd []', '.*a.yaml: could not'),
    ('a.yaml', YAML + '  memory: {}', ".*a.yaml: the key 'memory' is there twice in .*"
                                      'line 8'),
    ('a.yaml', '- a', r"a.yaml: \[this text\] is not a mapping"),
    ('a.toml', 'backend = 1', "a.toml: 'backend' is no part of a configuration")])
def test_files_that_fail(tmp_path, name, text, message):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigurationError, match=message):
        load(tmp_path / name)


@pytest.mark.parametrize('path', [None, 17])
def test_what_is_no_path(path):
    with pytest.raises(ConfigurationError, match=f'^path: {path} is no path; allowed'):
        load(path)


def test_an_empty_file_is_a_tracker_without_backends(tmp_path):
    (tmp_path / 'a.yaml').touch()
    (tmp_path / 'a.toml').touch()
    assert load(tmp_path / 'a.yaml').backends == {}
    assert load(tmp_path / 'a.toml').backends == {}
