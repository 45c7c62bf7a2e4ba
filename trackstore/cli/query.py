"""``trackstore query``."""

import json

import click

from trackstore.cli.criteria import criteria_options
from trackstore.cli.output import (
    has_unicode,
    json_option,
    moment,
    show_table,
    shown,
)
from trackstore.cli.store import name_option, opened
from trackstore.export import record_of
from trackstore.export.exceptions import ValueProblem
from trackstore.export.values import plain

SHOWN = 20


@click.command()
@click.argument('store')
@criteria_options
@click.option('--limit', type=click.IntRange(0),
              help=f'At most so many tracks, 0 for all; {SHOWN}, or all as JSON.')
@click.option('--reverse', is_flag=True, help='The newest first.')
@click.option('--after', metavar='ID', help='Only those after this one.')
@name_option
@json_option
def query(store, criteria, zone, limit, reverse, after, name, as_json):
    """Show tracks, in the order in which they were saved."""
    if limit is None and not as_json:
        limit = SHOWN
    with opened(store, name=name) as tracks:
        found = tracks.query(**criteria, reverse=reverse, after=after)
        chosen = found[:limit] if limit else found
        if as_json:
            for track in chosen:
                click.echo(json.dumps(record_of(track),
                                      ensure_ascii=not has_unicode()))
            return
        show_table(('id', 'task', 'run', 'user', 'time', 'data'),
                   (_row(track, zone) for track in chosen), right=('run',),
                   rest='data')
        if 0 < len(chosen) < len(found):
            click.echo(f'{len(chosen):,} of {len(found):,} tracks; for more: '
                       f'--after {chosen[-1].name}, or --limit', err=True)


def _row(track, zone):
    return (track.name, shown(track.taskId), str(track.runId), shown(track.userName),
            moment(track.timeStamp, zone), _data(track))


def _data(track):
    data = dict(track.data)
    try:
        return shown(json.dumps(plain(data), ensure_ascii=False))
    except ValueProblem:
        return shown(repr(data))
