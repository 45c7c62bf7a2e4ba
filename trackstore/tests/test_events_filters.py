"""Filters by name: what a story does not tell."""

import re

import pytest
from hypothesis import given
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events import tracker_from
from trackstore.events.backends.memory import MemoryBackend
from trackstore.events.backends.routing import RoutingBackend
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IProcessor
from trackstore.events.processors.exceptions import EventEmissionExit
from trackstore.events.processors.regex_filter import RegexFilter
from trackstore.events.processors.whitelist import NameWhitelistProcessor
from trackstore.tests.odd_events import odd_events

NAMES = ['order.placed', 'order.item', 'reorder', 'user.gone', 'user', '', 17, None]


def let_through(processor, names=NAMES):
    memory = MemoryBackend()
    routing = RoutingBackend({'memory': memory}, [processor])
    for name in names:
        routing.send({'name': name, 'data': {}})
    return [event['name'] for event in memory.events]


@pytest.mark.parametrize('expressions, matching', [
    (['order'], ['order.placed', 'order.item']),
    (['.*order'], ['order.placed', 'order.item', 'reorder']),
    ([r'order\.item$', 'user$'], ['order.item', 'user']),
    (['^user'], ['user.gone', 'user']),
    (['(?i)ORDER'], ['order.placed', 'order.item']),
    (['$'], ['']),
    ([''], ['order.placed', 'order.item', 'reorder', 'user.gone', 'user', '']),
    ([], []),
])
def test_allowlist_and_blocklist(expressions, matching):
    assert let_through(RegexFilter('allowlist', expressions)) == matching
    assert let_through(RegexFilter('blocklist', expressions)) == [
        name for name in NAMES if name not in matching]


def test_an_allowlist_without_expressions_lets_nothing_through():
    assert let_through(RegexFilter()) == []


def test_whitelist():
    assert let_through(NameWhitelistProcessor(['user', 'order'])) == ['user']
    assert let_through(NameWhitelistProcessor({'user', ''})) == ['user', '']
    assert let_through(NameWhitelistProcessor([])) == []


def test_in_a_configuration():
    filtered = tracker_from({
        'backends': {'memory': {
            'ENGINE': 'trackstore.events.backends.memory.MemoryBackend'}},
        'processors': [
            {'ENGINE': 'trackstore.events.processors.regex_filter.RegexFilter',
             'OPTIONS': {'filter_type': 'blocklist', 'regular_expressions': ['user']}},
            {'ENGINE': 'trackstore.events.processors.whitelist.NameWhitelistProcessor',
             'OPTIONS': {'whitelist': ['user', 'order']}}]})
    for name in ('user', 'order', 'reorder'):
        filtered.emit(name)
    assert [event['name'] for event in filtered.get_backend('memory').events] == [
        'order']


@pytest.mark.parametrize('make, message', [
    (lambda: RegexFilter('whitelist', ['a']),
     "filter_type: 'whitelist' is not known; allowed are 'allowlist' and 'blocklist'"),
    (lambda: RegexFilter(regular_expressions=['a', 'order(']),
     "regular_expressions: 'order(' is no regular expression: missing ), "),
    (lambda: RegexFilter(regular_expressions=['a{99999999999}']),
     "regular_expressions: 'a{99999999999}' is no regular expression: "),
    (lambda: RegexFilter(regular_expressions='order'),
     "regular_expressions: 'order' is no list of texts; wanted is one like "
     "['order', 'user.*gone$']"),
    (lambda: RegexFilter(regular_expressions=['a', 17]),
     'regular_expressions: 17 is no text; wanted is a list like'),
    (lambda: RegexFilter(regular_expressions=None),
     'regular_expressions: None is no list of texts'),
    (lambda: NameWhitelistProcessor('order'),
     "whitelist: 'order' is no list of texts; wanted is one like ['order.placed']"),
    (lambda: NameWhitelistProcessor({'order': True}),
     "whitelist: {'order': True} is no list of texts"),
    (lambda: NameWhitelistProcessor([b'order']), "whitelist: b'order' is no text"),
])
def test_options_that_are_refused(make, message):
    with pytest.raises(ConfigurationError, match=f'^{re.escape(message)}'):
        make()


@given(event=odd_events)
def test_any_event_is_let_through_unchanged_or_dropped(event):
    for processor in (RegexFilter('allowlist', ['order']),
                      RegexFilter('blocklist', ['order']),
                      NameWhitelistProcessor(['order.placed'])):
        try:
            assert processor(event) is event
        except EventEmissionExit as reason:
            assert repr(event.get('name')) in str(reason)


def test_contracts():
    for processor in (RegexFilter(), NameWhitelistProcessor([])):
        verifyClass(IProcessor, type(processor))
        verifyObject(IProcessor, processor)
