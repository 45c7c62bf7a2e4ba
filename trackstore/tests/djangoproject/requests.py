"""The context of requests; run by ``test_django``."""

import re
import uuid

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext

from trackstore.django.middleware import RequestContextMiddleware
from trackstore.django.requestparts import LONGEST, PARTS
from trackstore.events import emit, get_tracker
from trackstore.tests.djangoproject import views

HEADERS = {'HTTP_USER_AGENT': 'Firefox', 'HTTP_ACCEPT_LANGUAGE': 'de',
           'HTTP_REFERER': 'https://example.com/reset?token=17#top'}


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def context_of(events):
    event, = events
    return event['context']


def test_all_parts(ann, events):
    client = signed_in(ann)
    response = client.post('/plain?secret=17', REMOTE_ADDR='192.0.2.7', **HEADERS)
    context = context_of(events)
    assert list(context) == list(PARTS)
    assert context.pop('request_id') == response['X-Request-ID']
    assert len(context.pop('session_id')) == 32
    assert context == {
        'user_id': ann.pk, 'username': 'ann', 'path': '/plain', 'method': 'POST',
        'agent': 'Firefox', 'address': '192.0.2.7',
        'referrer': 'https://example.com/reset', 'language': 'de'}


def test_what_a_request_does_not_have_is_none(events):
    Client().get('/plain', REMOTE_ADDR='')
    context = context_of(events)
    assert {key for key, value in context.items() if value is None} == {
        'user_id', 'username', 'session_id', 'agent', 'address', 'referrer'}


def test_nothing_is_asked_for_where_nothing_is_emitted(ann, events):
    client = signed_in(ann)
    with CaptureQueriesContext(connection) as queries:
        response = client.get('/quiet')
    assert not queries.captured_queries
    assert 'Cookie' not in response.get('Vary', '')


def test_the_user_is_asked_for_once(ann, events):
    client = signed_in(ann)
    with CaptureQueriesContext(connection) as queries:
        client.get('/pieces').getvalue()
    assert len(events) == 3
    assert len(queries) == 2  # the session, the user


def test_an_event_does_not_make_the_answer_one_for_this_session_alone(ann, events):
    response = signed_in(ann).get('/plain')
    assert context_of(events)['user_id'] == ann.pk
    assert 'Cookie' not in response.get('Vary', '')


def test_the_key_of_the_session_stays_secret(ann, events):
    client = signed_in(ann)
    client.get('/plain')
    client.get('/plain')
    first, second = [event['context']['session_id'] for event in events]
    assert first == second and re.fullmatch('[0-9a-f]{32}', first)
    assert client.session.session_key not in repr(events)


@pytest.mark.parametrize('settings', [
    {'SECRET_KEY': 'another'}, {'TRACKSTORE_HASH_KEY': 'another'}])
def test_the_hash_depends_on_a_secret(ann, events, settings):
    client = signed_in(ann)
    client.get('/plain')
    with override_settings(**settings):
        again = Client()
        again.cookies = client.cookies
        again.get('/plain')
    first, second = [event['context']['session_id'] for event in events]
    assert first != second and second is not None


def test_two_sessions_are_told_apart(ann, events):
    signed_in(ann).get('/plain')
    signed_in(ann).get('/plain')
    first, second = [event['context']['session_id'] for event in events]
    assert first != second


@override_settings(SESSION_ENGINE='django.contrib.sessions.backends.signed_cookies')
def test_sessions_in_cookies_have_no_id(ann, events):
    signed_in(ann).get('/plain')
    context = context_of(events)
    assert (context['user_id'], context['session_id']) == (ann.pk, None)


def test_a_cookie_of_no_session(events):
    client = Client()
    client.cookies['sessionid'] = 'x' * 32
    client.get('/plain')
    assert context_of(events)['user_id'] is None


def test_signing_in_while_the_request_is_answered(ann, events):
    Client().get('/login')
    before, after = [event['context'] for event in events]
    assert (before['user_id'], before['session_id']) == (None, None)
    assert after['user_id'] == ann.pk and after['session_id'] is not None


def test_long_and_broken_texts_are_cut_and_mended(events):
    Client().get('/plain', HTTP_USER_AGENT='x' * 9_000, HTTP_REFERER='http://[\ud800')
    context = context_of(events)
    assert len(context['agent']) == LONGEST
    assert context['agent'].endswith('(9000 characters)')
    assert context['referrer'] is None


@pytest.mark.parametrize('given, found', [
    ('https://ann:secret@example.com:8/a?b', 'https://example.com:8/a'),
    ('#top', None), ('?token=17', None), ('/a?b@c', '/a')])
def test_a_referrer_has_nothing_secret(events, given, found):
    Client().get('/plain', HTTP_REFERER=given)
    assert context_of(events)['referrer'] == found


@pytest.mark.parametrize('given', ['a-1', 'Root=1-5f;x'[:6], str(uuid.UUID(int=7))])
def test_a_request_id_is_taken(events, given):
    response = Client().get('/plain', HTTP_X_REQUEST_ID=given)
    assert response['X-Request-ID'] == context_of(events)['request_id'] == given


@pytest.mark.parametrize('given', ['', 'a b', 'a\nb', 'x' * 129, 'é', '<script>'])
def test_a_request_id_of_another_form_is_not_taken(events, given):
    response = Client().get('/plain', HTTP_X_REQUEST_ID=given)
    assert re.fullmatch('[0-9a-f]{32}', response['X-Request-ID'])
    assert context_of(events)['request_id'] == response['X-Request-ID']


def test_each_request_has_an_id_of_its_own(events):
    client = Client()
    assert client.get('/quiet')['X-Request-ID'] != client.get('/quiet')['X-Request-ID']


def test_another_header_and_none(events):
    with override_settings(TRACKSTORE_REQUEST_ID_HEADER='X-Trace'):
        response = Client().get('/plain', HTTP_X_TRACE='t1', HTTP_X_REQUEST_ID='r1')
    assert response['X-Trace'] == 't1' and 'X-Request-ID' not in response
    with override_settings(TRACKSTORE_REQUEST_ID_HEADER=None):
        response = Client().get('/plain', HTTP_X_REQUEST_ID='r1')
    assert 'X-Request-ID' not in response
    first, second = [event['context']['request_id'] for event in events]
    assert first == 't1' and second not in ('r1', 't1')


def test_a_header_that_the_view_has_set_stays():
    def answer(request):
        return HttpResponse(headers={'X-Request-ID': 'mine'})
    response = RequestContextMiddleware(answer)(RequestFactory().get('/'))
    assert response['X-Request-ID'] == 'mine'


def tenant(request):
    return request.GET['tenant']


def test_parts_that_are_chosen(events):
    with override_settings(TRACKSTORE_REQUEST_CONTEXT=['path', 'method']):
        Client().get('/plain')
    with override_settings(TRACKSTORE_REQUEST_CONTEXT={
            'ip': 'address', 'tenant': f'{__name__}.tenant'}):
        Client().get('/plain?tenant=acme')
    assert [event['context'] for event in events] == [
        {'path': '/plain', 'method': 'GET'}, {'ip': '127.0.0.1', 'tenant': 'acme'}]


def test_a_part_that_fails_is_none_and_logged(events, each_logged):
    with override_settings(TRACKSTORE_REQUEST_CONTEXT={
            'path': 'path', 'tenant': f'{__name__}.tenant'}):
        Client().get('/plain')
    assert context_of(events) == {'path': '/plain', 'tenant': None}
    assert 'tenant of a request could not be read' in each_logged.text


def test_a_database_that_fails_loses_the_user_alone(
        ann, events, monkeypatch, each_logged):
    client = signed_in(ann)
    monkeypatch.setattr(User._default_manager, 'get_queryset', lambda: 1 / 0)
    client.get('/plain')
    context = context_of(events)
    assert (context['user_id'], context['path']) == (None, '/plain')
    assert 'user_id of a request could not be read' in each_logged.text


def test_loading_the_user_may_emit_an_event_itself(ann, events, monkeypatch):
    from django.contrib.auth.backends import ModelBackend
    load = ModelBackend.get_user

    def get_user(self, user_id):
        emit('loading')
        return load(self, user_id)

    monkeypatch.setattr(ModelBackend, 'get_user', get_user)
    signed_in(ann).get('/plain')
    loading, plain = events
    assert (loading['name'], loading['context']['user_id']) == ('loading', None)
    assert (plain['name'], plain['context']['user_id']) == ('plain', ann.pk)


# when it is left

def test_it_is_left_when_the_request_is_answered(events):
    Client().get('/plain')
    assert get_tracker().resolve_context() == {}
    emit('outside')
    assert events[-1]['context'] == {}


def test_it_is_left_after_an_exception(events):
    with pytest.raises(LookupError):
        Client().get('/failing')
    Client(raise_request_exception=False).get('/failing')
    assert [event['context']['path'] for event in events] == ['/failing'] * 2
    assert dict(get_tracker().located_context) == {}


@pytest.mark.parametrize('error', [SystemExit, LookupError])
def test_it_is_left_after_an_exception_that_passes_through(error):
    def answer(request):
        raise error
    with pytest.raises(error):
        RequestContextMiddleware(answer)(RequestFactory().get('/'))
    assert dict(get_tracker().located_context) == {}


def test_it_holds_while_pieces_are_made_and_not_between(events):
    response = Client().get('/pieces')
    contexts = []
    for _ in response:
        contexts.append(get_tracker().resolve_context())
    assert contexts == [{}] * 3
    assert [event['context']['path'] for event in events] == ['/pieces'] * 3
    assert {event['context']['request_id'] for event in events} == {
        response['X-Request-ID']}


def test_it_holds_at_the_end_of_a_response_that_is_not_read(events):
    response = Client().get('/unfinished')
    next(iter(response))
    response.close()
    assert [(event['name'], event['context']['path']) for event in events] == [
        ('closed', '/unfinished')]
    assert dict(get_tracker().located_context) == {}


def test_a_file_is_left_to_the_server():
    response = RequestContextMiddleware(views.file)(RequestFactory().get('/'))
    assert response.file_to_stream is not None
    assert response.getvalue() == b'content'
    response.close()


def test_a_request_within_a_request(events):
    def answer(request):
        Client().get('/plain')
        emit('outer')
        return HttpResponse()
    RequestContextMiddleware(answer)(RequestFactory().get('/outer'))
    assert [event['context']['path'] for event in events] == ['/plain', '/outer']
    assert dict(get_tracker().located_context) == {}


def test_contexts_within_the_request_count_more(events):
    def answer(request):
        with get_tracker().context({'path': 'mine'}):
            emit('inner')
        return HttpResponse()
    RequestContextMiddleware(answer)(RequestFactory().get('/outer'))
    assert context_of(events)['path'] == 'mine'


def test_no_session_is_made(events):
    Client().get('/plain')
    assert not Session.objects.exists()
