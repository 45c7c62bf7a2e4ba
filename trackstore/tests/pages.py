"""Pages that tell how to make a project: their files and their commands."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from trackstore.tests.waiting import LONG

BLOCK = re.compile(
    r'^\.\. code-block:: (\w+)\n(?:   :caption: ([^\n]*)\n)?\n((?:   [^\n]*\n|\n)+)',
    re.MULTILINE)
AT_THE_END = ', at the end'
TOP = Path(__file__).parents[2]


def blocks(path):
    """Yield kind, caption and text for each block of code of a page."""
    for kind, caption, text in BLOCK.findall(path.read_text('utf-8')):
        yield kind, caption, '\n'.join(
            line[3:] for line in text.splitlines()).strip('\n') + '\n'


class Project:
    """A folder that gets the files of a page."""

    def __init__(self, folder, replaced=None):
        self.folder = folder
        self.replaced = replaced or {}
        self.environment = {
            **os.environ, 'PYTHONPATH': os.pathsep.join([str(TOP), str(folder)]),
            'PATH': os.pathsep.join([str(Path(sys.executable).parent),
                                     os.environ['PATH']])}
        self.environment.pop('DJANGO_SETTINGS_MODULE', None)

    def put(self, caption, text):
        """Write a file, or at the end of one, as its caption says."""
        for old, new in self.replaced.items():
            text = text.replace(old, new)
        name = caption.removesuffix(AT_THE_END)
        mode = 'a' if name != caption else 'w'
        with (self.folder / name).open(mode, encoding='utf-8') as file:
            file.write(('\n' if mode == 'a' else '') + text)

    def run(self, line):
        """Return all that a line for the shell prints."""
        # the command may not be installed
        line = re.sub(r'^trackstore ', 'python -m trackstore.cli ', line)
        return subprocess.run(
            f'exec 2>&1; {line}', shell=True, cwd=self.folder, env=self.environment,
            stdout=subprocess.PIPE, text=True, timeout=LONG).stdout

    def start(self, line):
        """Start the program of a line, with its output in a file."""
        with (self.folder / 'log').open('wb') as log:
            return subprocess.Popen(
                shlex.split(line), cwd=self.folder, env=self.environment, stdout=log,
                stderr=log, start_new_session=True)


def commands(text):
    """Yield each command of a block, and what it prints."""
    for part in re.split(r'^\$ ', text, flags=re.MULTILINE)[1:]:
        line, _, output = part.partition('\n')
        yield line, output
