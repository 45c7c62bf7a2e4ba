"""A project of Django that tracks.

Its tests are in modules of this package, which are no modules of tests by their
names: Django has one configuration a process, so that ``test_django`` runs them in
one of their own.
"""

import os


def start():
    """Start Django with the settings of this project, with its tables made."""
    import django
    from django.core.management import call_command

    os.environ['DJANGO_SETTINGS_MODULE'] = f'{__name__}.settings'
    django.setup()
    call_command('migrate', verbosity=0)
