"""``trackstore compact``."""

import click

from trackstore.cli.output import json_option, show_json
from trackstore.cli.progress import progress_bar
from trackstore.cli.store import name_option, opened


@click.command()
@click.argument('store')
@name_option
@json_option
def compact(store, name, as_json):
    """Merge the segments of a store, and fold in what was changed.

    The file becomes smaller with the next pack.
    """
    with opened(store, write=True, name=name) as tracks:
        before = tracks.info()['segments']
        with progress_bar('compact') as advance:
            after = tracks.compact(progress=advance)
    if as_json:
        show_json({'segments': after, 'segmentsBefore': before})
    else:
        click.echo(f'segments: {before:,} before, {after:,} now')
