"""The command ``trackstore``."""

import logging
import sys


def main():
    """Run the command; the entry point of ``trackstore``."""
    try:
        import click  # noqa: F401
        import rich  # noqa: F401
    except ImportError as error:
        sys.exit(f"trackstore: the command needs {error.name}: "
                 f"pip install 'trackstore[cli]'")
    from trackstore.cli.command import command
    # What ZODB logs of a damaged store, the command says in a sentence.
    logging.getLogger().addHandler(logging.NullHandler())
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, 'reconfigure'):
            stream.reconfigure(errors='backslashreplace')
    command(prog_name='trackstore')
