"""A project of Django with one app, which is this package.

Django has one configuration a process, so that its tests run in one of their own:
see ``test_django``.
"""


def configure():
    """Configure Django, with a database in memory."""
    import django
    from django.conf import settings

    settings.configure(
        DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3',
                               'NAME': ':memory:'}},
        INSTALLED_APPS=['django.contrib.contenttypes', 'django.contrib.auth', __name__],
        DEFAULT_AUTO_FIELD='django.db.models.BigAutoField', USE_TZ=True)
    django.setup()
