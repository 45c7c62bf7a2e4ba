"""The end of an ASGI server; run by ``test_django``."""

import asyncio

import pytest
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.test import override_settings

from trackstore.django.asgi import delivering
from trackstore.events import emit
from trackstore.events.tracker import get_tracker
from trackstore.tests.djangoproject.engines import MEMORY, QUEUE, ROUTING

LOCAL = 'trackstore.events.carriers.local.LocalCarrier'


@pytest.fixture
def queue():
    """A queue below another backend, that delivers in a minute."""
    with override_settings(TRACKSTORE_BACKENDS={'below': {
            'ENGINE': ROUTING, 'OPTIONS': {'backends': {'queue': {
                'ENGINE': QUEUE, 'OPTIONS': {
                    'carrier': {'ENGINE': LOCAL, 'OPTIONS': {'delay': 60}},
                    'backends': {'kept': {'ENGINE': MEMORY}}}}}}}}):
        yield get_tracker().get_backend('below').backends['queue']


async def lived(work):
    """Return what the application says from its start to its end."""
    server = ApplicationCommunicator(
        delivering(get_asgi_application()), {'type': 'lifespan'})
    await server.send_input({'type': 'lifespan.startup'})
    said = [await server.receive_output(10)]
    work()
    await server.send_input({'type': 'lifespan.shutdown'})
    said.append(await server.receive_output(10))
    await server.wait(10)
    return [message['type'] for message in said]


def test_the_end_of_a_server_delivers(queue):
    def work():
        emit('order.placed')
        assert not queue.backends['kept'].events

    assert asyncio.run(lived(work)) == [
        'lifespan.startup.complete', 'lifespan.shutdown.complete']
    assert [event['name'] for event in queue.backends['kept'].events] == [
        'order.placed']


def test_the_end_comes_also_if_a_backend_fails(queue, caplog, monkeypatch):
    monkeypatch.setattr(type(queue), 'close', lambda self: 1 / 0)
    assert asyncio.run(lived(lambda: None))[1] == 'lifespan.shutdown.complete'
    assert "backend 'queue' could not be closed" in caplog.text
