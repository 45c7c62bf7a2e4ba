"""Ending a command from outside."""

import signal
import sys
from contextlib import contextmanager

import click

#: The exit status after Ctrl-C, as the shell has it: 1 has other meanings.
INTERRUPTED = 128 + signal.SIGINT


class Interrupted(click.ClickException):
    """The user has stopped the command."""

    exit_code = INTERRUPTED

    def __init__(self, message='interrupted'):
        super().__init__(message)


class Commands(click.Group):
    """A group of commands that Ctrl-C ends with a status of its own."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None


@contextmanager
def cleaning_up():
    """Let SIGTERM, which systemd sends, take what is half done away, as Ctrl-C does.

    This is for commands that work on files alone: what waits for a server would
    wait on.  A second signal ends the process at once.
    """
    try:
        before = signal.signal(signal.SIGTERM, _end)
    except ValueError:  # not in the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number, frame):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.exit(128 + number)
