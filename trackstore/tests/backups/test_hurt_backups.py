"""Backups that are damaged: noticed, not restored, and not built upon."""

import gzip
import os
from pathlib import Path

import pytest

from trackstore.backup import BackupError, backup, verify
from trackstore.restoring import restore
from trackstore.tests.backups.stores import count
from trackstore.tests.commands import invoke


@pytest.mark.parametrize('place', [0, 1, 2])
@pytest.mark.parametrize('hurt', ['flip', 'cut', 'gone', 'empty', 'other'])
def test_damage(three, folder, store, tmp_path, place, hurt):
    part = three[place]
    data = Path(part.path).read_bytes()
    if hurt == 'gone':
        os.remove(part.path)
    else:
        data = {'flip': data[:200] + bytes([data[200] ^ 255]) + data[201:],
                'cut': data[:-100], 'empty': b'',
                'other': gzip.compress(b'something else')}[hurt]
        Path(part.path).write_bytes(data)
    problems = verify(folder)
    assert len(problems) == 1 and os.path.basename(part.path) in problems[0]
    target = tmp_path / 'target.fs'
    target.write_bytes(b'as it was')
    with pytest.raises(BackupError, match='^folder: '):
        restore(folder, target, overwrite=True)
    assert target.read_bytes() == b'as it was'
    if place:
        restore(folder, tmp_path / 'earlier.fs', at=store.states[0][0])
        assert count(tmp_path / 'earlier.fs') == store.states[0][1]
    store.save()
    assert backup(store.path, folder).full  # not upon what is hurt
    restore(folder, target, overwrite=True)
    assert count(target) == store.states[-1][1]


def test_a_list_that_is_hurt(three, folder, tmp_path):
    listing = folder / (os.path.basename(three[0].path).split('.')[0] + '.dat')
    listing.write_bytes(b'\xff\xfe nonsense\n')
    assert all('has not been completed' in problem for problem in verify(folder))
    with pytest.raises(BackupError, match='has no backup'):
        restore(folder, tmp_path / 'new.fs')


def test_a_list_with_a_gap(three, folder, tmp_path):
    """Neither the part in the middle nor its line is there."""
    listing = folder / (os.path.basename(three[0].path).split('.')[0] + '.dat')
    first, _, last = listing.read_text().splitlines(True)
    listing.write_text(first + last)
    os.remove(three[1].path)
    name = os.path.basename(three[2].path)
    assert verify(folder) == [
        f'{name} begins at {three[1].store}, should be {three[0].store}']
    with pytest.raises(BackupError, match='^folder: '):
        restore(folder, tmp_path / 'new.fs')


def test_newer_parts_that_were_not_completed(three, folder, store, tmp_path):
    list_ = Path(three[0].path).with_suffix('.dat')
    lines = list_.read_bytes().splitlines(keepends=True)
    for end, told in ((2, '1 newer part has not been completed and is left out'),
                      (1, '2 newer parts have not been completed and are left out')):
        list_.write_bytes(b''.join(lines[:end]))
        for at in ((), ('--at', '2999')):
            result = invoke('restore', folder, tmp_path / 'new.fs', '--overwrite', *at)
            assert result.exit_code == 0
            assert result.stderr.splitlines()[0] == f'Note: {told}'
    assert restore(folder, tmp_path / 'new.fs', three[0].moment, True).leftOut == 0


def test_the_command_finds_damage(three, folder, tmp_path):
    os.remove(three[1].path)
    result = invoke('backup', '--verify', folder)
    name = os.path.basename(three[1].path)
    assert result.exit_code == 1 and f'{name} is missing' in result.stdout
    result = invoke('restore', folder, tmp_path / 'new.fs')
    assert result.exit_code == 2 and 'Traceback' not in result.output
    assert result.output.startswith('Error: folder: ')
