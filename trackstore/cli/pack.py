"""``trackstore pack``."""

import math
import time

import click
from ZODB.POSException import (
    ConflictError,
    POSError,
    POSKeyError,
    ReadOnlyError,
    Unsupported,
)

from trackstore.cli.output import json_option, show_json, size
from trackstore.cli.store import Failure, opened_database
from trackstore.opening import without_password

VACUUM = ('Note: PostgreSQL uses the room again by itself; VACUUM FULL gives it back '
          'to the disk')


DAY = 24 * 60 * 60


def _days(context, option, days):
    """Of days before 1970 the storages of the ZODB know nothing."""
    if math.isnan(days):
        raise click.BadParameter('nan is no number of days')
    return min(days, time.time() / DAY)


@click.command()
@click.argument('store')
@click.option('--days', type=click.FloatRange(0), default=0, show_default=True,
              callback=_days,
              help='Keep what can be undone of so many days.')
@json_option
def pack(store, days, as_json):
    """Remove from the database what is no longer in use.

    Others may write to it in the meantime, over ZEO and RelStorage.  A database
    file is kept as it was, with the ending .old.
    """
    with opened_database(store) as database:
        before = database.getSize()
        _pack(database, store, days)
        after = database.getSize()
    if as_json:
        show_json({'bytes': after, 'bytesBefore': before})
        return
    click.echo(f'size: {size(before)} before, {size(after)} now')
    if store.startswith('postgres'):
        click.echo(VACUUM, err=True)


def _pack(database, store, days):
    """Pack; what cannot be packed ends the command with a sentence."""
    try:
        database.pack(days=days)
    except (ConflictError, POSKeyError):
        raise
    except ReadOnlyError:
        why = 'it is open for reading only'
    except (NotImplementedError, Unsupported):
        why = f'a {type(database.storage).__name__} keeps all that it has'
    except POSError as e:
        why = ' '.join(str(e).split()) or type(e).__name__
    else:
        return
    raise Failure(f'{without_password(store)} cannot be packed: {why}')
