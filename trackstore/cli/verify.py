"""``trackstore verify``."""

import click

from trackstore.cli.output import counted, json_option, show_json, shown
from trackstore.cli.progress import progress_bar
from trackstore.cli.store import opened


@click.command()
@click.argument('store')
@json_option
def verify(store, as_json):
    """Compare every index and segment with the tracks.

    The exit status is 0 when all is well, and 1 when something is wrong.
    """
    with opened(store) as tracks:
        with progress_bar('verify') as advance:
            problems = tracks.verify(progress=advance)
        total = len(tracks)
    if as_json:
        show_json({'tracks': total, 'problems': problems})
    else:
        for problem in problems:
            click.echo(shown(problem))
        click.echo(f'{counted(total, "track")}, {counted(len(problems), "problem")}')
    if problems:
        raise click.exceptions.Exit(1)
