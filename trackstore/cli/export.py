"""``trackstore export``."""

import sys

import click

from trackstore.cli.criteria import criteria_options
from trackstore.cli.output import counted, json_option, show_json, shown
from trackstore.cli.progress import progress_bar
from trackstore.cli.store import opened
from trackstore.export import FORMATS, export_tracks

STDOUT = '-'


@click.command()
@click.argument('store')
@click.argument('target', default=STDOUT)
@click.option('--format', 'format_', type=click.Choice(tuple(FORMATS)),
              help='The format; without it, the ending of TARGET says it.')
@criteria_options
@json_option
def export(store, target, format_, criteria, zone, as_json):
    """Write tracks to the file TARGET, or to the standard output.

    A file that ends in .gz is compressed.  "trackstore import" reads JSON
    lines back with their runs, and CSV without them.
    """
    with opened(store) as tracks, progress_bar('export') as advance:
        if target == STDOUT:
            export_tracks(tracks, sys.stdout.buffer, format_, advance, **criteria)
            return
        count = export_tracks(tracks, target, format_, advance, **criteria)
    if as_json:
        show_json({'target': target, 'tracks': count})
    else:
        click.echo(f'{counted(count, "track")} in {shown(target)}')
