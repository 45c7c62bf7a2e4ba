"""What many tests need."""

import logging
import os
import tempfile

import hypothesis
import pytest

import trackstore
from trackstore.tests.gate import Gate
from trackstore.tests.receiver import Receiver
from trackstore.tests.storages import Places

# Neither how fast the machine is nor chance decides; who asks for a number of
# examples has others each time.
hypothesis.settings.register_profile(
    'trackstore', deadline=None,
    derandomize='TRACKSTORE_EXAMPLES' not in os.environ,
    suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile('trackstore')


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


@pytest.fixture
def gate():
    """A backend that delivers when ``gate.open`` is set."""
    gate = Gate()
    yield gate
    gate.open.set()


@pytest.fixture
def receiver():
    """An HTTP server that plays the one that a backend sends to."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def http_backend(receiver):
    """Return a function that makes backends for the receiver, closed in the end."""
    from trackstore.events.backends.http import HTTPBackend
    made = []

    def make(path='/events', **options):
        made.append(HTTPBackend(receiver.url + path, **options))
        return made[-1]
    yield make
    for each in made:
        each.close()


@pytest.fixture
def damaged(tmp_path):
    """A store of which a piece in the middle is overwritten."""
    path = tmp_path / 'damaged.fs'
    with trackstore.open(path) as tracks:
        tracks.saveTracks(('a', 0, 'ann', {'n': n, 's': 'x' * (n % 99)}, n)
                          for n in range(5_000))
    data = path.read_bytes()
    path.write_bytes(data[:12_000] + b'x' * 300 + data[12_300:])
    return path


@pytest.fixture
def thirty_commits(tmp_path):
    """A store of thirty tracks, each of which has been committed by itself."""
    path = tmp_path / 'tracks.fs'
    with trackstore.open(path) as tracks:
        for n in range(30):
            tracks.saveUserTrack('loops', 0, 'ann', {'n': n})
            tracks._p_jar.transaction_manager.commit()
    return path


@pytest.fixture
def quiet():
    """The ZODB logs each object that it cannot load."""
    logger = logging.getLogger('ZODB')
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    yield
    logger.setLevel(before)
