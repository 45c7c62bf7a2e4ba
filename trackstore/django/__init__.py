"""trackstore in a Django project: ``INSTALLED_APPS = ['trackstore.django', ...]``.

The settings are told in ``trackstore.django.configured``.  The middleware
``trackstore.django.middleware.RequestContextMiddleware`` gives events the context of
the request.
"""

try:
    import django  # noqa: F401
except ImportError:
    raise ImportError(
        "trackstore.django needs Django: pip install 'trackstore[django]'") from None

from trackstore.django.django_tracker import DjangoTracker

__all__ = ['DjangoTracker']
