"""Passwords, which no message shows."""

from contextlib import contextmanager

import pytest
from click.testing import CliRunner

import trackstore
from trackstore.cli.command import command
from trackstore.exceptions import OpenError
from trackstore.opening import without_password

HIDDEN = [
    ('postgres://u:secret@h:1/x', 'postgres://u:***@h:1/x'),
    ('postgresql://u:se@c:r/et@h:1/x', 'postgresql://u:***@h:1/x'),
    ('POSTGRES://u:secret@h:1/x', 'POSTGRES://u:***@h:1/x'),
    ('postgres:u:secret@h:1/x', 'postgres:u:***@h:1/x'),
    ('postgres:/u:secret@h:1/x', 'postgres:/u:***@h:1/x'),
    ('postgres://u/v:secret@h:1/x', 'postgres://u/v:***@h:1/x'),
    ('postgres://u:secret/x', 'postgres://u:***/x'),
    ('postgres://u:secret', 'postgres://u:***'),
    ('postgres://u:12secret/x?a=b', 'postgres://u:***/x?a=b'),
    ('postgres://h:1/x?user=u&password=secret&a=b',
     'postgres://h:1/x?user=u&password=***&a=b'),
    ('zeo://h:1?username=u&password=secret', 'zeo://h:1?username=u&password=***'),
    ('zeo://h:1?PASSWORD=secret&wait=1', 'zeo://h:1?PASSWORD=***&wait=1'),
    ('demo:(postgres://u:secret@h:1/x)/(file://a)',
     'demo:(postgres://u:***@h:1/x)/(file://a)'),
    (' postgres://u:secret@h:1/x', ' postgres://u:***@h:1/x'),
    (' postgres:u:secret@h:1/x', ' postgres:u:***@h:1/x'),
    ('postgres//u:secret@h:1/x', 'postgres//u:***@h:1/x'),
    ('//u:secret@h:1/x', '//u:***@h:1/x'),
    ('u:secret@h:1/x', 'u:***@h:1/x'),
    ('"postgres://u:secret@h:1/x"', '"postgres://u:***@h:1/x"'),
    ("'postgres://u:secret/x'", "'postgres://u:***/x'"),
    ('file://postgres://u:secret@h:1/x', 'file://postgres:***@h:1/x'),
]

PLAIN = ['postgres://h:5432/x', 'postgres://h:5432', 'postgres://h:5432?a=b',
         'zeo://h:8100', 'zeo://h:8100?wait_timeout=1', 'zeo://[::1]:8100',
         'file:///a/b.fs?blobstorage_dir=c', 'tracks.fs', 'a:b', 'password=x.fs',
         'zconfig:///etc/tracks.conf', '/a/b:c/d.fs', 'file:///a:b/c.fs']


@pytest.mark.parametrize('where, shown', HIDDEN)
def test_they_are_hidden(where, shown):
    assert without_password(where) == shown


@pytest.mark.parametrize('where', PLAIN)
def test_where_there_is_none_all_is_shown(where):
    assert without_password(where) == where


COMMANDS = [['info', 'URI'], ['verify', 'URI'], ['pack', 'URI'],
            ['copy', 'FILE', 'URI'], ['copy', 'URI', 'FILE'],
            ['backup', 'URI', 'FOLDER'],
            ['restore', 'FOLDER', 'URI'], ['export', 'FILE', 'URI'],
            ['export', 'URI', 'FILE'], ['import', 'URI', 'FILE'],
            ['import', 'LOG', 'FILE', '--rejects', 'URI']]


@pytest.mark.parametrize('uri', [
    'postgres://u:secret@127.0.0.1:1/x', 'postgres:u:secret@127.0.0.1:1/x',
    'postgres://u:secret/x', 'postgres://u:x@127.0.0.1:1/x?password=secret',
    'zeo://127.0.0.1:1?username=u&password=secret&bogus=1',
    ' postgres://u:secret@127.0.0.1:1/x', 'postgres//u:secret@127.0.0.1:1/x',
    '//u:secret@127.0.0.1:1/x', 'u:secret@127.0.0.1:1/x',
    '"postgres://u:secret@127.0.0.1:1/x"', 'file://postgres://u:secret@127.0.0.1:1/x'])
@pytest.mark.parametrize('words', COMMANDS, ids=' '.join)
def test_no_command_shows_them(words, uri, tmp_path):
    path = tmp_path / 'tracks.fs'
    with trackstore.open(path):
        pass
    log = tmp_path / 'tracks.csv'
    log.write_text('task,user,time\na,ann,2026-11-21\n')
    places = {'URI': uri, 'FILE': str(path), 'FOLDER': str(tmp_path), 'LOG': str(log)}
    result = CliRunner().invoke(command, [places.get(word, word) for word in words])
    assert result.exit_code == 2, result.output
    assert '***' in result.output
    assert 'secret' not in result.output


def server_error():
    raise pytest.importorskip('psycopg2').OperationalError('lock timeout')


def server_error_in_an_error():
    try:
        {}['PREPARE current']
    except KeyError:
        server_error()


@pytest.mark.parametrize('fail', [server_error, server_error_in_an_error])
def test_a_server_that_fails_while_it_is_opened(fail, monkeypatch):
    """Nor are its bytes damaged."""
    @contextmanager
    def failing(*_, **options):
        yield fail()

    monkeypatch.setattr(trackstore, 'open', failing)
    result = CliRunner().invoke(command, ['count', 'postgres://u:secret@h:1/x'])
    assert result.exit_code == 2
    assert result.output == (
        'Error: postgres://u:***@h:1/x cannot be opened: lock timeout\n')


@pytest.mark.parametrize('line', [
    "password='secret word'", 'password=secret', 'passwd="secret', 'x $secret'])
def test_a_line_of_a_configuration(line, tmp_path):
    path = tmp_path / 'tracks.conf'
    path.write_text(f'<zodb main>\n<mappingstorage>\n{line}\n</mappingstorage>\n'
                    f'</zodb>\n')
    with pytest.raises(OpenError) as caught, trackstore.open(f'zconfig://{path}'):
        pass
    assert 'secret' not in str(caught.value) and 'line 3' in str(caught.value)


def test_what_the_library_says():
    for where, _ in HIDDEN:
        uri = where.replace('h:1', '127.0.0.1:1') + (
            '&bogus=1' if '?' in where else '?bogus=1')
        with pytest.raises(OpenError) as caught, trackstore.open(uri):
            pass
        assert 'secret' not in str(caught.value)
