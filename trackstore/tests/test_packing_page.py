"""What ``docs/packing.rst`` tells to type is typed, as it stands there."""

import re
import shlex
import shutil
import subprocess

import pytest
from click.testing import CliRunner

import trackstore
from trackstore.cli.command import command
from trackstore.tests.servers import ZEOServer
from trackstore.tests.test_doctests import FOLDER

PAGE = FOLDER.parent / 'docs' / 'packing.rst'
TEXT = PAGE.read_text('utf-8')

#: What stands before a command: a prompt, the times of cron, systemd's name.
COMMAND = re.compile(
    r'^ +(?:\$ |[\d*]+ [\d*]+ \* \* [\d*] +|ExecStart=/srv/venv/bin/)(trackstore .*)$',
    re.M)
OVER = '    trackstore restore /srv/backup/visits /srv/visits/visits.fs --overwrite\n'


@pytest.fixture
def typed(tmp_path):
    """Return a function that runs a line of the page, with folders of the test."""
    for name in ('visits', 'backup'):
        (tmp_path / 'srv' / name).mkdir(parents=True)
    with ZEOServer(tmp_path / 'srv' / 'visits' / 'visits.fs') as server:
        def run(line):
            line = line.replace('/srv/', f'{tmp_path}/srv/').replace(
                'zeo://localhost:8100', f'"{server.uri}"')
            result = CliRunner().invoke(command, shlex.split(line)[1:])
            assert result.exit_code == 0, (line, result.output)
            return result.output

        run.server, run.folder = server, tmp_path / 'srv'
        yield run


def test_every_command(typed):
    lines = COMMAND.findall(TEXT)
    assert len(lines) == 11
    with trackstore.open(typed.server.uri) as tracks:
        for number in range(20):
            tracks.saveUserTrack('task', 0, 'ann', {'n': number})
            tracks._p_jar.transaction_manager.commit()
    outputs = [typed(line) for line in lines]
    assert ', 0 problems' in outputs[-1] or any('0 problems' in o for o in outputs)
    with trackstore.open(typed.folder / 'visits' / 'restored.fs') as tracks:
        assert len(tracks) == 20
    with trackstore.open(typed.server.uri) as tracks:
        tracks.removeTracks(taskId='task')
    typed.server.stop()
    assert OVER in TEXT
    typed(OVER.strip())
    typed.server.start()
    with trackstore.open(typed.server.uri) as tracks:
        assert len(tracks) == 20


@pytest.mark.skipif(not shutil.which('systemd-analyze'), reason='there is no systemd')
def test_the_units(tmp_path):
    blocks = re.findall(
        r'visits-backup\.(service|timer)``::\n\n((?:    .*\n|\n)+)', TEXT)
    assert [kind for kind, _ in blocks] == ['service', 'timer']
    for kind, text in blocks:
        lines = re.sub('^    ', '', text, flags=re.M).replace(
            '/srv/venv/bin/trackstore', shutil.which('true')).replace(
            'User=visits\n', '')
        (tmp_path / f'visits-backup.{kind}').write_text(lines)
    result = subprocess.run(
        ['systemd-analyze', 'verify', '--man=no',
         *map(str, sorted(tmp_path.glob('visits-backup.*')))],
        capture_output=True, text=True)
    assert 'visits-backup' not in result.stderr, result.stderr


def test_the_commands_of_postgresql(places, tmp_path):
    """pg_dump and pg_restore, and the copy, as the page has them."""
    server = places.postgresql
    name = server.new_database()
    uri = server.uri(name)
    with trackstore.open(uri) as tracks:
        tracks.saveUserTrack('task', 0, 'ann', {})
    at = ['-h', '127.0.0.1', '-p', str(server.port), '-U', 'postgres']
    programs = server._server.bin_path
    found = re.findall(r'^    (pg_dump|createdb|pg_restore) (.*)$', TEXT, re.M)
    assert [program for program, _ in found] == ['pg_dump', 'createdb', 'pg_restore']
    for program, rest in found:
        words = shlex.split(re.sub(r'\bvisits(?!\.)', name, rest))
        subprocess.run([str(programs / program), *at, *words], check=True, cwd=tmp_path)
    for where in (server.uri(f'{name}_restored'), tmp_path / 'visits.fs'):
        if where == tmp_path / 'visits.fs':
            result = CliRunner().invoke(command, ['copy', uri, str(where)])
            assert result.exit_code == 0, result.output
        with trackstore.open(where) as tracks:
            assert len(tracks) == 1 and tracks.verify() == []
