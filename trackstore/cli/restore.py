"""``trackstore restore``."""

import click

from trackstore.cli.criteria import zone_option
from trackstore.cli.ending import cleaning_up
from trackstore.cli.output import counted, json_option, moment, show_json, shown, size
from trackstore.cli.store import failures
from trackstore.importers.times import asked_time
from trackstore.restoring import restore as restore_backup

UNEXACT = 'what was saved after that and up to {at} is in no backup that reaches there'


@click.command()
@click.argument('folder')
@click.argument('store')
@click.option('--at', metavar='MOMENT',
              help='As it was at this MOMENT, such as "2026-11-21 20:10"; a year, '
                   'month or date is its end.  Without it, as of the last backup.')
@click.option('--overwrite', is_flag=True, help='Replace the file STORE.')
@zone_option
@json_option
def restore(folder, store, at, overwrite, zone, as_json):
    """Make the file STORE from the backups in FOLDER.

    All is read and checked before STORE is touched.
    """
    asked = _time(at, zone)
    with failures(), cleaning_up():
        restored = restore_backup(folder, store, asked, overwrite)
    if as_json:
        show_json(vars(restored))
    else:
        click.echo(f'{shown(restored.path)}: {size(restored.bytes)}, as of '
                   f'{moment(restored.asOf, zone)}; the last change is of '
                   f'{moment(restored.last, zone)}')
    if restored.leftOut:
        which = ('has not been completed and is' if restored.leftOut == 1 else
                 'have not been completed and are')
        click.echo(f'Note: {counted(restored.leftOut, "newer part")} {which} left out',
                   err=True)
    if asked is not None and restored.asOf < asked:
        click.echo('Note: ' + UNEXACT.format(at=moment(asked, zone)), err=True)


def _time(at, zone):
    if at is None:
        return None
    try:
        return asked_time(at, zone, end=True)
    except ValueError as e:
        raise click.BadParameter(str(e), param_hint='--at') from None
