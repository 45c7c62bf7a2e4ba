"""``trackstore backup``."""

import time
from datetime import timezone

import click

from trackstore import backup as backups
from trackstore.cli.ending import cleaning_up
from trackstore.cli.output import (
    counted,
    json_option,
    moment,
    number,
    show_json,
    show_table,
    shown,
    size,
)
from trackstore.cli.progress import progress_bar
from trackstore.cli.store import failures


@click.command()
@click.argument('places', nargs=-1, metavar='[STORE] FOLDER')
@click.option('--full', is_flag=True,
              help='Copy the whole file, also where what was added would do.')
@click.option('--gzip/--no-gzip', default=True, show_default=True,
              help='Compress what is copied.')
@click.option('--quick', is_flag=True,
              help='Do not read the older parts to see that they go together.')
@click.option('--keep', type=click.IntRange(1), metavar='N',
              help='Then remove all but the newest N full backups, with those '
                   'that build on them.')
@click.option('--list', 'task', flag_value='list', help='Show what is in FOLDER.')
@click.option('--verify', 'task', flag_value='verify',
              help='Compare what is in FOLDER with its check sums.')
@json_option
def backup(places, full, gzip, quick, keep, task, as_json):
    """Back up the file STORE to FOLDER.

    The first backup is a full one; the next ones have what was added since,
    until a pack makes a full one necessary.  STORE may be written to in the
    meantime; each one has a FOLDER of its own.  For a ZEO server back up its
    file, on its machine; PostgreSQL has pg_dump.

    The exit status of --verify is 1 when something is wrong.
    """
    if task is None and len(places) != 2:
        raise click.UsageError('allowed are two places: STORE and FOLDER')
    if task is not None and len(places) != 1:
        raise click.UsageError(f'--{task} takes one place: FOLDER')
    with failures(), cleaning_up():
        if task == 'list':
            _list(places[0], as_json)
        elif task == 'verify':
            _verify(places[0], as_json)
        else:
            _back_up(*places, full, gzip, quick, keep, as_json)


def _back_up(store, folder, full, gzip, quick, keep, as_json):
    started = time.time()
    part = backups.backup(store, folder, full, gzip, quick)
    removed = backups.prune(folder, keep) if keep else []
    if as_json:
        show_json({'part': part and vars(part), 'removed': len(removed),
                   'seconds': round(time.time() - started, 3)})
        return
    if part is None:
        click.echo('nothing has changed since the last backup')
    else:
        click.echo(f'{_kind(part)}: {shown(part.path)}, {size(part.bytes)}')
    if removed:
        click.echo(f'{counted(len(removed), "older file")} removed')
    if 'blobstorage_dir=' in store.partition('?')[2]:
        click.echo('Note: blobs are no part of it; copy their folder now', err=True)


def _kind(part):
    return 'full' if part.full else 'incremental'


def _list(folder, as_json):
    found = backups.parts(folder)
    if as_json:
        for part in found:
            show_json(vars(part))
        return
    if not found:
        click.echo(f'{shown(folder)} has no backup', err=True)
        return
    show_table(
        ('time (UTC)', 'kind', 'bytes', 'database'),
        [(moment(part.moment, timezone.utc), _kind(part),
          'missing' if part.bytes is None else number(part.bytes),
          'not completed' if part.store is None else number(part.store))
         for part in found], right=('bytes', 'database'))


def _verify(folder, as_json):
    with progress_bar('verify') as advance:
        problems = backups.verify(folder, advance)
    total = len(backups.parts(folder))
    if as_json:
        show_json({'parts': total, 'problems': problems})
    else:
        for problem in problems:
            click.echo(shown(problem))
        click.echo(f'{counted(total, "part")}, {counted(len(problems), "problem")}')
    if problems:
        raise click.exceptions.Exit(1)
