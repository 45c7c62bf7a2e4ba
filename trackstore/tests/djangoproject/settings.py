"""The settings: a file for the database, and events in memory."""

import os
import tempfile
from pathlib import Path

#: What is put here is gone with the process that made it.
FOLDER = Path(os.environ.get('DJANGOPROJECT') or tempfile.mkdtemp())

SECRET_KEY = 'no secret'
ALLOWED_HOSTS = ['127.0.0.1', 'testserver']
ROOT_URLCONF = 'trackstore.tests.djangoproject.urls'
DATABASES = {
    alias: {'ENGINE': 'django.db.backends.sqlite3', 'NAME': FOLDER / f'{alias}.sqlite3'}
    for alias in ('default', 'other')}
INSTALLED_APPS = [
    'django.contrib.contenttypes', 'django.contrib.auth', 'django.contrib.sessions',
    'trackstore.django',
]
MIDDLEWARE = [
    'trackstore.django.middleware.RequestContextMiddleware',
    'django.contrib.sessions.middleware.SessionMiddleware',
    'django.middleware.locale.LocaleMiddleware',
    'django.contrib.auth.middleware.AuthenticationMiddleware',
]
PASSWORD_HASHERS = ['django.contrib.auth.hashers.MD5PasswordHasher']
LANGUAGES = [('en', 'English'), ('de', 'German')]
USE_TZ = True

TRACKSTORE_BACKENDS = {
    'memory': {'ENGINE': 'trackstore.events.backends.memory.MemoryBackend'},
    'store': {'ENGINE': 'trackstore.events.backends.tracking.TrackingBackend',
              'OPTIONS': {'where': str(FOLDER / 'events.fs')}},
}
TRACKSTORE_TRUSTED_PROXIES = ['10.0.0.0/8']
