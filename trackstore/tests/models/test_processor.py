"""Objects in events are replaced by their values."""

import pytest
from BTrees.OOBTree import OOBTree
from persistent.mapping import PersistentMapping

from trackstore.events.configuration import tracker_from
from trackstore.models import ModelValues, TrackingMap, register_map
from trackstore.models.exceptions import ClashError, MapError, UnknownClassError
from trackstore.testing import capture_events
from trackstore.tests.models.accounts import Account, Other, Stranger


def process(data, **options):
    entries = {'Account': {'attributes': ['id'], 'key': 'id'}}
    processor = ModelValues(TrackingMap(entries, **options))
    return processor({'name': 'x', 'timestamp': 1, 'data': data, 'context': {}})['data']


def test_objects_in_an_event_are_replaced():
    assert process({'a': 1, 'account': Account(7), 'text': 'b'}) == {
        'a': 1, 'text': 'b', 'Account_id': 7}
    assert process({'buyer': Account(7), 'seller': Account(8)},
                   roles=['buyer', 'seller']) == {
        'buyer_Account_id': 7, 'seller_Account_id': 8}
    nested = {'in': {'list': [Account(7), (1, [Other(8)])], 'x': Account(9)}}
    assert process(nested) == {
        'in': {'list': [{'Account_id': 7}, [1, [{'Account_id': 8}]]], 'Account_id': 9}}
    assert process(Account(7)) == {'Account_id': 7}


def test_an_event_without_objects_is_the_same():
    processor = ModelValues(TrackingMap({}), parts=['data', 'context'])
    event = {'name': 'x', 'data': {'a': [1, (2, {'b': None})], 3: object()},
             'context': None}
    assert processor(event) is event


def test_an_event_that_is_given_stays_as_it_is():
    inner = {'account': Account(7), 'a': 1}
    event = {'name': 'x', 'data': {'inner': inner}, 'context': {'account': Account(8)}}
    processor = ModelValues(TrackingMap({'Account': {'attributes': ['id']}}),
                            parts=['context', 'data'])
    assert processor(event) == {
        'name': 'x', 'data': {'inner': {'a': 1, 'Account_id': 7}},
        'context': {'Account_id': 8}}
    assert list(inner) == ['account', 'a']
    assert list(event['context']) == ['account']


def test_a_cycle_in_an_event_ends():
    data = {'account': Account(7)}
    data['self'] = data
    result = process(data)
    assert result['Account_id'] == result['self']['self']['Account_id'] == 7


@pytest.mark.parametrize(('data', 'error', 'text', 'left'), [
    ({'who': Stranger(), 'a': 1}, UnknownClassError,
     'who: the map lacks the class Stranger; it has Account', {'a': 1}),
    ({'all': [Stranger(), 1]}, UnknownClassError,
     'the map lacks the class Stranger; it has Account', {'all': [1]}),
    (Stranger(), UnknownClassError,
     'the map lacks the class Stranger; it has Account', {}),
    ({'Account_id': 5, 'who': Account(7)}, ClashError,
     'Account_id: the event has a value of this name itself', {'Account_id': 5}),
    ({'one': Account(7), 'two': Account(8)}, ClashError,
     "Account: two objects would have the same names (id 7 and 8); tell them apart by "
     "a role: tracking_values(buyer=..., seller=...), or for a child {'path': ..., "
     "'role': ...}", {'Account_id': 7}),
])
def test_what_is_wrong_in_an_event(data, error, text, left):
    with pytest.raises(error) as caught:
        process(data)
    assert str(caught.value) == text
    reported = []
    assert process(data, missing='report', report=reported.append) == left
    assert [(type(one), str(one)) for one in reported] == [(error, text)]


def test_what_is_no_object_of_a_database_is_left_alone():
    data = {'a': object(), 'b': PersistentMapping(), 'c': OOBTree(), 'd': Account}
    assert process(data) is data


def test_a_processor_uses_the_registered_map():
    processor = ModelValues()
    with pytest.raises(MapError, match='^no tracking map is registered; call '):
        processor({'data': {}})
    register_map(TrackingMap({'Account': {'attributes': ['id']}}))
    try:
        assert processor({'data': {'who': Account(7)}}) == {'data': {'Account_id': 7}}
    finally:
        register_map(None)


@pytest.mark.parametrize(('arguments', 'text'), [
    (({},), 'tracking_map: {} is no tracking map'),
    ((None, 'data'), "parts: 'data' are no parts of an event; allowed is a list of "
                     "data, context"),
    ((None, ['name']), "parts: ['name'] are no parts of an event; allowed is a list "
                       "of data, context"),
])
def test_a_bad_processor(arguments, text):
    with pytest.raises(MapError) as caught:
        ModelValues(*arguments)
    assert str(caught.value) == text


def test_a_tracker_with_the_processor():
    tracker = tracker_from({'processors': [
        {'ENGINE': 'trackstore.models.ModelValues',
         'OPTIONS': {'parts': ['data', 'context']}}]})
    register_map(TrackingMap({'Account': {'attributes': ['id']}}, roles=['buyer']))
    try:
        with (capture_events(tracker) as events,
              tracker.context('request', {'who': Account(7)})):
            tracker.emit('order.placed', {'total': 3, 'buyer': Account(8)})
    finally:
        register_map(None)
    assert [(event['data'], event['context']) for event in events] == [
        ({'total': 3, 'buyer_Account_id': 8}, {'Account_id': 7})]
