"""Opening the store that a command works on, and saying what is wrong."""

import errno
import os
import pickle
import zlib
from contextlib import ExitStack, contextmanager

import click
from ZODB.broken import Broken
from ZODB.FileStorage.format import TRANS_HDR_LEN
from ZODB.POSException import (
    ConflictError,
    POSError,
    POSKeyError,
    ReadOnlyError,
    StateLoadError,
)

import trackstore
from trackstore.exceptions import TrackstoreError

CUT = 'ends in the middle of a transaction'
REMEDY = ('after making a copy, open it for writing once (compact, import) to cut '
          'that off')
FILE_URI = 'file://'

#: The errors that hurt bytes bring about, wherever they are read.
HURT = (zlib.error, pickle.UnpicklingError, EOFError, StateLoadError, POSKeyError)

#: What else comes from these modules has to do with what is stored.
READERS = ('ZODB.', 'trackstore.block', 'trackstore.codec', 'trackstore.directory',
           'trackstore.index', 'trackstore.record', 'trackstore.run',
           'trackstore.segment', 'trackstore.storage', 'trackstore.tail')


class Failure(click.ClickException):
    """What ends a command: one sentence, and exit status 2."""

    exit_code = 2


class Damaged(Failure):
    """A store whose bytes are not what was written."""

    def __init__(self, why):
        self.why = why
        super().__init__(f'the store is damaged: {why}; see trackstore verify')


@contextmanager
def opened(where, write=False, create=False):
    """Yield the storage of a place; what is wrong ends the command."""
    with ExitStack() as stack:
        try:
            if not create:
                _must_exist(where)
            length = os.path.getsize(where) if os.path.isfile(where) else 0
            tracks = stack.enter_context(
                trackstore.open(where, create=create, readOnly=not write))
        except (click.ClickException, KeyboardInterrupt):
            raise
        except TrackstoreError as e:
            raise Failure(_sentence(e)) from None
        except ReadOnlyError:
            raise Failure(
                f'{where} {CUT}; {REMEDY}' if length else
                f'{where} is empty: there is no store in it yet') from None
        except HURT as e:
            raise Damaged(_why(e)) from None
        except OSError as e:
            raise Failure(
                f'{where} cannot be opened: {e.strerror or e}') from None
        except POSError as e:
            raise Failure(f'{where} cannot be opened: {_sentence(e)}') from None
        except Exception as e:
            raise Failure(
                f'{where} cannot be opened, its bytes are not those of a database: '
                f'{_why(e)}') from None
        _warn(where, length - tracks._p_jar.db().getSize(), write)
        with failures():
            yield tracks


def _warn(where, beyond, write):
    """Say it when a file has more bytes than whole transactions."""
    if beyond <= 0:
        return
    remedy = REMEDY
    if write:  # of less than a header nothing is kept
        remedy = 'that was cut off' + (
            ', and is kept beside it (.tr0)' if beyond >= TRANS_HDR_LEN else '')
    click.echo(f'Warning: {where} {CUT} (the last {beyond:,} bytes); {remedy}',
               err=True)


@contextmanager
def failures():
    """Turn the errors of the library into failures."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit):
        raise
    except (TrackstoreError, ConflictError) as e:
        raise Failure(_sentence(e)) from None
    except HURT as e:
        raise Damaged(_why(e)) from None
    except OSError as e:
        if e.errno == errno.EPIPE or e.filename is None and e.errno is None:
            raise
        raise Failure(_sentence(e)) from None
    except Exception as e:
        if not _is_from_readers(e):
            raise
        raise Damaged(_why(e)) from None


def _is_from_readers(error):
    """Tell whether an error arose where stored bytes are taken apart."""
    if isinstance(getattr(error, 'obj', None), Broken):
        return True
    trace, module = error.__traceback__, ''
    while trace is not None:
        module = trace.tb_frame.f_globals.get('__name__', '')
        trace = trace.tb_next
    return module.startswith(READERS)


def _why(error):
    """Return what an error of hurt bytes says, with the first cause of it."""
    while isinstance(error.__cause__ or error.__context__, Exception):
        error = error.__cause__ or error.__context__
    name = type(error).__name__
    text = ' '.join(str(error).split())[:200]
    if isinstance(error, POSKeyError):
        return f'an object is missing ({text})'
    return f'{text} ({name})' if text else name


def _must_exist(where):
    """A URI of a file would make it."""
    if where.startswith(FILE_URI):
        path = where[len(FILE_URI):].partition('?')[0]
        if not os.path.exists(path):
            raise Failure(f'there is no database at {path!r}')


def _sentence(error):
    text = ' '.join(str(error).split()) or type(error).__name__
    return text.removeprefix('where: ')
