"""What an event adds to a request of Django, answered in this process."""

import tempfile
import time
from pathlib import Path

from .load import row

COUNT = 3_000

QUEUE = {'ENGINE': 'trackstore.events.backends.async_routing.AsyncRoutingBackend'}

#: The nanoseconds that ``emit`` took, request by request.
taken = []


def measure():
    """Return rows of a request without an event and with one, that took turns."""
    import django
    from django.conf import settings
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import HttpResponse
    from django.test import RequestFactory
    from django.urls import path

    from trackstore.events import emit, get_tracker

    def plain(request):
        return HttpResponse('done')

    def tracked(request):
        start = time.perf_counter_ns()
        emit('order.placed', {'order': 17, 'amount': 1200, 'express': True})
        taken.append(time.perf_counter_ns() - start)
        return HttpResponse('done')

    with tempfile.TemporaryDirectory() as folder:
        queue = {**QUEUE, 'OPTIONS': {'backends': {'store': {
            'ENGINE': 'trackstore.events.backends.tracking.TrackingBackend',
            'OPTIONS': {'where': str(Path(folder) / 'events.fs')}}}}}
        usual = ['django.contrib.sessions.middleware.SessionMiddleware',
                 'django.middleware.common.CommonMiddleware']
        settings.configure(
            SECRET_KEY='of a benchmark', ALLOWED_HOSTS=['testserver'],
            ROOT_URLCONF=(path('plain', plain), path('tracked', tracked)),
            INSTALLED_APPS=['django.contrib.sessions', 'trackstore.django'],
            SESSION_ENGINE='django.contrib.sessions.backends.signed_cookies',
            MIDDLEWARE=usual, TRACKSTORE_BACKENDS={'queue': queue})
        django.setup()
        without = WSGIHandler()
        settings.MIDDLEWARE = [
            'trackstore.django.middleware.RequestContextMiddleware', *usual]
        with_it = WSGIHandler()
        requests = RequestFactory()
        found = {without: [], with_it: []}
        for _ in range(COUNT):
            for handler, place in ((without, '/plain'), (with_it, '/tracked')):
                request = requests.get(place).environ
                start = time.perf_counter_ns()
                handler(request, lambda *arguments: None).close()
                found[handler].append(time.perf_counter_ns() - start)
        if not get_tracker().get_backend('queue').close():
            raise AssertionError('the queue has not been delivered')
    return [row('a request of Django without events', COUNT, None, found[without]),
            row('the same with the middleware and an event', COUNT, None,
                found[with_it]),
            row('of that, emit', COUNT, None, taken)]
