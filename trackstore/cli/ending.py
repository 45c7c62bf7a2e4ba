"""Ending a command from outside."""

import errno
import os
import signal
import sys
from contextlib import contextmanager, suppress

import click

#: The exit status after Ctrl-C, as the shell has it: 1 has other meanings.
INTERRUPTED = 128 + signal.SIGINT


class Interrupted(click.ClickException):
    """The user has stopped the command."""

    exit_code = INTERRUPTED

    def __init__(self, message='interrupted'):
        super().__init__(message)


class Unprinted(click.ClickException):
    """A result that finds no room."""

    exit_code = 2

    def __init__(self, why):
        super().__init__(f'the result cannot be printed: {why}')


class Commands(click.Group):
    """A group of commands that end in order when they are stopped or cannot print."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None
        except OSError as e:  # what is about the store has been told by then
            if e.filename is not None or e.errno in (None, errno.EPIPE):
                raise
            _drop_output()
            raise Unprinted(e.strerror) from None


def _drop_output():
    """Python would try again to print what is left, and fail again."""
    with suppress(OSError, ValueError):  # it is no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


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
