"""``trackstore copy``."""

import errno

import click
from ZODB.FileStorage.format import CorruptedError
from ZODB.POSException import ConflictError, POSError, POSKeyError

from trackstore.cli.output import counted, json_option, show_json, shown, size
from trackstore.cli.progress import progress_bar
from trackstore.cli.store import Failure, failures
from trackstore.copying import copy as copy_database
from trackstore.exceptions import DamagedError

#: How the errors of a database's driver are called, whichever it is.
DRIVERS = {'OperationalError', 'InterfaceError'}

#: A disk or a quota that is full, and a file that may not grow.
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

TITLES = {'bytes': 'copy', 'objects': 'compare', 'tracks': 'verify'}


@click.command()
@click.argument('source', metavar='FROM')
@click.argument('target', metavar='TO')
@json_option
def copy(source, target, as_json):
    """Copy a whole database to another place, and compare the two.

    FROM and TO are paths or ZODB URIs.  All is copied: every store, all else in
    the database, and the history where both ends keep one.  FROM may be written
    to in the meantime.  TO is empty; a copy that was interrupted goes on where
    it ended.  Nobody else may write to TO meanwhile.

    The exit status is 0 when the two are equal, 1 when something differs, and 2
    when nothing can be copied.
    """
    with failures(), progress_bar('copy') as advance:
        try:
            copied = copy_database(
                source, target,
                lambda done, total, remark: advance(done, total, TITLES[remark]))
        except (ConflictError, POSKeyError, CorruptedError, DamagedError):
            raise
        except Exception as e:  # a server that was lost, for instance
            if (not isinstance(e, POSError) and not _is_of_a_driver(e)
                    and getattr(e, 'errno', None) not in FULL):
                raise
            why = (getattr(e, 'strerror', None) or ' '.join(str(e).split())
                   or type(e).__name__)
            raise Failure(f'the copy was interrupted: {why}; the same command goes '
                          f'on where it ended') from None
    if as_json:
        show_json(vars(copied))
    else:
        before = ('' if not copied.before else ' (1 was there)' if copied.before == 1
                  else f' ({copied.before:,} were there)')
        click.echo(f'copied: {counted(copied.transactions, "transaction")}{before}, '
                   f'{counted(copied.records, "record")}, {size(copied.bytes)}')
        for name, tracks in copied.stores.items():
            click.echo(f'{shown(name)}: {counted(tracks, "track")}')
        for problem in copied.problems:
            click.echo(shown(problem))
        click.echo(f'compared: {counted(copied.objects, "object")}, '
                   f'{counted(len(copied.problems), "problem")}')
    if copied.problems:
        raise click.exceptions.Exit(1)


def _is_of_a_driver(error):
    return any(each.__name__ in DRIVERS for each in type(error).__mro__)
