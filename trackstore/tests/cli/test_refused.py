"""What the commands refuse, and what they leave alone."""

import gzip
from contextlib import nullcontext
from unittest import mock

import pytest
from click.testing import CliRunner
from ZODB.FileStorage import FileStorage
from ZODB.MappingStorage import MappingStorage

import trackstore
from trackstore.cli.command import command
from trackstore.tests.commands import (
    COMMANDS,
    arguments_of,
    invoke,
    lines,
    objects,
)


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


def test_a_disk_that_is_full_when_a_store_is_closed(store, monkeypatch):
    def close(self):
        real(self)
        raise OSError(28, 'No space left on device')

    real = FileStorage.close
    monkeypatch.setattr(FileStorage, 'close', close)
    result = invoke('compact', store)
    assert result.exit_code == 2 and result.stderr == 'Error: No space left on device\n'


def test_a_server_is_not_asked_for_its_size(tmp_path, monkeypatch):
    """RelStorage would take one more connection."""
    def getSize(self):
        raise AssertionError

    monkeypatch.setattr(MappingStorage, 'getSize', getSize)
    with trackstore.open('memory://one') as tracks:
        monkeypatch.setattr(
            trackstore, 'open', lambda *_, **options: nullcontext(tracks))
        assert lines('count', 'memory://one') == ['0']


@pytest.mark.parametrize(('words', 'method'), [
    (['verify', 'STORE'], 'trackstore.TrackingStorage.verify'),
    (['count', 'STORE'], 'trackstore.TrackingStorage.count'),
    (['export', 'STORE', 'NEW'], 'trackstore.cli.export.export_tracks'),
    (['copy', 'STORE', 'NEW'], 'trackstore.cli.copy.copy_database'),
    (['backup', 'STORE', 'NEW'], 'trackstore.backup.backup'),
    (['backup', '--verify', 'NEW'], 'trackstore.backup.verify')])
def test_an_interruption(words, method, store, tmp_path):
    places = {'STORE': store, 'NEW': tmp_path / 'new.csv'}
    with mock.patch(method, side_effect=KeyboardInterrupt):
        result = invoke(*(places.get(word, word) for word in words))
    assert result.exit_code == 130 and result.output == 'Error: interrupted\n'
