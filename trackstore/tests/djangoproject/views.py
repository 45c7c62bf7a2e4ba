"""Views of every kind that emit events."""

import asyncio
import io

from asgiref.sync import sync_to_async
from django.contrib.auth import login as sign_in
from django.contrib.auth import logout as sign_out
from django.contrib.auth.models import User
from django.db import transaction
from django.http import FileResponse, HttpResponse, StreamingHttpResponse

from trackstore.events import emit

__all__ = ['plain', 'quiet', 'failing', 'login', 'buying', 'pieces', 'unfinished',
           'file', 'waiting', 'asking', 'changing',
           'quiet_later', 'later_pieces', 'later_failing']

#: How many requests ``waiting`` still waits for, and what tells that all are there.
meeting = {}


def plain(request):
    emit('plain', dict(request.GET.items()))
    return HttpResponse('plain')


def quiet(request):
    return HttpResponse('quiet')


def failing(request):
    emit('failing')
    raise LookupError('no such page')


def login(request):
    emit('before')
    sign_in(request, User.objects.get(username='ann'))
    emit('after')
    return HttpResponse('welcome')


def buying(request):
    """Emit events within a transaction that is given up if that is wanted."""
    try:
        with transaction.atomic():
            emit('bought')
            if 'fail' in request.GET:
                raise LookupError
    except LookupError:
        return HttpResponse('sold out')
    return HttpResponse('thank you')


def pieces(request):
    def made():
        for number in range(3):
            emit('piece', {'number': number})
            yield str(number)
    return StreamingHttpResponse(made())


def unfinished(request):
    def made():
        try:
            yield from 'abc'
        finally:
            emit('closed')
    return StreamingHttpResponse(made())


def file(request):
    return FileResponse(io.BytesIO(b'content'))


async def waiting(request):
    """Emit two events, and wait between them until others are here, too."""
    emit('first', dict(request.GET.items()))
    meeting['missing'] -= 1
    if not meeting['missing']:
        meeting['all_here'].set()
    await meeting['all_here'].wait()
    emit('second', dict(request.GET.items()))
    return HttpResponse('waited')


async def asking(request):
    await request.auser()
    emit('asked')
    return HttpResponse('asked')


async def changing(request):
    """Sign out and in again, after the user has been asked for."""
    user = await request.auser()
    emit('asked')
    await sync_to_async(sign_out)(request)
    emit('out')
    await sync_to_async(sign_in)(request, user)
    emit('in')
    return HttpResponse('changed')


async def quiet_later(request):
    return HttpResponse('quiet')


async def later_pieces(request):
    async def made():
        for number in range(3):
            emit('piece', {'number': number})
            await asyncio.sleep(0)
            yield str(number)
    return StreamingHttpResponse(made())


async def later_failing(request):
    emit('failing')
    raise LookupError('no such page')
