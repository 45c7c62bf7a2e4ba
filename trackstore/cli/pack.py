"""``trackstore pack``."""

import click

from trackstore.cli.output import json_option, show_json, size
from trackstore.cli.store import opened


@click.command()
@click.argument('store')
@click.option('--days', type=click.FloatRange(0), default=0, show_default=True,
              help='Keep what can be undone of so many days.')
@json_option
def pack(store, days, as_json):
    """Remove from the database what is no longer in use.

    A database file is kept as it was, with the ending .old.
    """
    with opened(store, write=True) as tracks:
        database = tracks._p_jar.db()
        before = database.getSize()
        database.pack(days=days)
        after = database.getSize()
    if as_json:
        show_json({'bytes': after, 'bytesBefore': before})
    else:
        click.echo(f'size: {size(before)} before, {size(after)} now')
