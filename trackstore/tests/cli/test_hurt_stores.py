"""What the commands say of stores that are damaged or cut off."""

import os

import pytest

from trackstore.tests.commands import invoke, shell


def test_a_damaged_store(damaged, tmp_path):
    target = tmp_path / 'a.csv'
    target.write_text('as it was')
    for arguments in (['export', damaged, target], ['query', damaged, '--limit', '0']):
        done = shell(*arguments)
        assert done.returncode == 2
        assert done.stderr.startswith(b'Error: the store is damaged: ')
        assert done.stderr.endswith(b'; see trackstore verify\n')
        assert done.stderr.count(b'\n') == 1
    assert target.read_text() == 'as it was'
    assert not [path for path in tmp_path.iterdir() if path.suffix == '.part']


def test_a_store_with_lost_objects(damaged):
    data = damaged.read_bytes()
    damaged.write_bytes(data.replace(b'trackstore.segment', b'trackstore.segmenX'))
    for name in ('query', 'verify'):
        done = shell(name, damaged)
        assert done.returncode in (1, 2)
        assert b'Traceback' not in done.stderr and done.stderr.count(b'\n') <= 1


def test_a_store_whose_end_is_missing(store):
    data = store.read_bytes()
    store.write_bytes(data[:-10])
    assert 'Warning: ' in invoke('count', store).stderr
    store.write_bytes(data[:100])
    done = shell('count', store)
    assert done.returncode == 2
    assert done.stderr.decode() == (
        f'Error: {store} ends in the middle of a transaction; after making a copy, '
        f'open it for writing once (compact, import) to cut that off\n')
    store.write_bytes(b'')
    assert shell('count', store).stderr.endswith(
        b' is empty: there is no store in it yet\n')


@pytest.mark.parametrize('rest', [b'garbage' * 100, b'\0' * 300, b'\xff' * 2_000])
@pytest.mark.parametrize('indexed', [True, False])
def test_garbage_after_the_end(store, rest, indexed):
    store.write_bytes(store.read_bytes() + rest)
    if not indexed:
        os.unlink(f'{store}.index')
    done = shell('count', store)
    assert done.returncode in (0, 2)
    assert done.stderr.startswith(b'Error: ' if done.returncode else b'Warning: ')
    assert done.stderr.count(b'\n') == 1
