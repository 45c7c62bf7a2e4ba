"""Passwords, which no message shows."""

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
            ['export', 'URI', 'FILE'], ['import', 'URI', 'FILE']]


@pytest.mark.parametrize('uri', [
    'postgres://u:secret@127.0.0.1:1/x', 'postgres:u:secret@127.0.0.1:1/x',
    'postgres://u:secret/x', 'postgres://u:x@127.0.0.1:1/x?password=secret',
    'zeo://127.0.0.1:1?username=u&password=secret&bogus=1'])
@pytest.mark.parametrize('words', COMMANDS, ids=' '.join)
def test_no_command_shows_them(words, uri, tmp_path):
    path = tmp_path / 'tracks.fs'
    with trackstore.open(path):
        pass
    places = {'URI': uri, 'FILE': str(path), 'FOLDER': str(tmp_path)}
    result = CliRunner().invoke(command, [places.get(word, word) for word in words])
    assert result.exit_code == 2, result.output
    assert '***' in result.output
    assert 'secret' not in result.output


def test_what_the_library_says():
    for where, _ in HIDDEN:
        uri = where.replace('h:1', '127.0.0.1:1') + (
            '&bogus=1' if '?' in where else '?bogus=1')
        with pytest.raises(OpenError) as caught, trackstore.open(uri):
            pass
        assert 'secret' not in str(caught.value)
