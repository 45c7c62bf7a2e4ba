"""The middleware: events have the context of the request they happen in."""

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.apps import apps

from trackstore.django import requestoptions
from trackstore.django.requestcontext import RequestContext
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.tracker import get_tracker

#: The name of the context.
NAME = 'request'


class RequestContextMiddleware:
    """Enters the context of each request, and leaves it when it is answered.

    It belongs at the top of ``MIDDLEWARE``, so that the others are in it, too.  It
    asks neither the database nor the session for anything unless an event is
    emitted.
    """

    sync_capable = async_capable = True

    def __init__(self, get_response):
        if not apps.is_installed('trackstore.django'):
            raise ConfigurationError(
                "MIDDLEWARE: RequestContextMiddleware needs 'trackstore.django' in "
                'INSTALLED_APPS')
        error = apps.get_app_config('trackstore').error
        if error is not None:
            raise error.with_traceback(None)
        self.get_response = get_response
        requestoptions.current()  # what is wrong with them is an error at once
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request):
        if self._is_async:
            return self._answer(request)
        tracker, context = get_tracker(), _context_of(request)
        with tracker.context(NAME, context):
            response = self.get_response(request)
        return self._finished(response, tracker, context)

    async def _answer(self, request):
        tracker, context = get_tracker(), _context_of(request)
        with tracker.context(NAME, context):
            response = await self.get_response(request)
        return self._finished(response, tracker, context)

    def _finished(self, response, tracker, context):
        header = context.options.header
        if header is not None:
            response.headers.setdefault(header, context.request_id)
        # a file that the server sends by itself makes no events
        if response.streaming and getattr(response, 'file_to_stream', None) is None:
            _stream(response, tracker, context)
        return response


def _context_of(request):
    return RequestContext(request, requestoptions.current())


def _stream(response, tracker, context):
    """Enter the context whenever a piece of the response is made, and at its end."""
    pieces = _async_pieces if response.is_async else _pieces
    close = response.close

    def close_in_context():
        with tracker.context(NAME, context):
            close()

    response.streaming_content = pieces(response.streaming_content, tracker, context)
    response.close = close_in_context


def _pieces(pieces, tracker, context):
    pieces = iter(pieces)
    while True:
        with tracker.context(NAME, context):
            try:
                piece = next(pieces)
            except StopIteration:
                return
        yield piece


async def _async_pieces(pieces, tracker, context):
    pieces = aiter(pieces)
    while True:
        with tracker.context(NAME, context):
            try:
                piece = await anext(pieces)
            except StopAsyncIteration:
                return
        yield piece
