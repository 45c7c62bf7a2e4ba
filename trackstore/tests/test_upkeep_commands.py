"""What the commands of upkeep say and leave, at odd options and when they are ended."""

import os
import resource
import signal
import subprocess
import sys

import pytest
from click.testing import CliRunner

from trackstore.backup import backup, verify
from trackstore.cli.command import command
from trackstore.tests.waiting import LONG

#: Runs a command that stops before it reads what it has to check.
STOPPING = """
import sys, time
from trackstore import {module}
from trackstore.cli import main
def stop(*arguments):
    print('here', flush=True)
    time.sleep(600)
{module}.{function} = stop
sys.argv[1:] = {words}
main()
"""


def run(*words):
    return CliRunner().invoke(command, [str(word) for word in words])


@pytest.fixture
def path(thirty_commits):
    return thirty_commits


@pytest.mark.parametrize('days', ['inf', '1e9', '100000', '40000', '20000'])
def test_a_pack_that_keeps_all(days, path):
    size = path.stat().st_size
    result = run('pack', path, '--days', days)
    assert (result.exit_code, result.stderr) == (0, '')
    assert path.stat().st_size == size
    assert run('pack', path, '--days', '0').exit_code == 0
    assert path.stat().st_size < size
    assert run('count', path).output == '30\n'


def test_days_that_are_no_number(path):
    result = run('pack', path, '--days', 'nan')
    assert result.exit_code == 2
    assert "Invalid value for '--days': nan is no number of days" in result.stderr


@pytest.mark.parametrize('module, function, words', [
    ('restoring', '_look_at', ['restore', 'FOLDER', 'NEW']),
    ('restoring', '_look_at', ['restore', 'FOLDER', 'STORE', '--overwrite']),
    ('backup', 'repozo.copyfile', ['backup', '--full', 'STORE', 'FOLDER']),
])
def test_what_is_ended_leaves_nothing(module, function, words, path, tmp_path):
    folder = tmp_path / 'backups'
    backup(path, folder)
    content = path.read_bytes()
    names = [sorted(os.listdir(each)) for each in (tmp_path, folder)]
    places = {'STORE': str(path), 'FOLDER': str(folder), 'NEW': str(tmp_path / 'new')}
    code = STOPPING.format(module=module, function=function,
                           words=[places.get(word, word) for word in words])
    process = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b'here\n'
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LONG)
    assert process.returncode == 128 + signal.SIGTERM
    assert [sorted(os.listdir(each)) for each in (tmp_path, folder)] == names
    assert path.read_bytes() == content
    assert verify(folder) == []


def test_a_copy_to_a_full_disk(path, tmp_path):
    def allow_little():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (15_000, 15_000))

    words = [sys.executable, '-m', 'trackstore.cli', 'copy', path, tmp_path / 'copy.fs']
    result = subprocess.run(words, preexec_fn=allow_little, capture_output=True)
    assert result.returncode == 2
    assert result.stderr == (b'Error: the copy was interrupted: File too large; the '
                             b'same command goes on where it ended\n')
    result = run('copy', path, tmp_path / 'copy.fs')
    assert result.exit_code == 0
    assert ' were there)' in result.output
    assert run('count', tmp_path / 'copy.fs').output == '30\n'


def test_a_backup_without_its_blobs(path, tmp_path):
    note = 'Note: blobs are no part of it; copy their folder now\n'
    for uri, said in ((f'file://{path}?blobstorage_dir={tmp_path / "blobs"}', note),
                      (f'file://{path}', ''), (path, '')):
        result = run('backup', '--full', uri, tmp_path / 'backups')
        assert (result.exit_code, result.stderr) == (0, said)
