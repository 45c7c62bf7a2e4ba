"""The code in README.rst and in ``docs/`` runs, and what it shows is true.

The topics that only include a file of ``doctests/`` are run by
``test_doctests``; here are the pages with examples of their own.
"""

from pathlib import Path

import pytest

from trackstore.testing import frozen_clock
from trackstore.tests.test_doctests import (
    EXAMPLE,
    FOLDER,
    STORIES,
    namespace,
    run_examples,
)

TOP = FOLDER.parent


def pages():
    return sorted(path for path in (TOP / 'docs').rglob('*.rst')
                  if '_build' not in path.parts)


def pages_with_examples():
    return [TOP / 'README.rst',
            *(page for page in pages() if EXAMPLE.search(page.read_text('utf-8')))]


def title(page):
    return page.relative_to(TOP).with_suffix('').as_posix()


@pytest.mark.parametrize('page', pages_with_examples(), ids=title)
def test_the_code_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    # a page may put a clock in place and leave it there
    with frozen_clock(), namespace(page.stem) as names:
        run_examples(page.read_text('utf-8'), names, page)


def test_the_pages_that_are_expected_have_examples():
    assert {'README', 'docs/tutorial', 'docs/topics/index',
            'docs/topics/testing'} <= set(map(title, pages_with_examples()))


@pytest.mark.parametrize('story', STORIES)
def test_every_story_is_a_topic(story):
    page = TOP / 'docs' / 'topics' / story
    assert f'.. include:: ../../doctests/{story}' in page.read_text('utf-8')


def test_the_stories_can_be_pasted_after_the_preamble():
    """What the topics say to paste gives the names that a story begins with."""
    preamble = (TOP / 'docs' / 'topics' / 'index.rst').read_text('utf-8')
    story = (FOLDER / 'storage.rst').read_text('utf-8')
    with frozen_clock() as outer, namespace('pasted') as names:
        run_examples(preamble, names, Path('topics/index.rst'))
        run_examples(story, names, FOLDER / 'storage.rst')
        names['clock'].stop()
        assert outer() == outer.now
