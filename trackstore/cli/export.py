"""``trackstore export``."""

import sys

import click

from trackstore.cli.criteria import criteria_options
from trackstore.cli.output import counted, json_option, show_json, shown
from trackstore.cli.progress import progress_bar
from trackstore.cli.store import name_option, opened
from trackstore.export import FORMATS, export_tracks

STDOUT = '-'


@click.command()
@click.argument('store')
@click.argument('target', default=STDOUT)
@click.option('--format', 'format_', type=click.Choice(tuple(FORMATS)),
              help='The format; without it, the ending of TARGET says it.')
@criteria_options
@click.option('--skip-damaged', is_flag=True,
              help='Leave out what is damaged, and say what; not with criteria.')
@name_option
@json_option
def export(store, target, format_, criteria, zone, skip_damaged, name, as_json):
    """Write tracks to the file TARGET, or to the standard output.

    A file that ends in .gz is compressed.  "trackstore import" reads JSON
    lines back with their runs, and CSV without them.

    With --skip-damaged the exit status is 1 if something was left out.
    """
    if skip_damaged and criteria:
        raise click.UsageError(
            '--skip-damaged reads the whole store; it takes no criteria.')
    left_out = {} if skip_damaged else None
    place = sys.stdout.buffer if target == STDOUT else target
    with opened(store, name=name) as tracks, progress_bar('export') as advance:
        count = export_tracks(
            tracks, place, format_, advance, leftOut=left_out, **criteria)
    if target != STDOUT:
        if as_json:
            record = {'target': target, 'tracks': count}
            show_json({**record, 'leftOut': left_out} if skip_damaged else record)
        else:
            click.echo(f'{counted(count, "track")} in {shown(target)}')
    for where, hurt in (left_out or {}).items():
        lost = 'of unknown number' if hurt is None else counted(hurt, 'track')
        click.echo(f'left out: {shown(where)} ({lost})', err=True)
    if left_out:
        raise click.exceptions.Exit(1)
