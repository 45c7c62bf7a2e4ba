"""Opening the store that a command works on, and saying what is wrong."""

import os
from contextlib import ExitStack, contextmanager

import click
from ZODB.POSException import ConflictError, POSError

import trackstore
from trackstore.exceptions import TrackstoreError

FILE_URI = 'file://'


class Failure(click.ClickException):
    """What ends a command: one sentence, and exit status 2."""

    exit_code = 2


@contextmanager
def opened(where, write=False, create=False):
    """Yield the storage of a place; what is wrong ends the command."""
    with ExitStack() as stack:
        try:
            if not create:
                _must_exist(where)
            tracks = stack.enter_context(
                trackstore.open(where, create=create, readOnly=not write))
        except TrackstoreError as e:
            raise Failure(_sentence(e)) from None
        except POSError as e:
            raise Failure(f'{where} cannot be opened: {_sentence(e)}') from None
        except OSError as e:
            raise Failure(
                f'{where} cannot be opened: {e.strerror or e}') from None
        with failures():
            yield tracks


@contextmanager
def failures():
    """Turn the errors of the library into failures."""
    try:
        yield
    except (TrackstoreError, ConflictError) as e:
        raise Failure(_sentence(e)) from None


def _must_exist(where):
    """A URI of a file would make it."""
    if where.startswith(FILE_URI):
        path = where[len(FILE_URI):].partition('?')[0]
        if not os.path.exists(path):
            raise Failure(f'there is no database at {path!r}')


def _sentence(error):
    text = ' '.join(str(error).split()) or type(error).__name__
    return text.removeprefix('where: ')
