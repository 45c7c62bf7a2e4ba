"""The command: what it prints, what it refuses, and what it leaves alone."""

import gzip
import json
import os
import pty
import subprocess
import sys

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import trackstore
from trackstore.cli.command import command
from trackstore.cli.histogram import picture
from trackstore.cli.output import shown, size

COMMANDS = ('query', 'count', 'top', 'histogram', 'runs', 'info', 'compact', 'pack',
            'verify', 'export')


def invoke(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def lines(*arguments):
    """Return the lines of a command that goes well."""
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout.splitlines()


def objects(*arguments):
    return [json.loads(line) for line in lines(*arguments, '--json')]


def arguments_of(name, store):
    return [name, store, 'task'] if name == 'top' else [name, store]


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


# what is printed

@pytest.mark.parametrize(('options', 'ids'), [
    (['--task', 'a'], [1]),
    (['--task', '5'], [2, 3]),
    (['--task', 'a', '--task', 'é*'], [1, 4]),
    (['--user', 'b*'], [2, 3]),
    (['--user', 'None'], [4]),
    (['--run', '2', '--run', '3'], [2, 3]),
    (['--from', '2026-11-21', '--to', '2026-11-21'], [1, 2, 4]),
    (['--from', '20261122'], [3]),
    (['--to', '20261121'], [1, 2, 4]),
    (['--from', '2026', '--to', '2026'], [1, 2, 3, 4]),
    (['--from', '2027'], []),
    (['--to', '2026-11'], [1, 2, 3, 4]),
    (['--from', '2026-11-21T01:00', '--zone', 'Europe/Berlin'], [1, 2, 3, 4]),
    (['--from', '2026-11-21T01:01', '--zone', 'Europe/Berlin'], [2, 3]),
    (['--to', '1795219200'], [1]),
    (['--where', 'userName=ann'], [1]),
    (['--limit', '1'], [1]),
    (['--reverse', '--limit', '2'], [4, 3]),
    (['--after', '0000002'], [3, 4]),
])
def test_the_options_of_query(store, options, ids):
    found = objects('query', store, *options)
    assert [int(track['id']) for track in found] == ids
    assert [line.split()[0] for line in lines('query', store, *options)][1:] == [
        f'{number:07}' for number in ids]


def test_what_could_command_a_terminal_is_shown(store):
    output = '\n'.join(lines('query', store) + lines('top', store, 'task'))
    assert 'é\\x1b[31m\\n[b]' in output and '{"x": "[red]"}' in output
    assert '\x1b' not in output


def test_data_that_json_does_not_know(store):
    with trackstore.open(store) as tracks:
        tracks.saveUserTrack('odd', 0, 'ann', {'it': ...}, timeStamp=1)
    assert lines('query', store, '--task', 'odd')[1].endswith("{'it': Ellipsis}")
    result = invoke('query', store, '--json')
    assert result.exit_code == 2
    assert "Error: track '0000005': Ellipsis is of a class that" in result.stderr


@given(st.text(st.characters(exclude_categories=[])))
def test_shown_text_is_printable(text):
    assert not set(shown(text)) & {'\x1b', '\r', '\n', '\x7f', '\x9b', '\u202e'}
    shown(text).encode()


def test_top_and_count_of_all(store):
    assert lines('count', store) == ['4']
    assert objects('count', store) == [{'tracks': 4}]
    assert objects('top', store, 'user', '--limit', 1) == [
        {'userName': 'ben', 'tracks': 2, 'first': 1795222800, 'last': 1795305600}]
    assert [row['taskId'] for row in objects('top', store, 'task')] == [
        5, '5', 'a', 'é\x1b[31m\n[b]']
    assert [row['runId'] for row in objects('top', store, 'run')] == [1, 2, 3, 4]


def test_runs_of_each_kind(store):
    assert [run['runId'] for run in objects('runs', store)] == [1, 2, 3, 4]
    assert objects('runs', store, '--finished') == [
        {'runId': 1, 'taskId': 'a', 'start': 1795219200, 'end': 1795219260,
         'finished': True, 'tracks': 1}]
    assert [run['runId'] for run in objects(
        'runs', store, '--open', '--reverse', '--limit', 2)] == [4, 3]
    result = invoke('runs', store, '--limit', 1)
    assert result.stderr == '1 of 4 runs; for more: --limit\n'


def test_histograms(store):
    assert lines('histogram', store, '--by', 'day') == [
        f'2026-11-21 Sat  3  {"█" * 60}', f'2026-11-22 Sun  1  {"█" * 20}']
    hours = objects('histogram', store)
    assert [bucket['tracks'] for bucket in hours] == [2, 1, *[0] * 22, 1]
    assert hours[0] == {'start': 1795219200, 'end': 1795222800, 'tracks': 2}
    assert invoke('histogram', store, '--task', 'x').stderr == 'there are no tracks\n'


def test_a_picture():
    assert picture([('a', 0), ('b', 1), ('c', 1000)], 40) == [
        'a      0', 'b      1  ▏', 'c  1,000  ' + '█' * 30]
    assert picture([('a', 1), ('b', 3)], 12, blocks=False) == [
        'a  1  ###', 'b  3  ########']
    assert picture([], 80) == []


def test_sizes():
    assert [size(count) for count in (1, 999, 1000, 2_500_000, 10 ** 13)] == [
        '1 byte', '999 bytes', '1.0 kB', '2.5 MB', '10,000.0 GB']


# importing and exporting

def test_an_import_as_json(store, log):
    [report] = objects('import', log, store)
    assert {name: report[name] for name in ('lines', 'tracks', 'rejected', 'bad')} == {
        'lines': 3_000, 'tracks': 3_000, 'rejected': 0, 'bad': []}
    [report] = objects('import', log, store)
    assert (report['lines'], report['earlier']) == (0, 3_000)
    assert objects('count', store) == [{'tracks': 3_004}]
    [report] = objects('import', log, store, '--again')
    assert report['tracks'] == 3_000


def test_an_import_with_columns_and_rejects(tmp_path):
    table, store = tmp_path / 'table.txt', tmp_path / 'new.fs'
    rejects = tmp_path / 'bad.csv'
    table.write_text('what;who;at;sitting\na;ann;1795219200000;x\nb\n')
    output = lines('import', table, store, '--format', 'csv', '--task', 'what',
                   '--user', 'who', '--time', 'at', '--time-unit', 'ms', '--run',
                   'sitting', '--rejects', rejects)
    assert output[:2] == [f'{table} (csv)', '3 lines read, 1 track saved, 1 bad']
    assert output[-2:] == ['line 3: it has 1 cells, the header has 4', '    b']
    assert rejects.read_text() == 'what;who;at;sitting\nb\n'
    assert objects('query', store) == [
        {'id': '0000001', 'taskId': 'a', 'runId': 1, 'userName': 'ann',
         'timeStamp': 1795219200, 'data': {}}]


def test_several_sources_are_taken_in_the_order_of_their_age(tmp_path, log):
    later = tmp_path / 'a.log'
    later.write_text(log.read_text().replace('21/Nov', '22/Nov'))
    os.utime(log, (1, 1))
    reports = objects('import', later, log, tmp_path / 'new.fs')
    assert [report['source'] for report in reports] == [str(log), str(later)]


def test_an_import_that_the_user_stops(tmp_path, log, monkeypatch):
    from trackstore.importers import load
    add = load.Report.add

    def stop(self, *args):
        add(self, *args)
        if self.lines > 1_000:
            raise KeyboardInterrupt

    with monkeypatch.context() as context:
        context.setattr(load.Report, 'add', stop)
        result = invoke('import', log, tmp_path / 'new.fs', '--batch', 400)
    assert result.exit_code == 130
    saved = objects('count', tmp_path / 'new.fs')[0]['tracks']
    assert 0 < saved < 3_000
    assert result.stderr.startswith('Error: interrupted; ')
    assert objects('import', log, tmp_path / 'new.fs')[0]['tracks'] == 3_000 - saved


def test_a_damaged_source(tmp_path, log):
    damaged = tmp_path / 'access.log.gz'
    damaged.write_bytes(gzip.compress(log.read_bytes())[:-3000])
    result = invoke('import', damaged, tmp_path / 'new.fs')
    assert result.exit_code == 1
    assert 'what could be read was imported' in result.stderr


def test_out_and_in_again(store, tmp_path):
    for name in ('a.jsonl', 'a.csv.gz'):
        copy = tmp_path / f'{name}.fs'
        assert lines('export', store, tmp_path / name) == [
            f'4 tracks in {tmp_path / name}']
        lines('import', tmp_path / name, copy)
        assert objects('query', copy) == objects('query', store)
    assert lines('export', store) == (tmp_path / 'a.jsonl').read_text().splitlines()


# upkeep

def test_upkeep(store):
    with trackstore.open(store) as tracks:
        for number in range(100):
            tracks.saveUserTrack('b', 0, 'ann', {'n': number})
    assert objects('info', store)[0]['tracks'] == 104
    assert objects('compact', store)[0]['segments'] == 1
    [packed] = objects('pack', store)
    assert packed['bytes'] <= packed['bytesBefore']
    assert objects('info', store)[0]['bytes'] == packed['bytes']
    assert objects('verify', store) == [{'tracks': 104, 'problems': []}]


def test_verify_finds_what_is_wrong(store, monkeypatch):
    monkeypatch.setattr(trackstore.TrackingStorage, 'verify',
                        lambda self, progress=None: ['index taskId lacks 0000001'])
    result = invoke('verify', store)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == ['index taskId lacks 0000001',
                                          '4 tracks, 1 problem']


# what goes wrong

@pytest.mark.parametrize('name', COMMANDS)
def test_no_command_makes_a_store(tmp_path, name):
    for where in (tmp_path / 'new.fs', f'file://{tmp_path}/new.fs'):
        result = invoke(*arguments_of(name, where))
        assert result.exit_code == 2
        assert result.output.startswith('Error: there is no database at ')
        assert result.output.count('\n') == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('name', [name for name in COMMANDS
                                  if name not in ('compact', 'pack')])
def test_reading_leaves_the_store_as_it_is(store, name):
    before = store.read_bytes()
    assert invoke(*arguments_of(name, store)).exit_code == 0
    assert store.read_bytes() == before


@pytest.mark.parametrize(('arguments', 'message'), [
    (['query', '--from', 'yesterday'], "'yesterday' is no time; allowed are a year"),
    (['query', '--zone', 'Mars'], "there is no time zone 'Mars'; allowed are names"),
    (['query', '--where', 'page'], "'page' is not of the form NAME=VALUE"),
    (['query', '--where', 'page=1'], 'Error: page: is no criterion; known are'),
    (['query', '--after', 'x'], "Error: after: 'x' is no id"),
    (['histogram', '--by', 'century'], "'century' is not one of"),
    (['import', 'x.fs', '--task', '-'], "Error: task: '-' is not allowed"),
])
def test_bad_options(store, arguments, message):
    result = invoke(arguments[0], store, *arguments[1:])
    assert result.exit_code == 2
    assert message in result.output
    assert 'Traceback' not in result.output


def test_what_is_no_store(tmp_path):
    letter = tmp_path / 'letter.txt'
    letter.write_text('Dear Ann')
    for where in (letter, tmp_path, 'nothing://here'):
        result = invoke('count', where)
        assert result.exit_code == 2
        assert result.output.startswith('Error: ') and result.output.count('\n') == 1
    assert letter.read_text() == 'Dear Ann'


def test_a_store_that_another_process_has(store, log):
    with trackstore.open(store):
        assert lines('count', store) == ['4']
        result = invoke('import', log, store)
    assert result.exit_code == 2
    assert result.output == (
        f"Error: '{store}' is open already, here or in another process; allowed "
        f'is one at a time, or readOnly=True, or a server such as ZEO\n')


def test_a_source_that_is_none_makes_no_store(tmp_path):
    (tmp_path / 'letter.txt').write_text('Dear Ann')
    result = invoke('import', tmp_path / 'letter.txt', tmp_path / 'new.fs')
    assert result.exit_code == 2
    assert result.output.startswith(
        f'Error: the format of {tmp_path}/letter.txt is not recognised')
    assert not (tmp_path / 'new.fs').exists()


def test_bad_sources_do_not_stop_the_others(tmp_path, log):
    store, letter = tmp_path / 'new.fs', tmp_path / 'letter.txt'
    (tmp_path / 'empty.log').touch()
    assert lines('import', tmp_path / 'empty.log', store) == [
        f'{tmp_path}/empty.log is empty, nothing to import']
    letter.write_text('Dear Ann')
    result = invoke('import', letter, tmp_path / 'empty.log', log, store)
    assert result.exit_code == 1
    assert '3,000 tracks saved' in result.stdout
    assert result.stderr.startswith(f'Error: the format of {letter} is not')
    result = invoke('import', letter, tmp_path / 'nowhere', store)
    assert result.exit_code == 2
    assert result.stderr.count('Error: ') == 2
    [report] = objects('import', tmp_path / 'empty.log', store)
    assert (report['format'], report['lines'], report['tracks']) == (None, 0, 0)


def test_a_wrong_command_can_be_corrected(tmp_path):
    table, store = tmp_path / 'a.csv', tmp_path / 'new.fs'
    table.write_text('task,user,time,when\na,ann,soon,5\nb,ann,late,6\n')
    for _ in range(2):
        result = invoke('import', table, store)
        assert result.exit_code == 1
        assert 'has bad lines only; nothing of it is remembered' in result.stderr
    assert '2 tracks saved' in lines('import', table, store, '--time', 'when')[1]
    assert lines('import', table, store, '--time', 'when')[-1] == (
        'nothing new (--again imports it once more)')
    result = invoke('import', table, store, '--format', 'access')
    assert result.exit_code == 2 and '--again' in result.stderr


def test_rejects_are_no_file_of_something_else(tmp_path, store, log):
    link = tmp_path / 'link'
    link.symlink_to(store)
    before = store.read_bytes()
    for rejects in (link, store, f'{store}.lock'):
        result = invoke('import', log, store, '--rejects', rejects)
        assert result.exit_code == 2
        assert 'is a file of the store itself; allowed is another' in result.stderr
    other = tmp_path / 'other.log'
    other.write_text('x\n')
    for sources in ([log, other], [other, log]):
        result = invoke('import', *sources, store, '--rejects', other)
        assert result.exit_code == 2 and 'is a source; allowed is' in result.stderr
    assert store.read_bytes() == before and other.read_text() == 'x\n'


@pytest.mark.parametrize('packed', [False, True])
def test_standard_input(tmp_path, log, packed):
    text = gzip.compress(log.read_bytes()) if packed else log.read_bytes()
    for times in (1, 2):
        result = CliRunner().invoke(
            command, ['import', '-', f'{tmp_path}/new.fs', '--batch', '700'],
            input=text)
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith('standard input (access)\n3,000 lines read')
        assert 'standard input is not remembered' in result.stderr
        assert objects('count', tmp_path / 'new.fs') == [{'tracks': 3_000 * times}]
    result = CliRunner().invoke(command, ['import', '-', f'{tmp_path}/none.fs'],
                                input=b'Dear Ann')
    assert result.exit_code == 2
    assert not (tmp_path / 'none.fs').exists()


# damage

@pytest.mark.parametrize('ending', ['', '.index', '.lock', '.tmp', '.old'])
def test_an_export_never_goes_into_its_store(tmp_path, store, ending):
    before = store.read_bytes()
    link = tmp_path / 'link.csv'
    link.symlink_to(f'{store}{ending}')
    for target in (f'{store}{ending}', link):
        result = invoke('export', store, target)
        assert result.exit_code == 2
        assert 'is a file of the store itself; allowed is any' in result.stderr
    assert store.read_bytes() == before
    assert lines('count', store) == ['4']


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


# terminals and pipes

def shell(*arguments, **environment):
    return subprocess.run(
        [sys.executable, '-m', 'trackstore.cli', *map(str, arguments)],
        capture_output=True, env={**os.environ, **environment}, timeout=60)


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
    assert process.wait(60) == 0, output
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
        process.wait(60)


def test_every_command_explains_itself():
    for name in ('import', *COMMANDS):
        output = '\n'.join(lines(name, '--help'))
        assert '--json' in output and 'STORE' in output


@pytest.mark.parametrize(('module', 'name'), [
    ('ZEO.Exceptions', 'ClientDisconnected'), ('psycopg2', 'OperationalError')])
def test_a_server_that_is_lost_in_the_middle_of_a_command(
        module, name, store, monkeypatch):
    lost = getattr(pytest.importorskip(module), name)

    def count(self, **criteria):
        raise lost('connection closed\nby the server')

    monkeypatch.setattr(trackstore.TrackingStorage, 'count', count)
    done = CliRunner().invoke(command, ['count', str(store)])
    assert done.exit_code == 2
    assert done.output == ('Error: the server of the database is lost: connection '
                           'closed by the server\n')
