"""``trackstore verify``."""

import click

from trackstore.cli.output import counted, json_option, show_json, shown
from trackstore.cli.progress import progress_bar
from trackstore.cli.store import Damaged, Failure, opened


@click.command()
@click.argument('store')
@json_option
def verify(store, as_json):
    """Compare every index and segment with the tracks.

    The exit status is 0 when all is well, 1 when something is wrong, and 2
    when the store cannot be read at all.
    """
    try:
        with opened(store) as tracks:
            with progress_bar('verify') as advance:
                problems = tracks.verify(progress=advance)
            total = len(tracks)
    except Damaged as e:
        raise Failure(
            f'the store cannot be read, not even to verify it: {e.why}') from None
    if as_json:
        show_json({'tracks': total, 'problems': problems})
    else:
        for problem in problems:
            click.echo(shown(problem))
        click.echo(f'{counted(total, "track")}, {counted(len(problems), "problem")}')
    if problems:
        raise click.exceptions.Exit(1)
