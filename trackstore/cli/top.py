"""``trackstore top``."""

import click

from trackstore.cli.criteria import criteria_options
from trackstore.cli.output import (
    json_option,
    moment,
    number,
    show_json,
    show_table,
    shown,
)
from trackstore.cli.store import name_option, opened
from trackstore.export.values import plain

SHORT = {'task': 'taskId', 'user': 'userName', 'run': 'runId'}


@click.command()
@click.argument('store')
@click.argument('attribute', metavar='task|user|run')
@criteria_options
@click.option('--limit', type=click.IntRange(1), default=10, show_default=True,
              help='How many to show.')
@name_option
@json_option
def top(store, attribute, criteria, zone, limit, name, as_json):
    """Show the tasks, users or runs with the most tracks.

    A further index of the store can be named too.
    """
    with opened(store, name=name) as tracks:
        name = SHORT.get(attribute, attribute)
        groups = tracks.groupBy(name, **criteria)
        most = sorted(groups.items(), key=lambda pair: -pair[1].count)[:limit]
        rows = [(value, group.count, group.first, group.last) for value, group in most]
    if as_json:
        for value, found, first, last in rows:
            show_json({name: plain(value), 'tracks': found, 'first': first,
                       'last': last})
        return
    show_table(
        (attribute, 'tracks', 'first', 'last'),
        [(shown(value), number(found), moment(first, zone), moment(last, zone))
         for value, found, first, last in rows], right=('tracks',))
