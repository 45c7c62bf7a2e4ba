"""A broker, and shops of a test or of a module."""

import pytest

from trackstore.events.tracker import TRACKERS
from trackstore.tests.brokers import Redis
from trackstore.tests.celeryshop.shop import Shop


@pytest.fixture(scope='session')
def redis(tmp_path_factory):
    redis = Redis(tmp_path_factory.mktemp('redis'))
    redis.start()
    yield redis
    redis.stop()


@pytest.fixture(autouse=True)
def trackers():
    before = dict(TRACKERS)
    yield
    TRACKERS.clear()
    TRACKERS.update(before)


@pytest.fixture
def shop(tmp_path, redis, monkeypatch):
    monkeypatch.setenv('CELERYSHOP', str(tmp_path))
    shop = Shop(tmp_path, redis)
    yield shop
    shop.close()


@pytest.fixture
def broker(tmp_path, shop):
    """A broker of the test, that is not started yet."""
    redis = Redis(tmp_path)
    shop.settings(redis, broker_connection_max_retries=3)
    yield redis
    redis.stop()
