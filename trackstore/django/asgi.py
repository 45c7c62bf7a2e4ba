"""The end of an ASGI server: what waits in queues is delivered before it."""

import asyncio

from trackstore.django.closing import close
from trackstore.events.tracker import get_tracker


def delivering(application):
    """Return an ASGI application that closes the tracker when its server stops.

    A server may end its process by the signal that has stopped it, as uvicorn does.
    Then Python does nothing more, and what waits in a queue of that process would be
    lost.  ``application`` is that of Django, which hears nothing of the end.
    """
    async def run(scope, receive, send):
        if scope['type'] == 'lifespan':
            await _live(receive, send)
        else:
            await application(scope, receive, send)

    return run


async def _live(receive, send):
    while (await receive())['type'] != 'lifespan.shutdown':
        await send({'type': 'lifespan.startup.complete'})
    await asyncio.to_thread(close, get_tracker())
    await send({'type': 'lifespan.shutdown.complete'})
