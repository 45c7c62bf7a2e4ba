"""What the worker of ``benchmarks.eventcosts.celery`` runs."""

from .celery import application

app, tracker = application()
