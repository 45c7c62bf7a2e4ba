"""The commands backup and restore."""

import json
import time

from trackstore.backup import backup
from trackstore.tests.backups.stores import count
from trackstore.tests.commands import invoke


def test_the_command(store, folder, tmp_path):
    assert invoke('backup', store.path, folder).stdout.startswith(f'full: {folder}/')
    assert invoke('backup', store.path, folder).stdout == (
        'nothing has changed since the last backup\n')
    store.save()
    found = json.loads(invoke('backup', store.path, folder, '--json').stdout)
    assert not found['part']['full'] and found['removed'] == 0
    lines = invoke('backup', '--list', folder).stdout.splitlines()
    assert lines[0].split() == ['time', '(UTC)', 'kind', 'bytes', 'database']
    assert [line.split()[2] for line in lines[1:]] == ['full', 'incremental']
    listed = invoke('backup', '--list', folder, '--json').stdout.splitlines()
    assert [json.loads(line)['full'] for line in listed] == [True, False]
    assert invoke('backup', '--verify', folder).stdout == '2 parts, 0 problems\n'
    result = invoke('restore', folder, tmp_path / 'new.fs')
    assert result.exit_code == 0 and ', as of 20' in result.stdout
    assert count(tmp_path / 'new.fs') == 2
    result = invoke('restore', folder, tmp_path / 'new.fs')
    assert result.exit_code == 2 and 'exists already' in result.output
    result = invoke('backup', store.path, folder, '--full', '--no-gzip', '--keep', 1)
    assert result.stdout.splitlines()[1] == '2 older files removed'


def test_the_command_restores_to_a_moment(store, folder, tmp_path):
    store.save()
    backup(store.path, folder)
    at, expected = store.states[0]
    stamp = time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(at)) + f'{at % 1:.6f}'[1:]
    found = json.loads(invoke(
        'restore', folder, tmp_path / 'new.fs', '--at', stamp, '--json').stdout)
    assert found['last'] == at and count(tmp_path / 'new.fs') == expected
    result = invoke('restore', folder, tmp_path / 'end.fs', '--at', '2999')
    assert result.exit_code == 0 and 'Note: what was saved after' in result.stderr
    result = invoke('restore', folder, tmp_path / 'x.fs', '--at', 'tomorrow')
    assert result.exit_code == 2 and 'is no time' in result.output
