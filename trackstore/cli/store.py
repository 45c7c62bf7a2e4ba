"""Opening the store that a command works on, and saying what is wrong."""

import errno
import os
from contextlib import ExitStack, closing, contextmanager

import click
from ZODB.broken import Broken
from ZODB.FileStorage.format import TRANS_HDR_LEN
from ZODB.POSException import ConflictError, POSError, ReadOnlyError

import trackstore
from trackstore import damage, opening
from trackstore.exceptions import DamagedError, TrackstoreError
from trackstore.opening import path_of, without_password

CUT = 'ends in the middle of a transaction'
REMEDY = ('after making a copy, open it for writing once (compact, import) to cut '
          'that off')

#: The packages of which an error says that a server is lost.
ENGINES = ('ZEO', 'relstorage', 'psycopg2')

#: For commands that work on one storage of a database.
name_option = click.option(
    '--name', default='tracks', show_default=True, metavar='PATH',
    help='Where in the database the store is: a key of its root, or a path of keys '
         'and attributes, as in course/visits.')


class Failure(click.ClickException):
    """What ends a command: one sentence, and exit status 2."""

    exit_code = 2


class Damaged(Failure):
    """A store whose bytes are not what was written."""

    def __init__(self, why):
        self.why = why
        super().__init__(f'the store is damaged: {why}; see trackstore verify')


@contextmanager
def opened(where, write=False, create=False, name='tracks'):
    """Yield the storage of a place; what is wrong ends the command."""
    store = trackstore.open(where, name, create=create, readOnly=not write)
    with _entered(where, store, lambda tracks: tracks._p_jar.db(), write) as tracks:
        yield tracks


@contextmanager
def opened_database(where):
    """Yield the database of a place, to be changed, whatever is in it."""
    with _entered(where, _database(where), lambda database: database, True) as database:
        yield database


@contextmanager
def _database(where):
    with closing(opening.database(where, create=False)) as database:
        yield database


@contextmanager
def _entered(where, place, database, write):
    shown = without_password(where)
    with failures(), ExitStack() as stack:  # also of what fails when it is closed
        try:
            path = path_of(where)
            length = os.path.getsize(path) if path and os.path.isfile(path) else 0
            entered = stack.enter_context(place)
        except (click.ClickException, KeyboardInterrupt):
            raise
        except DamagedError as e:
            raise Damaged(_told(e)) from None
        except TrackstoreError as e:
            raise Failure(_sentence(e)) from None
        except ReadOnlyError:
            raise Failure(
                f'{shown} {CUT}; {REMEDY}' if length else
                f'{shown} is empty: there is no store in it yet') from None
        except damage.ERRORS as e:
            raise Damaged(damage.reason(e)) from None
        except OSError as e:
            raise Failure(
                f'{shown} cannot be opened: {e.strerror or e}') from None
        except POSError as e:
            raise Failure(f'{shown} cannot be opened: {_sentence(e)}') from None
        except Exception as e:
            if path is None:  # every engine has its own
                raise Failure(f'{shown} cannot be opened: {_sentence(e)}') from None
            raise Failure(
                f'{shown} cannot be opened, its bytes are not those of a database: '
                f'{damage.reason(e)}') from None
        if length:  # a server has no end of a file, and would be asked anew
            _warn(shown, length - database(entered).getSize(), write)
        yield entered


def _warn(shown, beyond, write):
    """Say it when a file has more bytes than whole transactions."""
    if beyond <= 0:
        return
    remedy = REMEDY
    if write:  # of less than a header nothing is kept
        remedy = 'that was cut off' + (
            ', and is kept beside it (.tr0)' if beyond >= TRANS_HDR_LEN else '')
    click.echo(f'Warning: {shown} {CUT} (the last {beyond:,} bytes); {remedy}',
               err=True)


@contextmanager
def failures():
    """Turn the errors of the library into failures."""
    try:
        yield
    except (click.ClickException, click.exceptions.Exit):
        raise
    except DamagedError as e:
        raise Damaged(_told(e)) from None
    except (TrackstoreError, ConflictError) as e:
        raise Failure(_sentence(e)) from None
    except damage.ERRORS as e:
        raise Damaged(damage.reason(e)) from None
    except OSError as e:
        if e.errno == errno.EPIPE or e.filename is None and e.errno is None:
            raise
        raise Failure(_sentence(e)) from None
    except Exception as e:
        if isinstance(getattr(e, 'obj', None), Broken) or _is_of_a_file(e):
            raise Damaged(damage.reason(e)) from None
        if _is_of_a_class(e):
            raise Failure(
                f'a track has an object of a class that cannot be imported here: '
                f'{_sentence(e)}; PYTHONPATH may say where its module is') from None
        if type(e).__module__.partition('.')[0] not in ENGINES:
            raise
        raise Failure(f'the server of the database is lost: {_sentence(e)}') from None


def _is_of_a_file(error):
    """Tell whether the ZODB could not make sense of what is in a file."""
    if not isinstance(error, (ValueError, OverflowError, MemoryError, TypeError)):
        return False
    return _origin(error).startswith(('ZODB.FileStorage', 'ZODB.fsIndex'))


def _is_of_a_class(error):
    """Tell whether what is pickled in a track needs a class that is not here."""
    return isinstance(error, (ImportError, AttributeError)) and _origin(error) in (
        'trackstore.record', 'trackstore.codec')


def _origin(error):
    """Return the name of the module in which an error was raised."""
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_globals.get('__name__', '')


def _told(error):
    return f'{error.where}: {error.why}' if error.where else str(error)


def _sentence(error):
    if isinstance(error, OSError) and error.strerror:
        return (f'{without_password(str(error.filename))}: {error.strerror}'
                if error.filename else error.strerror)
    text = ' '.join(str(error).split()) or type(error).__name__
    return text.removeprefix('where: ')
