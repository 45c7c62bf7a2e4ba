"""Samples: a share that is right, and the same everywhere."""

import math
import re
import subprocess
import sys
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zope.interface.verify import verifyClass, verifyObject

from trackstore.events import tracker_from
from trackstore.events.event import Event
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.interfaces import IProcessor
from trackstore.events.processors.exceptions import EventEmissionExit
from trackstore.events.processors.sample import Sample, position
from trackstore.tests.odd_events import odd_events
from trackstore.tests.waiting import LONG


def keeps(sample, event):
    try:
        assert sample(event) is event
    except EventEmissionExit:
        return False
    return True


def session(key, **context):
    return Event(name='x', data={}, context={'session_id': key, **context})


@pytest.mark.parametrize('share', [0.01, 0.1, 0.5, 0.9])
def test_the_share_is_right(share):
    sample, count = Sample(share), 20_000
    for keys in (range(count), map('session-{}'.format, range(count)),
                 (str(uuid.UUID(int=n)) for n in range(count))):
        kept = sum(keeps(sample, session(key)) for key in keys)
        # five standard deviations: the keys are the same in each run
        assert abs(kept - share * count) < 5 * math.sqrt(count * share * (1 - share))
    kept = sum(keeps(sample, Event(name='x')) for _ in range(count))
    assert abs(kept - share * count) < 6 * math.sqrt(count * share * (1 - share))


def test_all_and_nothing():
    for key in range(1000):
        assert keeps(Sample(1), session(key)) and not keeps(Sample(0), session(key))


def test_where_the_share_ends(monkeypatch):
    for share, first in ((0, 0), (0.5, 2 ** 63), (1, 2 ** 64)):
        for place in (first - 1, first):
            monkeypatch.setattr('trackstore.events.processors.sample.position',
                                lambda key, place=place: place)
            assert keeps(Sample(share), session('s')) == (place < first)


@given(key=st.one_of(st.text(min_size=1), st.integers()), share=st.floats(0, 1),
       smaller=st.floats(0, 1))
def test_a_key_is_kept_or_dropped_always(key, share, smaller):
    kept = keeps(Sample(share), session(key))
    assert kept == keeps(Sample(share), session(key, user='ann'))
    if smaller < share and keeps(Sample(smaller), session(key)):
        assert kept


def test_which_keys_are_kept_is_the_same_in_every_process():
    code = ('from trackstore.events.processors.sample import position\n'
            'print([position(key) for key in ("ann", 17, "", ("a", 1))])')
    positions = [position(key) for key in ('ann', 17, '', ('a', 1))]
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True,
                          timeout=LONG, check=True)
    assert done.stdout.strip() == str(positions)
    # what is in use must not change with a release either
    assert positions[:2] == [10176691957563388837, 2322042198017538996]


def positions_of(event, monkeypatch):
    seen = []
    monkeypatch.setattr('trackstore.events.processors.sample.position',
                        lambda key: seen.append(key) or 0)
    Sample(0.5)(event)
    return seen[0]


@pytest.mark.parametrize('context, key', [
    ({'session_id': 's', 'session': 't', 'user_id': 'u', 'user': 'v'}, 's'),
    ({'session': 't', 'user_id': 'u', 'user': 'v'}, 't'),
    ({'user_id': 'u', 'user': 'v'}, 'u'),
    ({'user': 'v'}, 'v'),
    ({'session_id': None, 'session': '', 'user_id': 0}, 0),
    ({'session_id': ''}, 'id'),
    (None, 'id'),
    ('s', 'id'),
])
def test_what_the_key_is(context, key, monkeypatch):
    event = Event(name='x', context=context)
    assert positions_of(event, monkeypatch) == (event.id if key == 'id' else key)


def test_an_event_is_known_by_its_id():
    events = [Event(name='x') for _ in range(100)]
    kept = [keeps(Sample(0.5), event) for event in events]
    assert kept == [keeps(Sample(0.5), event.copy()) for event in events]
    assert True in kept and False in kept


def test_another_key():
    kept = {order: keeps(Sample(0.5, key='data.order'), Event(data={'order': order}))
            for order in range(50)}
    assert set(kept.values()) == {True, False}
    either = Sample(0.5, key=['data.nothing', 'data.order'])
    for order, was in kept.items():
        assert keeps(either, Event(data={'order': order, 'n': 1})) == was


@pytest.mark.parametrize('context, noted', [
    ({}, 0.5), ({'share': None}, 0.5), ({'share': 0.1}, 0.1), ({'share': 0.7}, 0.5),
    ({'share': 0}, 0), ({'share': 'much'}, 0.5), ({'share': True}, 0.5),
    ({'share': math.nan}, 0.5),
])
def test_the_share_is_noted(context, noted, monkeypatch):
    monkeypatch.setattr('trackstore.events.processors.sample.position', lambda key: 0)
    event = Sample(0.5, note='context.share')(Event(name='x', context=context))
    assert event == {'name': 'x', 'context': {'share': noted}}


def test_a_note_where_no_context_is(monkeypatch):
    monkeypatch.setattr('trackstore.events.processors.sample.position', lambda key: 0)
    assert Sample(0.5, note='context.share')(Event()) == {'context': {'share': 0.5}}
    assert Sample(0.5, note='a.b')(Event(a=1)) == {'a': 1, 'a.b': 0.5}
    assert Sample(0.5)(Event()) == {}


@given(event=odd_events, share=st.floats(0, 1))
def test_any_event_is_kept_or_dropped(event, share):
    sample = Sample(share, note='context.share')
    assert keeps(sample, event.copy()) == keeps(sample, event.copy())


def test_in_a_configuration():
    tracker = tracker_from({
        'backends': {'memory': {
            'ENGINE': 'trackstore.events.backends.memory.MemoryBackend'}},
        'processors': [{'ENGINE': 'trackstore.events.processors.sample.Sample',
                        'OPTIONS': {'share': 0.25, 'key': ['data.order'],
                                    'note': 'context.share'}}]})
    for order in range(40):
        tracker.emit('x', {'order': order})
        tracker.emit('y', {'order': order})
    events = tracker.get_backend('memory').events
    assert [(event['name'], event['context']) for event in events] == [
        ('x', {'share': 0.25}), ('y', {'share': 0.25})] * (len(events) // 2)
    assert 0 < len(events) < 80


@pytest.mark.parametrize('options, message', [
    ({'share': 2}, 'share: 2 is no share; allowed are numbers from 0 to 1'),
    ({'share': -0.1}, 'share: -0.1 is no share'),
    ({'share': True}, 'share: True is no share'),
    ({'share': '0.1'}, "share: '0.1' is no share"),
    ({'share': math.nan}, 'share: nan is no share'),
    ({'share': 0.1, 'key': 17}, 'key: 17 is no path of a field'),
    ({'share': 0.1, 'note': 'a.*'}, "note: 'a.*' has an asterisk; wanted is the path"),
])
def test_options_that_are_refused(options, message):
    with pytest.raises(ConfigurationError, match=f'^{re.escape(message)}'):
        Sample(**options)


def test_contracts():
    verifyClass(IProcessor, Sample)
    verifyObject(IProcessor, Sample(1))
