"""``trackstore runs``."""

import click

from trackstore.cli.criteria import zone_option
from trackstore.cli.output import json_option, moment, number, show_json, show_table
from trackstore.cli.store import name_option, opened
from trackstore.export.values import plain

SHOWN = 20


@click.command()
@click.argument('store')
@click.option('--open', 'only', flag_value='open', help='Those that go on.')
@click.option('--finished', 'only', flag_value='finished', help='Those that are over.')
@click.option('--limit', type=click.IntRange(0), default=SHOWN, show_default=True,
              help='At most so many, 0 for all.')
@click.option('--reverse', is_flag=True, help='The newest first.')
@zone_option
@name_option
@json_option
def runs(store, only, limit, reverse, zone, name, as_json):
    """Show runs, in the order of their numbers."""
    with opened(store, name=name) as tracks:
        numbers = [] if only == 'finished' else list(tracks.runs)
        numbers += [] if only == 'open' else list(tracks.finishedRuns)
        numbers.sort(reverse=reverse)
        chosen = numbers[:limit] if limit else numbers
        groups = tracks.groupBy('runId', runId=chosen)
        rows = [_row(tracks.getRun(runId=run), groups) for run in chosen]
    if as_json:
        for row in rows:
            show_json(row)
        return
    show_table(
        ('run', 'start', 'end', 'finished', 'tracks'),
        [(str(row['runId']), moment(row['start'], zone), moment(row['end'], zone),
          'yes' if row['finished'] else 'no', number(row['tracks']))
         for row in rows], right=('run', 'tracks'))
    if len(chosen) < len(numbers):
        click.echo(f'{len(chosen):,} of {len(numbers):,} runs; for more: --limit',
                   err=True)


def _row(run, groups):
    group = groups.get(run.id)
    return {'runId': run.id, 'taskId': plain(run.taskId), 'start': run.start,
            'end': run.end, 'finished': run.finished,
            'tracks': group.count if group else 0}
