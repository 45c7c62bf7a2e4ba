"""Statements of xAPI against the rules of the standard, and read by a package."""

import datetime
import json
import uuid

import pytest
import tincan
from hypothesis import given
from hypothesis import strategies as st

from trackstore.events.event import Event
from trackstore.events.processors.exceptions import EventRefused
from trackstore.events.transformers.statement import StatementError, uuid_of
from trackstore.events.transformers.xapi import XAPIProcessor
from trackstore.events.transformers.xapirules import check_statement
from trackstore.tests.odd_events import odd

NOON = datetime.datetime(2026, 11, 21, 12, tzinfo=datetime.timezone.utc)
ANN = {'mbox': 'mailto:ann@example.org'}
TEA = {'id': 'https://example.org/tea'}
BOUGHT = {'id': 'https://example.org/verbs/bought', 'display': {'en-GB': 'bought'}}
PLAIN = {'actor': ANN, 'verb': BOUGHT, 'object': TEA}
SOME_ID = 'b9c4a3f2-6f1f-5a50-9f0c-0d5f0e4f6a11'


def made_of(said, actor=None, **event):
    event = Event(**{'name': 'x', 'timestamp': NOON, **event})
    return XAPIProcessor({'*': lambda event: said}, actor)(event), event


def read(statement):
    """Return a statement as a package for xAPI reads it."""
    return tincan.Statement.from_json(json.dumps(statement))


def test_what_a_transformer_says_is_completed():
    statement, event = made_of(PLAIN)
    assert statement == {**PLAIN, 'id': str(uuid_of(event.id)),
                         'timestamp': '2026-11-21T12:00:00Z'}
    assert list(statement) == ['id', 'actor', 'verb', 'object', 'timestamp']
    theirs = read(statement)
    assert theirs.id == uuid.UUID(statement['id']) and theirs.timestamp == NOON
    assert theirs.actor.mbox == ANN['mbox'] and theirs.object.id == TEA['id']
    assert theirs.verb.display['en-GB'] == 'bought'


def test_what_it_says_itself_stays():
    statement, _ = made_of({**PLAIN, 'id': SOME_ID, 'timestamp': '2026-11-20T12:00Z'})
    assert (statement['id'], statement['timestamp']) == (SOME_ID, '2026-11-20T12:00Z')


def test_without_a_time_stamp_the_receiver_takes_its_own():
    assert 'timestamp' not in made_of(PLAIN, timestamp='noon')[0]


def test_the_actor_that_all_have():
    def actor(event):
        return {'account': {'homePage': 'https://example.org',
                            'name': event['context']['user_id']}}

    said = {'verb': BOUGHT, 'object': TEA}
    for context in ({'user_id': 'ann'}, {'user_id': uuid.UUID(int=7)}):
        statement, _ = made_of(said, actor, context=context)
        assert statement['actor']['account']['name'] == str(context['user_id'])
        assert read(statement).actor.account.home_page == 'https://example.org'
    assert made_of(PLAIN, actor)[0]['actor'] == ANN


def test_none_is_left_out_but_in_extensions():
    extensions = {'https://example.org/rebate': None}
    statement, _ = made_of({
        **PLAIN, 'result': {'success': None, 'extensions': extensions},
        'context': None, 'object': {**TEA, 'definition': {'type': None}}})
    assert statement['result'] == {'extensions': extensions}
    assert statement['object'] == {**TEA, 'definition': {}}
    assert 'context' not in statement


def test_values_become_safe_for_json():
    at = datetime.datetime(2026, 11, 21, 13,
                           tzinfo=datetime.timezone(datetime.timedelta(hours=1)))
    statement, _ = made_of({
        **PLAIN, 'id': uuid.UUID(SOME_ID), 'timestamp': at, 'result': {
            'extensions': {'https://example.org/x': {1: {'a', 'b'}}}}})
    assert statement['id'] == SOME_ID
    assert statement['timestamp'] == '2026-11-21T12:00:00+00:00'
    assert statement['result']['extensions'] == {
        'https://example.org/x': {'1': ['a', 'b']}}


FULL = {
    **PLAIN,
    'object': {**TEA, 'objectType': 'Activity', 'definition': {
        'name': {'en': 'Tea', 'zh-Hant-TW': '茶'}, 'description': {'en': 'Green'},
        'type': 'http://adlnet.gov/expapi/activities/cmi.interaction',
        'moreInfo': 'https://example.org/tea/more', 'interactionType': 'choice',
        'correctResponsesPattern': ['green'],
        'choices': [{'id': 'green', 'description': {'en': 'Green'}}],
        'extensions': {'https://example.org/x': None}}},
    'result': {'score': {'scaled': 0.5, 'raw': 5, 'min': 0, 'max': 10}, 'success': True,
               'completion': False, 'response': 'green', 'duration': 'PT4M30.5S',
               'extensions': {'https://example.org/x': [1]}},
    'context': {
        'registration': SOME_ID, 'instructor': ANN,
        'team': {'objectType': 'Group', 'member': [ANN], 'name': 'team'},
        'contextActivities': {'parent': [TEA], 'grouping': [TEA, TEA], 'other': TEA},
        'revision': '2', 'platform': 'shop', 'language': 'en-GB',
        'statement': {'objectType': 'StatementRef', 'id': SOME_ID},
        'extensions': {'https://example.org/x': {'a': None}}},
    'authority': ANN, 'version': '1.0.3', 'stored': '2026-11-21T12:00:00.000Z',
    'attachments': [{'usageType': 'https://example.org/receipt',
                     'display': {'en': 'Receipt'}, 'contentType': 'text/plain',
                     'length': 7, 'sha2': '0' * 64}],
}


def test_a_full_statement():
    statement, _ = made_of(FULL)
    assert {key: statement[key] for key in FULL} == FULL
    theirs = read(statement)
    assert theirs.result.score.scaled == 0.5
    assert theirs.result.duration == datetime.timedelta(minutes=4, seconds=30.5)
    assert theirs.context.context_activities.grouping[1].id == TEA['id']


def asks(**definition):
    return {'object': {**TEA, 'definition': definition}}


@pytest.mark.parametrize('changes', [
    asks(interactionType='likert', scale=[{'id': '1'}, {'id': '2'}]),
    {'actor': {'objectType': 'Agent', 'name': 'Ann', 'mbox_sha1sum': 'a1' * 20}},
    {'actor': {'openid': 'https://ann.example.org/'}},
    {'actor': {'objectType': 'Group', 'mbox': 'mailto:team@example.org'}},
    {'actor': {'objectType': 'Group', 'member': [ANN, {'objectType': 'Agent', **ANN}]}},
    {'object': {'objectType': 'Agent', **ANN}},
    {'object': {'objectType': 'Group', 'member': [ANN]}},
    {'object': {'objectType': 'StatementRef', 'id': SOME_ID},
     'verb': {'id': 'http://adlnet.gov/expapi/verbs/voided'}},
    {'object': {'objectType': 'SubStatement', **PLAIN}},
    {'verb': {'id': 'urn:x:bought'}},
    {'result': {'duration': 'P1Y2M3DT4H'}}, {'result': {'duration': 'P4W'}},
    {'result': {'score': {'min': -5, 'raw': -1.5}}},
    {'context': {'instructor': {'objectType': 'Group', 'member': []}}},
])
def test_what_the_standard_allows(changes):
    statement, _ = made_of({**PLAIN, **changes})
    read(statement)


@pytest.mark.parametrize('changes, message', [
    ({'actor': None}, 'actor: it is not given, and is required'),
    ({'verb': None}, 'verb: it is not given'), ({'object': None}, 'object: it is not'),
    ({'what': 1},
     "statement: 'what' is not allowed there; allowed are id, actor, verb"),
    ({'id': 'x'}, "id: 'x' is not a UUID"),
    ({'id': '{' + SOME_ID + '}'}, 'id: .* is not a UUID'),
    ({'actor': 'ann'}, "actor: 'ann' is not a mapping"),
    ({'actor': {}},
     'actor: {} is not an agent, which has exactly one of mbox, mbox_sha'),
    ({'actor': {**ANN, 'openid': 'https://example.org'}}, 'actor: .* exactly one of'),
    ({'actor': {**ANN, 'objectType': 'Person'}},
     "actor.objectType: 'Person' is not Agent or Group"),
    ({'actor': {**ANN, 'objectType': ['Agent']}},
     'actor.objectType: .* is not Agent or'),
    ({'actor': {**ANN, 'email': 1}}, "actor: 'email' is not allowed there"),
    ({'actor': {**ANN, 'member': []}}, "actor: 'member' is not allowed there"),
    ({'actor': {**ANN, 'name': 17}}, 'actor.name: 17 is not a text'),
    ({'actor': {'mbox': 'ann@example.org'}}, "actor.mbox: 'ann@example.org' is not an"),
    ({'actor': {'mbox_sha1sum': 'a1'}}, "actor.mbox_sha1sum: 'a1' is not a SHA-1"),
    ({'actor': {'openid': 'ann'}}, "actor.openid: 'ann' is not an IRI"),
    ({'actor': {'account': {'name': 'ann'}}},
     'actor.account.homePage: it is not given'),
    ({'actor': {'account': {'homePage': 'https://example.org', 'name': 17}}},
     'actor.account.name: 17 is not a text'),
    ({'actor': {'objectType': 'Group'}}, 'actor: .* is not a group, which has one of'),
    ({'actor': {'objectType': 'Group', 'member': ANN}},
     'actor.member: .* is not a list'),
    ({'actor': {'objectType': 'Group', 'member': [
        {'objectType': 'Group', 'member': []}]}}, 'actor.member: .* is not an agent'),
    ({'verb': 'https://example.org/bought'}, 'verb: .* is not a mapping'),
    ({'verb': {'id': 'bought'}}, "verb.id: 'bought' is not an IRI like"),
    ({'verb': {'id': 'https://example.org/a b'}}, 'verb.id: .* is not an IRI'),
    ({'verb': {**BOUGHT, 'display': 'bought'}},
     'verb.display: .* is not a mapping of l'),
    ({'verb': {**BOUGHT, 'display': {'in English': 'x'}}},
     "verb.display: 'in English' is not a language like 'en-GB'"),
    ({'verb': {**BOUGHT, 'display': {'en': 1}}}, 'verb.display.en: 1 is not a text'),
    ({'object': []}, r'object: \[\] is not a mapping'),
    ({'object': {}}, 'object.id: it is not given'),
    ({'object': {'id': 'tea'}}, "object.id: 'tea' is not an IRI"),
    ({'object': {**TEA, 'objectType': 'Thing'}},
     "object.objectType: 'Thing' is not Act"),
    ({'object': {**TEA, 'objectType': {}}}, 'object.objectType: {} is not Activity'),
    ({'object': {**TEA, 'definition': {'title': {}}}},
     "object.definition: 'title' is not allowed there"),
    ({'object': {**TEA, 'definition': {'type': 'tea'}}},
     'object.definition.type: .* IRI'),
    ({'object': {**TEA, 'definition': {'interactionType': 'tea'}}},
     "object.definition.interactionType: 'tea' is not one of true-false, choice"),
    (asks(choices=[{'id': 'a'}]),
     'object.definition.interactionType: None is not one of true-false, choice'),
    (asks(interactionType='other', choices='a'),
     "object.definition.choices: 'a' is not a list"),
    (asks(interactionType='other', steps=[{}]),
     'object.definition.steps.id: it is not given'),
    (asks(interactionType='choice', choices=[{'id': 'a'}, {'id': 'a'}]),
     'object.definition.choices: .* is not a list of parts that differ in their ids'),
    (asks(interactionType='choice', correctResponsesPattern='a'),
     "object.definition.correctResponsesPattern: 'a' is not a list"),
    (asks(interactionType='choice', correctResponsesPattern=[1]),
     'object.definition.correctResponsesPattern: 1 is not a text'),
    ({'object': {'objectType': 'StatementRef', 'id': 'x'}},
     "object.id: 'x' is not a UU"),
    ({'object': {'objectType': 'SubStatement', **PLAIN, 'id': SOME_ID}},
     "object: 'id' is not allowed there"),
    ({'object': {'objectType': 'SubStatement', **PLAIN,
                 'object': {'objectType': 'SubStatement', **PLAIN}}},
     "object.objectType: 'SubStatement' is not Activity"),
    ({'object': {'objectType': 'SubStatement', 'actor': ANN}},
     'object.verb: it is not given'),
    ({'verb': {'id': 'http://adlnet.gov/expapi/verbs/voided'}},
     'object: .* is not a StatementRef, as the verb voids a statement'),
    ({'result': {'score': 1}}, 'result.score: 1 is not a mapping'),
    ({'result': {'score': {'scaled': 1.1}}},
     'result.score.scaled: 1.1 is not from -1 to'),
    ({'result': {'score': {'raw': 11, 'max': 10}}}, 'result.score: .* is not in order'),
    ({'result': {'score': {'raw': True}}}, 'result.score.raw: True is not a number'),
    ({'result': {'success': 1}}, 'result.success: 1 is not True or False'),
    ({'result': {'duration': '5 min'}},
     "result.duration: '5 min' is not a duration like"),
    ({'result': {'duration': 'P'}}, "result.duration: 'P' is not a duration"),
    ({'result': {'duration': 'P1DT'}}, "result.duration: 'P1DT' is not a duration"),
    ({'result': {'extensions': {'x': 1}}}, "result.extensions: 'x' is not an IRI"),
    ({'result': {'grade': 1}}, "result: 'grade' is not allowed there"),
    ({'context': {'registration': 17}}, 'context.registration: 17 is not a UUID'),
    ({'context': {'team': ANN}}, 'context.team: .* is not a group'),
    ({'context': {'contextActivities': {'child': TEA}}},
     "context.contextActivities: 'child' is not allowed there"),
    ({'context': {'contextActivities': {'parent': [17]}}},
     'context.contextActivities.parent: 17 is not a mapping'),
    ({'context': {'language': 'English!'}},
     "context.language: 'English!' is not a lang"),
    ({'context': {'statement': {'id': SOME_ID}}},
     'context.statement.objectType: it is'),
    ({'context': {'platform': 'shop'}, 'object': {'objectType': 'Agent', **ANN}},
     "context.platform: 'shop' is not allowed where the object is no Activity"),
    ({'timestamp': 'noon'}, "timestamp: 'noon' is not a time like"),
    ({'timestamp': '2026-02-30T12:00:00Z'}, "timestamp: '2026-02-30T12:00:00Z' is not"),
    ({'timestamp': '2026-02-03T24:00:00Z'}, "timestamp: '2026-02-03T24:00:00Z' is not"),
    ({'timestamp': '2026-02-03T12:00-00:00'}, "timestamp: '2026-02-03T12:00-00:00' is"),
    ({'authority': {'objectType': 'Group', 'member': [ANN] * 3}},
     'authority.member: .* is not a list of two agents'),
    ({'version': '2.0'}, "version: '2.0' is not a version like '1.0.3'"),
    ({'version': '1.0'}, "version: '1.0' is not a version like '1.0.3'"),
    ({'attachments': [{**FULL['attachments'][0], 'length': 7.5}]},
     'attachments.length: 7.5 is not a number of bytes'),
    ({'attachments': {}}, 'attachments: {} is not a list'),
    ({'attachments': [{}]}, 'attachments.usageType: it is not given'),
])
def test_what_the_standard_refuses(changes, message):
    with pytest.raises(EventRefused, match=(
            f'^it makes no statement of xAPI: {message}')):
        made_of({**PLAIN, **changes})


parts = st.one_of(odd, st.sampled_from([ANN, TEA, BOUGHT, PLAIN, FULL, *FULL.values()]))
said = st.dictionaries(st.sampled_from(list(FULL)), parts, max_size=4).map(
    lambda some: {**PLAIN, **some})


@given(said=said)
def test_whatever_a_transformer_says_is_a_statement_or_dropped(said):
    try:
        statement, _ = made_of(said)
    except EventRefused:
        return
    check_statement(statement)
    read(statement)


def test_a_statement_can_be_checked_alone():
    check_statement(PLAIN)
    with pytest.raises(StatementError, match='^statement: 17 is not a mapping$'):
        check_statement(17)
    check_statement({
        **PLAIN, 'authority': {'objectType': 'Group', 'member': [ANN, ANN]}})
