"""``trackstore verify``."""

import click

from trackstore.cli.output import counted, json_option, show_json, shown
from trackstore.cli.progress import progress_bar
from trackstore.cli.store import Damaged, Failure, name_option, opened
from trackstore.exceptions import DamagedError


@click.command()
@click.argument('store')
@click.option('--repair', is_flag=True,
              help='Make anew what follows from the tracks: indexes, times, counts.')
@name_option
@json_option
def verify(store, repair, name, as_json):
    """Compare every index and segment with the tracks.

    What is damaged is named, and the rest is looked at all the same.  Make a copy
    of the store before you have it repaired.

    The exit status is 0 when all is well, in the end with --repair; 1 when
    something is wrong; and 2 when the store cannot be read at all.
    """
    repaired = []
    try:
        with opened(store, write=repair, name=name) as tracks:
            with progress_bar('repair' if repair else 'verify') as advance:
                if repair:
                    repaired, problems = tracks.repair(progress=advance)
                else:
                    problems = tracks.verify(progress=advance)
            total = _length(tracks)
    except Damaged as e:
        raise Failure(
            f'the store cannot be read, not even to verify it: {e.why}') from None
    if as_json:
        record = {'tracks': total, 'problems': problems}
        show_json({**record, 'repaired': repaired} if repair else record)
    else:
        for told in repaired:
            click.echo(f'repaired: {shown(told)}')
        for problem in problems:
            click.echo(shown(problem))
        tracks = 'tracks unknown' if total is None else counted(total, 'track')
        click.echo(f'{tracks}, {counted(len(problems), "problem")}')
    if problems:
        raise click.exceptions.Exit(1)


def _length(tracks):
    """Return the number of tracks, None if it cannot be told."""
    try:
        return len(tracks)
    except DamagedError:
        return None
