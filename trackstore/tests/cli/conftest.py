"""A store and a log that the commands work with."""

import pytest

import trackstore


@pytest.fixture
def store(tmp_path):
    path = tmp_path / 'visits.fs'
    with trackstore.open(path) as tracks:
        tracks.saveTracks([
            ('a', 0, 'ann', {'n': 1}, 1795219200),
            (5, 0, 'ben', {}, 1795219200 + 3600),
            ('5', 0, 'ben', {}, 1795219200 + 86_400),
            ('é\x1b[31m\n[b]', 0, None, {'x': '[red]'}, 1795219200.5)])
        tracks.stopRun('a', timeStamp=1795219260)
    return path


@pytest.fixture
def log(tmp_path):
    path = tmp_path / 'access.log'
    path.write_text(''.join(
        f'10.0.0.{n % 7} - - [21/Nov/2026:20:10:{n % 60:02} +0000] '
        f'"GET /{n} HTTP/1.1" 200 17\n' for n in range(3_000)))
    return path
