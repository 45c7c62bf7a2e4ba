"""Terminals and pipes: tables, plain text, encodings."""

import json
import os
import pty
import subprocess
import sys

import pytest

import trackstore
from trackstore.tests.commands import shell
from trackstore.tests.waiting import LONG


def test_pipes_get_plain_text_in_their_encoding(store):
    done = shell('query', store, '--task', 'é*', PYTHONIOENCODING='utf-8')
    assert b'\x1b' not in done.stdout and 'é'.encode() in done.stdout
    with trackstore.open(store) as tracks:
        tracks.saveUserTrack('日', 0, 'cleo', {}, timeStamp=1795392000)
    done = shell('query', store, '--user', 'cleo', PYTHONIOENCODING='latin-1')
    assert (done.returncode, done.stderr) == (0, b'') and b'\\u65e5' in done.stdout
    done = shell('query', store, '--user', 'cleo', '--json', PYTHONIOENCODING='latin-1')
    assert json.loads(done.stdout)['taskId'] == '日'
    done = shell('histogram', store, '--by', 'day', '--to', '2026-11-21',
                 PYTHONIOENCODING='latin-1')
    assert done.stdout.splitlines()[0] == b'2026-11-21 Sat  3  ' + b'#' * 60


def at_terminal(*arguments, **environment):
    """Return what a command prints at a terminal of 60 columns."""
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, '-m', 'trackstore.cli', *map(str, arguments)],
        stdin=terminal, stdout=terminal, stderr=terminal,
        env={**os.environ, 'COLUMNS': '60', 'TERM': 'xterm', **environment})
    os.close(terminal)
    output = b''
    try:
        while piece := os.read(controller, 10_000):
            output += piece
    except OSError:     # this is how Linux says that the other side has ended
        pass
    os.close(controller)
    assert process.wait(LONG) == 0, output
    return output.decode()


def test_data_have_room_at_a_terminal(store):
    with trackstore.open(store) as tracks:
        tracks.saveUserTrack('/a/long/path' * 9 + '/end', 0, 'ann',
                             {'text': 'all of these words'}, timeStamp=1795392000)
    for columns in ('60', '80', '200'):
        output = at_terminal('query', store, '--user', 'ann', COLUMNS=columns)
        assert '{"text": "all of these words"}' in output
        assert ('…' in output) == (columns != '200') and '/end' in output
        assert max(map(len, output.replace('\x1b[1m', '').replace(
            '\x1b[2m', '').replace('\x1b[0m', '').split('\r\n'))) <= int(columns) + 4


def test_terminals_get_tables(store, log):
    output = at_terminal('runs', store)
    assert '\x1b[1m' in output and '────' in output
    assert '\x1b[31m' not in output
    output = at_terminal('import', log, store, NO_COLOR='1')
    assert '3,000 tracks saved' in output and '\x1b[3' not in output


def test_a_reader_that_has_enough(store):
    with trackstore.open(store) as tracks:
        tracks.saveTracks(('b', 0, 'ann', {}, n) for n in range(20_000))
    for arguments in (['export', store], ['query', store, '--json']):
        process = subprocess.Popen(
            [sys.executable, '-m', 'trackstore.cli', *map(str, arguments)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b''
        process.stderr.close()
        process.wait(LONG)


@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='only Linux has it')
@pytest.mark.parametrize('words', [['count'], ['query'], ['info', '--json'],
                                   ['verify'], ['copy'], ['export']])
def test_a_result_that_finds_no_room(words, store, tmp_path):
    more = [tmp_path / 'new.fs'] if words == ['copy'] else []
    with open('/dev/full', 'wb') as full:
        done = subprocess.run(
            [sys.executable, '-m', 'trackstore.cli', *words, store, *more],
            stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and 'No space left on device' in done.stderr
    assert done.stderr.startswith('Error: ') and done.stderr.count('\n') == 1
