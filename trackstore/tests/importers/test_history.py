"""The history of a git checkout, imported from it and saved."""

import json
import os
import subprocess

import pytest

from trackstore.importers import (
    SourceError,
    import_source,
    save_history,
)
from trackstore.tests.importers.lines import NOON, contents, tasks


def git(folder, *arguments, when=NOON, author='Ada Löv'):
    environment = {
        **os.environ, 'GIT_AUTHOR_NAME': author, 'GIT_AUTHOR_EMAIL': 'a@example.com',
        'GIT_COMMITTER_NAME': author, 'GIT_COMMITTER_EMAIL': 'a@example.com',
        'GIT_AUTHOR_DATE': f'{when} +0000', 'GIT_COMMITTER_DATE': f'{when} +0000',
        'GIT_CONFIG_GLOBAL': os.devnull, 'GIT_CONFIG_SYSTEM': os.devnull}
    return subprocess.run(['git', '-C', folder, *arguments], check=True, text=True,
                          env=environment, capture_output=True).stdout.strip()


def commit(folder, name, content, message='a change', **who):
    path = folder / name
    path.write_bytes(content)
    git(folder, 'add', '-A', **who)
    git(folder, 'commit', '-qm', message, **who)
    return git(folder, 'rev-parse', 'HEAD')


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / 'checkout'
    folder.mkdir()
    git(folder, 'init', '-q', '-b', 'main')
    return folder


def test_a_history(tracks, checkout):
    first = commit(checkout, 'tab\tü "x"\n', b'1\n2\n', 'one\n\nand more')
    second = commit(checkout, 'picture', b'\0\1', when=NOON + 31 * 86_400,
                    author='Bob')
    assert import_source(tracks, checkout).tracks == 2
    assert contents(tracks) == [
        ('tab\tü "x"\n', 'Ada Löv', NOON,
         {'commit': first, 'subject': 'one', 'added': 2, 'removed': 0}),
        ('picture', 'Bob', NOON + 31 * 86_400,
         {'commit': second, 'subject': 'a change'})]
    assert [(run.id, run.start) for run in tracks.runs.values()] == [
        (1, NOON), (2, NOON + 31 * 86_400)]


def test_a_history_that_grows_branches_and_is_rewritten(tracks, checkout):
    commit(checkout, 'a', b'1\n')
    import_source(tracks, checkout)
    git(checkout, 'checkout', '-qb', 'side')
    commit(checkout, 'b', b'1\n', when=NOON - 10 ** 7)
    git(checkout, 'checkout', '-q', 'main')
    commit(checkout, 'c', b'1\n')
    assert import_source(tracks, checkout).tracks == 1
    git(checkout, 'merge', '-q', 'side', '-m', 'together')
    assert import_source(tracks, checkout).tracks == 1
    assert import_source(tracks, checkout).lines == 0
    git(checkout, 'reset', '-q', '--hard', 'HEAD~1')
    commit(checkout, 'd', b'1\n')
    git(checkout, 'reflog', 'expire', '--expire=now', '--all')
    git(checkout, 'gc', '-q', '--prune=now')
    report = import_source(tracks, checkout)
    assert (report.tracks, tasks(tracks)) == (1, ['a', 'c', 'b', 'd'])


def test_an_interrupted_history_goes_on(tracks, checkout):
    for n in range(6):
        commit(checkout, f'f{n}', b'1\n')

    def interrupt(done, total, report):
        assert (done, total) == (2, 6)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_source(tracks, checkout, size=2, progress=interrupt)
    assert len(tracks) == 2
    report = import_source(tracks, checkout, size=2)
    assert (report.tracks, report.earlier) == (4, 2)
    assert tasks(tracks) == [f'f{n}' for n in range(6)]


@pytest.mark.parametrize('name', ['history.jsonl', 'history.jsonl.gz'])
def test_a_saved_history_is_the_same(tracks, checkout, tmp_path, name):
    commit(checkout, 'ü', b'1\n')
    commit(checkout, 'b', b'\0')
    assert save_history(checkout, tmp_path / name) == 2
    before = (tmp_path / name).read_bytes()
    assert import_source(tracks, tmp_path / name).tracks == 2
    commit(checkout, 'c', b'1\n')
    report = import_source(tracks, checkout)
    assert (report.tracks, report.earlier) == (1, 2)
    other = tracks._p_jar.root()['picky']
    import_source(other, checkout)
    assert contents(other) == contents(tracks)
    git(checkout, 'reset', '-q', '--hard', 'HEAD~1')
    save_history(checkout, tmp_path / name)
    assert (tmp_path / name).read_bytes() == before


def test_bad_lines_of_a_saved_history(make, tracks):
    good = {'commit': 'ab' * 20, 'time': NOON, 'author': 'Ann', 'subject': 'x',
            'files': [['f', 1, 2]]}
    lines = [{'trackstore': 'git history', 'version': 1, 'head': 'ab'}, good,
             {**good, 'commit': 'xx'}, {**good, 'commit': 'cd' * 20, 'time': 10 ** 18},
             {**good, 'files': [[1, 2, 3]]}]
    report = import_source(tracks, make('h.jsonl', '\n'.join(map(json.dumps, lines))))
    assert report.tracks == 1
    assert [bad[:2] for bad in report.bad] == [
        (3, 'it is no commit of a saved history'),
        (4, 'the time of commit cdcdcdcdcdcd is outside of the calendar: '
            '1000000000000000000'),
        (5, 'a text or a number of its commit is of another type')]


def test_what_is_no_history(tracks, checkout, tmp_path, monkeypatch):
    with pytest.raises(SourceError, match='has no history that git can read: '):
        import_source(tracks, checkout)
    (checkout / 'part').mkdir()
    with pytest.raises(SourceError, match='the checkout around it is .*checkout$'):
        import_source(tracks, checkout / 'part')
    (tmp_path / 'plain').mkdir()
    with pytest.raises(SourceError, match='has no history that git can read: not a'):
        import_source(tracks, tmp_path / 'plain', format='git')
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(SourceError, match='git is not installed'):
        import_source(tracks, checkout)
