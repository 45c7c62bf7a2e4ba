"""What a statement of the Experience API 1.0.3 may have.

Each function takes a part of a statement and the place where it is, which the
``StatementError`` names, and raises that error for what the standard refuses.
"""

import datetime
import re
import uuid

from trackstore.events.transformers.statement import check, is_iri, require

STATEMENT = ('id', 'actor', 'verb', 'object', 'result', 'context', 'timestamp',
             'stored', 'authority', 'version', 'attachments')
SUBSTATEMENT = ('objectType', 'actor', 'verb', 'object', 'result', 'context',
                'timestamp', 'attachments')
IDENTIFIERS = ('mbox', 'mbox_sha1sum', 'openid', 'account')
DEFINITION = ('name', 'description', 'type', 'moreInfo', 'extensions',
              'interactionType', 'correctResponsesPattern', 'choices', 'scale',
              'source', 'target', 'steps')
INTERACTIONS = ('true-false', 'choice', 'fill-in', 'long-fill-in', 'matching',
                'performance', 'sequencing', 'likert', 'numeric', 'other')
COMPONENTS = ('choices', 'scale', 'source', 'target', 'steps')
OF_INTERACTIONS = {'interactionType', 'correctResponsesPattern', *COMPONENTS}
CONTEXT = ('registration', 'instructor', 'team', 'contextActivities', 'revision',
           'platform', 'language', 'statement', 'extensions')
VOIDED = 'http://adlnet.gov/expapi/verbs/voided'

_LANGUAGE = re.compile(r'[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*')
_MAILTO = re.compile(r'mailto:[^@\s]+@[^@\s]+')
_SHA1 = re.compile('[0-9a-fA-F]{40}')
_DURATION = re.compile(
    r'P(?=[0-9T])(\d+(\.\d+)?W|(\d+(\.\d+)?Y)?(\d+(\.\d+)?M)?(\d+(\.\d+)?D)?'
    r'(T(?=\d)(\d+(\.\d+)?H)?(\d+(\.\d+)?M)?(\d+(\.\d+)?S)?)?)')
_TIME = re.compile(
    r'\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)(\.\d+)?)?'
    r'(Z|(?!-00(:?00)?$)[+-]\d\d(:?\d\d)?)?')


def check_statement(value, place='statement', allowed=STATEMENT):
    """Raise a ``StatementError`` for what is no statement; it says where and why."""
    _keys(value, place, allowed, ('actor', 'verb', 'object'))
    _actor(value['actor'], 'actor')
    _verb(value['verb'], 'verb')
    _object(value['object'], 'object', inside=allowed is SUBSTATEMENT)
    if value['verb']['id'] == VOIDED:
        check(value['object'].get('objectType') == 'StatementRef', 'object',
              value['object'], 'a StatementRef, as the verb voids a statement')
    for key, rule in _PARTS.items():
        if key in value:
            rule(value[key], key)
    if value['object'].get('objectType', 'Activity') != 'Activity':
        for key in ('revision', 'platform'):
            given = value.get('context', {}).get(key)
            check(given is None, f'context.{key}', given,
                  'allowed where the object is no Activity')


def _keys(value, place, allowed, required=()):
    check(isinstance(value, dict), place, value, 'a mapping')
    for key in value:
        check(key in allowed, place, key,
              f'allowed there; allowed are {", ".join(allowed)}')
    require(required, value, '' if place == 'statement' else f'{place}.')


def _text(value, place):
    check(isinstance(value, str), place, value, 'a text')


def _iri(value, place):
    check(is_iri(value), place, value, "an IRI like 'https://example.org/verbs/bought'")


def _uuid(value, place):
    try:
        valid = str(uuid.UUID(value)) == value.lower()
    except (ValueError, TypeError, AttributeError):
        valid = False
    check(valid, place, value, 'a UUID')


def _flag(value, place):
    check(isinstance(value, bool), place, value, 'True or False')


def _number(value, place):
    check(isinstance(value, (int, float)) and not isinstance(value, bool), place, value,
          'a number')


def _matching(expression, wanted):
    def rule(value, place):
        check(isinstance(value, str) and expression.fullmatch(value), place, value,
              wanted)
    return rule


def _time(value, place):
    try:
        valid = _TIME.fullmatch(value) and datetime.date.fromisoformat(value[:10])
    except (TypeError, ValueError):
        valid = False
    check(valid, place, value, "a time like '2026-11-21T20:10:00Z'")


def _length(value, place):
    check(type(value) is int and value >= 0, place, value, 'a number of bytes')


_language = _matching(_LANGUAGE, "a language like 'en-GB'")


def _languages(value, place):
    check(isinstance(value, dict), place, value,
          "a mapping of languages to texts, like {'en': 'bought'}")
    for language, text in value.items():
        _language(language, place)
        _text(text, f'{place}.{language}')


def _extensions(value, place):
    check(isinstance(value, dict), place, value, 'a mapping')
    for key in value:
        _iri(key, place)


# actors

def _actor(value, place):
    check(isinstance(value, dict), place, value, 'a mapping')
    kind = value.get('objectType', 'Agent')
    check(kind in ('Agent', 'Group'), f'{place}.objectType', kind, 'Agent or Group')
    _keys(value, place, ('objectType', 'name', *IDENTIFIERS,
                         *(['member'] if kind == 'Group' else [])))
    given = [key for key in IDENTIFIERS if key in value]
    if kind == 'Group':
        check(len(given) == 1 or not given and 'member' in value, place, value,
              f'a group, which has one of {", ".join(IDENTIFIERS)}, or members')
        check(isinstance(value.get('member', []), list), f'{place}.member',
              value.get('member'), 'a list of agents')
        for member in value.get('member', []):
            _agent(member, f'{place}.member')
    else:
        check(len(given) == 1, place, value,
              f'an agent, which has exactly one of {", ".join(IDENTIFIERS)}')
    for key in ('name', *given):
        if key in value:
            _IDENTITY[key](value[key], f'{place}.{key}')


def _agent(value, place):
    check(isinstance(value, dict) and value.get('objectType', 'Agent') == 'Agent',
          place, value, 'an agent')
    _actor(value, place)


def _group(value, place):
    check(isinstance(value, dict) and value.get('objectType') == 'Group', place, value,
          'a group')
    _actor(value, place)


def _authority(value, place):
    _actor(value, place)
    if value.get('objectType') == 'Group':
        check(len(value.get('member', [])) == 2, f'{place}.member',
              value.get('member'), 'a list of two agents, an application and a user')


def _account(value, place):
    _keys(value, place, ('homePage', 'name'), ('homePage', 'name'))
    _iri(value['homePage'], f'{place}.homePage')
    _text(value['name'], f'{place}.name')


_IDENTITY = {
    'name': _text,
    'mbox': _matching(_MAILTO, "an address like 'mailto:ann@example.org'"),
    'mbox_sha1sum': _matching(_SHA1, 'a SHA-1 of 40 digits'),
    'openid': _iri,
    'account': _account,
}


# verbs and objects

def _verb(value, place):
    _keys(value, place, ('id', 'display'), ('id',))
    _iri(value['id'], f'{place}.id')
    if 'display' in value:
        _languages(value['display'], f'{place}.display')


def _object(value, place, inside=False):
    check(isinstance(value, dict), place, value, 'a mapping')
    kind = value.get('objectType', 'Activity')
    check(isinstance(kind, str) and kind in _OBJECTS and not (
        inside and kind == 'SubStatement'), f'{place}.objectType', kind,
        'Activity, Agent, Group, StatementRef, or SubStatement in a statement')
    _OBJECTS[kind](value, place)


def _activity(value, place):
    _keys(value, place, ('objectType', 'id', 'definition'), ('id',))
    check(value.get('objectType', 'Activity') == 'Activity', f'{place}.objectType',
          value.get('objectType'), 'Activity')
    _iri(value['id'], f'{place}.id')
    if 'definition' in value:
        _definition(value['definition'], f'{place}.definition')


def _definition(value, place):
    _keys(value, place, DEFINITION)
    for key, rule in (('name', _languages), ('description', _languages), ('type', _iri),
                      ('moreInfo', _iri), ('extensions', _extensions)):
        if key in value:
            rule(value[key], f'{place}.{key}')
    if not OF_INTERACTIONS.isdisjoint(value):
        check(value.get('interactionType') in INTERACTIONS, f'{place}.interactionType',
              value.get('interactionType'), f'one of {", ".join(INTERACTIONS)}')
    patterns = value.get('correctResponsesPattern', [])
    check(isinstance(patterns, list), f'{place}.correctResponsesPattern', patterns,
          'a list of texts')
    for text in patterns:
        _text(text, f'{place}.correctResponsesPattern')
    for key in COMPONENTS:
        _components(value.get(key, []), f'{place}.{key}')


def _components(value, place):
    check(isinstance(value, list), place, value, 'a list')
    for part in value:
        _keys(part, place, ('id', 'description'), ('id',))
        _text(part['id'], f'{place}.id')
        _languages(part.get('description', {}), f'{place}.description')
    check(len({part['id'] for part in value}) == len(value), place, value,
          'a list of parts that differ in their ids')


def _reference(value, place):
    _keys(value, place, ('objectType', 'id'), ('objectType', 'id'))
    check(value['objectType'] == 'StatementRef', f'{place}.objectType',
          value['objectType'], 'StatementRef')
    _uuid(value['id'], f'{place}.id')


def _substatement(value, place):
    check_statement(value, place, SUBSTATEMENT)


_OBJECTS = {'Activity': _activity, 'Agent': _actor, 'Group': _actor,
            'StatementRef': _reference, 'SubStatement': _substatement}


# results, contexts and the rest

def _result(value, place):
    _keys(value, place, tuple(_RESULT))
    for key, part in value.items():
        _RESULT[key](part, f'{place}.{key}')


def _score(value, place):
    _keys(value, place, ('scaled', 'raw', 'min', 'max'))
    for key, number in value.items():
        _number(number, f'{place}.{key}')
    check(-1 <= value.get('scaled', 0) <= 1, f'{place}.scaled', value.get('scaled'),
          'from -1 to 1')
    known = [value[key] for key in ('min', 'raw', 'max') if key in value]
    check(known == sorted(known), place, value, 'in order: min, raw, max')


_RESULT = {
    'score': _score, 'success': _flag, 'completion': _flag, 'response': _text,
    'duration': _matching(_DURATION, "a duration like 'PT4M30.5S'"),
    'extensions': _extensions,
}


def _context(value, place):
    _keys(value, place, CONTEXT)
    for key, part in value.items():
        _CONTEXT[key](part, f'{place}.{key}')


def _activities(value, place):
    _keys(value, place, ('parent', 'grouping', 'category', 'other'))
    for key, activities in value.items():
        listed = activities if isinstance(activities, list) else [activities]
        for activity in listed:
            _activity(activity, f'{place}.{key}')


_CONTEXT = {
    'registration': _uuid, 'instructor': _actor, 'team': _group,
    'contextActivities': _activities, 'revision': _text, 'platform': _text,
    'language': _language, 'statement': _reference, 'extensions': _extensions,
}


def _attachments(value, place):
    check(isinstance(value, list), place, value, 'a list')
    for part in value:
        _keys(part, place, tuple(_ATTACHMENT), (
            'usageType', 'display', 'contentType', 'length', 'sha2'))
        for key, inner in part.items():
            _ATTACHMENT[key](inner, f'{place}.{key}')


_ATTACHMENT = {'usageType': _iri, 'display': _languages, 'description': _languages,
               'contentType': _text, 'length': _length, 'sha2': _text, 'fileUrl': _iri}

_PARTS = {
    'id': _uuid, 'result': _result, 'context': _context, 'timestamp': _time,
    'stored': _time, 'authority': _authority, 'attachments': _attachments,
    'version': _matching(re.compile(r'1\.0\.\d+'), "a version like '1.0.3'"),
}
