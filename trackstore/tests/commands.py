"""The command, run in this process and in one of its own."""

import json
import os
import subprocess
import sys

from click.testing import CliRunner

from trackstore.cli.command import command
from trackstore.tests.waiting import LONG

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


def shell(*arguments, **environment):
    return subprocess.run(
        [sys.executable, '-m', 'trackstore.cli', *map(str, arguments)],
        capture_output=True, env={**os.environ, **environment}, timeout=LONG)


def run_faults(*arguments):
    """Run the command for faults; return what it prints."""
    done = subprocess.run(
        [sys.executable, '-m', 'trackstore.tests.faults', *arguments],
        capture_output=True, text=True, timeout=3 * LONG)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
