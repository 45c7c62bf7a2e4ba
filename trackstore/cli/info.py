"""``trackstore info``."""

import click

from trackstore.cli.criteria import zone_option
from trackstore.cli.output import (
    counted,
    json_option,
    moment,
    number,
    show_json,
    show_pairs,
    shown,
    size,
)
from trackstore.cli.store import name_option, opened


@click.command()
@click.argument('store')
@zone_option
@name_option
@json_option
def info(store, zone, name, as_json):
    """Describe a store."""
    with opened(store, name=name) as tracks:
        found = {**tracks.info(), 'bytes': tracks._p_jar.db().getSize()}
    found['indexes'] = list(found['indexes'])
    if as_json:
        show_json(found)
        return
    show_pairs([
        ('tracks', number(found['tracks'])),
        ('first', moment(found['first'], zone)),
        ('last', moment(found['last'], zone)),
        ('runs', number(found['runs'])),
        ('segments', f'{found["segments"]:,}, and '
                     f'{counted(found["tail"], "track")} not yet in one'),
        ('changes', f'{found["changes"]:,} not yet folded in'),
        ('size', size(found['bytes'])),
        ('indexes', shown(', '.join(found['indexes']))),
        ('format', str(found['format'])),
    ])
