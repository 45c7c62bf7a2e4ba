"""A store to copy."""

import pytest

from trackstore.tests.copies.stores import fill


@pytest.fixture
def source(tmp_path):
    path = tmp_path / 'source.fs'
    fill(path)
    return path
