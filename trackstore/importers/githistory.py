"""The history of a git checkout, commit by commit, and its saved form.

A commit becomes a track for each file that it changed: by its author, in the
run of its month (in UTC), with ``commit``, ``subject`` and the number of lines
``added`` and ``removed``; a binary file has no lines.  Merges have no changes
of their own.

The saved form is a file of JSON lines, so that a history can be imported where
there is no git.
"""

import gzip
import json
import os
import subprocess
import tempfile
import time
from typing import NamedTuple

from trackstore.importers.exceptions import BadLine, SourceError
from trackstore.importers.jsonlines import record_of
from trackstore.importers.source import text_of

SAVED = 'git history'
VERSION = 1
PIECE = 1 << 16

#: Not what the user's own settings of git may make of it.
LOG = ('log', '--reverse', '--topo-order', '--no-merges', '--numstat', '-z',
       '--no-renames', '--no-ext-diff', '--no-textconv', '--no-color',
       '--no-notes', '--no-show-signature', '--encoding=UTF-8',
       '--format=tformat:%x00%H%x00%at%x00%aN%x00%s')


class Commit(NamedTuple):
    """A commit; ``files`` are triples of path, lines added and removed."""

    commit: str
    time: int
    author: str
    subject: str
    files: list

    def rows(self, number):
        """Return a row for each file."""
        try:
            month = time.strftime('%Y-%m', time.gmtime(self.time))
        except (ValueError, OverflowError, OSError):
            raise BadLine(
                f'the time of commit {self.commit[:12]} is outside of the '
                f'calendar: {self.time}') from None
        rows = []
        for path, added, removed in self.files:
            data = {'commit': self.commit, 'subject': self.subject}
            if added is not None:
                data['added'], data['removed'] = added, removed
            rows.append((path, month, self.author, data, self.time, number))
        return rows


class Checkout:
    """A checkout of git (or a bare repository), to be read."""

    def __init__(self, path):
        self.path = os.fspath(path)
        self.head = self._ask('rev-parse', '--verify', 'HEAD^{commit}')
        shallow = self._ask('rev-parse', '--is-shallow-repository')
        self.complete = shallow == 'false'

    def size(self, heads=()):
        """Return the number of commits that ``commits`` yields."""
        return int(self._ask('rev-list', '--count', '--no-merges',
                             *self._range(heads)))

    def commits(self, heads=()):
        """Yield the commits, the oldest first, without those before the heads."""
        with tempfile.TemporaryFile() as errors, subprocess.Popen(
                ['git', '-C', self.path, *LOG, *self._range(heads)],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=errors) as process:
            try:
                yield from _commits(_tokens(process.stdout))
            except BaseException:
                process.kill()
                raise
            if process.wait():
                errors.seek(0)
                raise SourceError(f'git cannot read the history of {self.path}: '
                                  f'{_said(errors.read())}')

    def _range(self, heads):
        return '--ignore-missing', self.head, *(f'^{head}' for head in heads), '--'

    def _ask(self, *arguments):
        try:
            result = subprocess.run(
                ['git', '-C', self.path, *arguments], capture_output=True,
                stdin=subprocess.DEVNULL)
        except FileNotFoundError:
            raise SourceError(
                f'git is not installed, so the history of {self.path} cannot be '
                f'read') from None
        if result.returncode:
            raise SourceError(
                f'{self.path} has no history that git can read: '
                f'{_said(result.stderr)}')
        return result.stdout.decode().strip()


def is_checkout(path):
    """Tell whether a path is a checkout of git or a bare repository."""
    there = os.path.exists
    return os.path.isdir(path) and (
        there(os.path.join(path, '.git'))
        or there(os.path.join(path, 'HEAD')) and there(os.path.join(path, 'objects')))


def _said(errors):
    lines = text_of(errors).strip().splitlines() or ['it does not say why']
    return lines[0].removeprefix('fatal: ')


def _tokens(stream):
    """Yield what stands between the zero bytes of a stream."""
    rest = b''
    while piece := stream.read(PIECE):
        *tokens, rest = (rest + piece).split(b'\0')
        yield from map(text_of, tokens)
    if rest:
        yield text_of(rest)


def _commits(tokens):
    """Yield the commits of git's output.

    An empty token begins a commit, and four follow it; then come the files.
    """
    commit = None
    for token in tokens:
        if token:
            added, removed, path = token.lstrip('\n').split('\t', 2)
            binary = added == '-'
            commit.files.append((path, None if binary else int(added),
                                 None if binary else int(removed)))
        else:
            if commit is not None:
                yield commit
            name, when, author, subject = (next(tokens) for _ in range(4))
            commit = Commit(name, int(when), author, subject, [])
    if commit is not None:
        yield commit


def save_history(checkout, target):
    """Write the history of a checkout as JSON lines; return the commits.

    ``target`` is the path of the file; one that ends in ``.gz`` is compressed,
    and is the same for the same history.
    """
    source = Checkout(checkout)
    count = 0
    with open(target, 'wb') as raw:
        file = raw
        if os.fspath(target).endswith('.gz'):
            file = gzip.GzipFile('', 'wb', fileobj=raw, mtime=0)
        _write(file, {'trackstore': SAVED, 'version': VERSION, 'head': source.head})
        for commit in source.commits():
            _write(file, commit._asdict())
            count += 1
        if file is not raw:
            file.close()
    return count


def _write(file, record):
    file.write(json.dumps(record, ensure_ascii=False).encode() + b'\n')


def saved_commits(source):
    """Yield line number, commit and line of a ``Source`` of the saved form.

    For a bad line there is a ``BadLine`` in the place of the commit.
    """
    for block in source.blocks():
        for number, line in enumerate(block.lines, block.number):
            if number == 1 or not line.strip():
                continue
            try:
                if block.long_end is not None:
                    raise BadLine(f'it is longer than {source.max_line:,} bytes')
                yield number, _saved_commit(line), line
            except BadLine as e:
                yield number, e, line


def _saved_commit(line):
    """Return the commit of a line of the saved form."""
    record = record_of(line)
    try:
        commit = Commit(**record)
        bytes.fromhex(commit.commit)
        files = [(path, added, removed) for path, added, removed in commit.files]
    except (TypeError, ValueError):
        raise BadLine('it is no commit of a saved history') from None
    texts = [commit.author, commit.subject, *(path for path, _, _ in files)]
    numbers = [commit.time, *(number for _, *both in files for number in both
                              if number is not None)]
    if {*map(type, texts)} != {str} or {*map(type, numbers)} != {int}:
        raise BadLine('a text or a number of its commit is of another type')
    return commit._replace(files=files)
