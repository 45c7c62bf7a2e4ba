"""What many tests need."""

import tempfile

import pytest

from trackstore.tests.storages import Places


@pytest.fixture(scope='session')
def places():
    """Makes databases of every kind; servers are started once."""
    # Not in pytest's folders, which other runs of pytest clean away.
    with tempfile.TemporaryDirectory(prefix='trackstore-') as folder:
        places = Places(folder)
        try:
            yield places
        finally:
            places.close()
