"""``trackstore count``."""

import click

from trackstore.cli.criteria import criteria_options
from trackstore.cli.output import json_option, number, show_json
from trackstore.cli.store import name_option, opened


@click.command()
@click.argument('store')
@criteria_options
@name_option
@json_option
def count(store, criteria, zone, name, as_json):
    """Count tracks."""
    with opened(store, name=name) as tracks:
        found = tracks.count(**criteria)
    if as_json:
        show_json({'tracks': found})
    else:
        click.echo(number(found))
