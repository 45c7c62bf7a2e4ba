"""``make demo`` on a small history: from a checkout, and from its export."""

import os
import shutil
import subprocess

import pytest

from trackstore import demo, open

pytestmark = pytest.mark.skipif(shutil.which('git') is None, reason='needs git')

AUTHOR = {'GIT_AUTHOR_NAME': 'Ann', 'GIT_AUTHOR_EMAIL': 'ann@example.org',
          'GIT_COMMITTER_NAME': 'Ann', 'GIT_COMMITTER_EMAIL': 'ann@example.org',
          'GIT_CONFIG_GLOBAL': os.devnull, 'GIT_CONFIG_SYSTEM': os.devnull}


def git(folder, *arguments, date='2026-11-21T20:10:00Z'):
    subprocess.run(
        ['git', '-C', folder, *arguments], check=True, capture_output=True,
        env={**os.environ, **AUTHOR, 'GIT_AUTHOR_DATE': date,
             'GIT_COMMITTER_DATE': date})


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of two commits, which the demo takes for its own."""
    top = tmp_path / 'checkout'
    package = top / 'trackstore'
    package.mkdir(parents=True)
    git(top, 'init', '--quiet')
    (package / 'small.py').write_text('1\n')
    (package / 'large.py').write_text('1\n2\n3\n')
    git(top, 'add', '.')
    git(top, 'commit', '-m', 'Begin')
    (package / 'large.py').write_text('1\n2\n3\n4\n')
    git(top, 'commit', '-a', '-m', 'Grow', date='2026-11-22T20:10:00Z')
    monkeypatch.setattr(demo, 'CHECKOUT', top)
    monkeypatch.setattr(demo, 'EXPORT', tmp_path / 'history.jsonl.gz')
    monkeypatch.chdir(top)
    return top


def test_the_history_of_the_checkout(checkout, tmp_path, capsys):
    store = str(tmp_path / 'demo.fs')
    demo.main([store])
    shown = capsys.readouterr().out
    assert 'trackstore/large.py 4 lines in 2 commits\n' in shown
    assert 'trackstore/small.py 1 lines in 1 commits\n' in shown
    assert all(f'\n{title}\n' in shown for title, _ in demo.QUESTIONS)
    with open(store) as tracks:
        assert [(track.taskId, track.userName, track.data['subject'])
                for track in tracks.query(timeFrom=1795377000)] == [
                    ('trackstore/large.py', 'Ann', 'Grow')]


def test_the_export_in_the_place_of_the_checkout(checkout, tmp_path, capsys):
    demo.main(['--export'])
    shutil.rmtree(checkout / '.git')
    demo.main([str(tmp_path / 'demo.fs')])
    shown = capsys.readouterr().out
    assert 'import ../history.jsonl.gz' in shown
    assert 'trackstore/large.py 4 lines in 2 commits\n' in shown


def test_no_history_at_all(checkout, tmp_path):
    shutil.rmtree(checkout / '.git')
    with pytest.raises(SystemExit, match='is no checkout of git'):
        demo.main([str(tmp_path / 'demo.fs')])
    with pytest.raises(SystemExit, match='has no history that git can read'):
        demo.main(['--export'])


@pytest.mark.parametrize('arguments', [[], ['--exprot'], ['one.fs', 'two.fs']])
def test_wrong_arguments(arguments):
    with pytest.raises(SystemExit, match='usage: python -m trackstore.demo'):
        demo.main(arguments)
