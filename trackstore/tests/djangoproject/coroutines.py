"""Requests that are answered asynchronously; run by ``test_django``."""

import asyncio
import threading

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.core.exceptions import SynchronousOnlyOperation
from django.db import connection
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext

from trackstore.django import requestcontext
from trackstore.django.asgi import delivering
from trackstore.events import emit, get_tracker
from trackstore.tests.djangoproject import views
from trackstore.tests.waiting import LONG


def signed_in(user):
    client = Client()
    client.force_login(user)
    asynchronous = AsyncClient(raise_request_exception=False)
    asynchronous.cookies = client.cookies
    return asynchronous


def users(events):
    return [(event['name'], event['context']['user_id']) for event in events]


async def met(*requests):
    """Return the responses of requests that are answered all at the same time."""
    views.meeting.update(missing=len(requests), all_here=asyncio.Event())
    return await asyncio.wait_for(asyncio.gather(*requests), LONG)


def test_requests_at_the_same_time_have_contexts_of_their_own(ann, events):
    client = signed_in(ann)
    asyncio.run(met(*(
        client.get(f'/waiting?n={n}', headers={'X-Request-ID': f'r{n}'})
        for n in range(5))))
    assert sorted((event['name'], event['data']['n'], event['context']['request_id'])
                  for event in events) == sorted(
        (name, f'{n}', f'r{n}') for n in range(5) for name in ('first', 'second'))
    assert dict(get_tracker().located_context) == {}


def test_the_user_of_a_coroutine_that_has_not_asked_for_it(ann, events):
    asyncio.run(met(signed_in(ann).get('/waiting')))
    assert users(events) == [('first', ann.pk), ('second', ann.pk)]


def test_the_user_of_a_coroutine_that_has_asked_for_it(ann, events, monkeypatch):
    """It is not loaded once more, while the loop stands still."""
    monkeypatch.setattr(requestcontext.RequestContext, '_read_elsewhere', None)
    asyncio.run(signed_in(ann).get('/asking'))
    assert users(events) == [('asked', ann.pk)]


def test_who_signs_in_or_out_in_a_coroutine(ann, events):
    asyncio.run(signed_in(ann).get('/changing'))
    assert users(events) == [('asked', ann.pk), ('out', None), ('in', ann.pk)]


def test_nothing_is_asked_for_where_nothing_is_emitted(ann, events):
    client = signed_in(ann)

    async def quiet():
        return await client.get('/quiet_later')

    with CaptureQueriesContext(connection) as queries:
        response = asyncio.run(quiet())
    assert not queries.captured_queries
    assert 'Cookie' not in response.get('Vary', '')


def test_a_synchronous_view(ann, events):
    client = signed_in(ann)
    response = asyncio.run(client.get('/plain'))
    assert users(events) == [('plain', ann.pk)]
    assert events[0]['context']['request_id'] == response['X-Request-ID']


def test_a_coroutine_that_fails(ann, events):
    client = signed_in(ann)

    async def fail():
        await client.get('/later_failing')
        return dict(get_tracker().located_context)

    assert asyncio.run(fail()) == {}
    assert users(events) == [('failing', ann.pk)]


def test_a_coroutine_under_a_synchronous_server(ann, events):
    client = Client()
    client.force_login(ann)
    client.get('/asking')
    assert users(events) == [('asked', ann.pk)]


def test_pieces_that_a_coroutine_makes(ann, events):
    client = signed_in(ann)

    async def read():
        response = await client.get('/later_pieces')
        between = []
        async for _ in response:
            between.append(get_tracker().resolve_context())
        return response, between

    response, between = asyncio.run(read())
    assert between == [{}] * 3
    assert users(events) == [('piece', ann.pk)] * 3
    assert {event['context']['request_id'] for event in events} == {
        response['X-Request-ID']}


async def served(path, cookie=''):
    """Return what the application sends when a real server asks it."""
    server = ApplicationCommunicator(delivering(get_asgi_application()), {
        'type': 'http', 'asgi': {'version': '3.0'}, 'http_version': '1.1',
        'method': 'GET', 'path': path, 'raw_path': path.encode(), 'query_string': b'',
        'headers': [(b'host', b'testserver'), (b'cookie', cookie.encode())],
        'server': ('testserver', 80), 'client': ('192.0.2.7', 4711), 'scheme': 'http'})
    await server.send_input({'type': 'http.request', 'body': b''})
    start = await server.receive_output(LONG)
    body = b''
    while True:
        message = await server.receive_output(LONG)
        body += message.get('body', b'')
        if not message.get('more_body'):
            break
    await server.wait(LONG)
    return start['status'], body


@pytest.mark.parametrize('path, names', [
    ('/asking', ['asked']), ('/plain', ['plain']), ('/pieces', ['piece'] * 3),
    ('/later_pieces', ['piece'] * 3)])
@pytest.mark.filterwarnings('ignore:StreamingHttpResponse must consume synchronous')
def test_as_a_server_asks(ann, events, path, names):
    client = Client()
    client.force_login(ann)
    status, body = asyncio.run(
        served(path, f'sessionid={client.cookies["sessionid"].value}'))
    assert status == 200 and body in (b'asked', b'plain', b'012')
    assert users(events) == [(name, ann.pk) for name in names]
    assert {event['context']['address'] for event in events} == {'192.0.2.7'}


def test_as_a_server_asks_without_asking_for_the_user(ann, events):
    client = Client()
    client.force_login(ann)
    cookie = f'sessionid={client.cookies["sessionid"].value}'
    asyncio.run(met(served('/waiting', cookie), served('/waiting', cookie)))
    assert users(events) == [('first', ann.pk)] * 2 + [('second', ann.pk)] * 2


# what only synchronous code can read

def slow(request):
    """Read what takes longer than anybody waits."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        request.go_on.wait()
        return 'late'
    raise SynchronousOnlyOperation


def thread(request):
    """Read what no coroutine can read."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return threading.get_ident()
    raise SynchronousOnlyOperation


@override_settings(TRACKSTORE_REQUEST_CONTEXT={'thread': f'{__name__}.thread'})
def test_under_a_synchronous_server_it_is_read_in_the_thread_of_the_request(events):
    """That has the connection to the database, and sees that it is closed."""
    from trackstore.django.middleware import RequestContextMiddleware

    async def answer(request):
        async def later():
            emit('in a task')
        emit('at once')
        await asyncio.create_task(later())
        return await sync_to_async(views.quiet)(request)

    async_to_sync(RequestContextMiddleware(answer))(RequestFactory().get('/'))
    assert [event['context']['thread'] for event in events] == [
        threading.get_ident()] * 2


@override_settings(TRACKSTORE_REQUEST_CONTEXT={'slow': f'{__name__}.slow',
                                               'path': 'path'})
def test_nobody_waits_for_ever(events, each_logged, monkeypatch):
    from trackstore.django.middleware import RequestContextMiddleware
    monkeypatch.setattr(requestcontext, 'WAIT', 0.05)
    request = RequestFactory().get('/')
    request.go_on = threading.Event()

    async def answer(request):
        emit('first')
        emit('second')
        request.go_on.set()  # only now: what comes next has the thread to itself
        return await sync_to_async(views.quiet)(request)

    try:
        asyncio.run(RequestContextMiddleware(answer)(request))
    finally:
        request.go_on.set()
    assert [event['context'] for event in events] == [{'slow': None, 'path': '/'}] * 2
    assert each_logged.text.count('slow of a request could not be read') == 1
