"""``trackstore events``."""

import os

import click

from trackstore import finding
from trackstore.cli.output import counted, json_option, show_json
from trackstore.cli.store import Failure, opened
from trackstore.events import registry, typepage
from trackstore.storage import TrackingStorage

WRITERS = {'.md': typepage.markdown, '.html': typepage.html}


@click.group()
def events():
    """What types of events there are."""


@events.command()
@click.argument('store')
@click.argument('page', required=False, type=click.Path(dir_okay=False))
@click.option('--name', default=registry.NAME, show_default=True,
              help='Where in the database the types are: a key of its root, or a path.')
@click.option('--events', 'events_name', default='tracks', show_default=True,
              help='Where in the database the events are.')
@json_option
def docs(store, page, name, events_name, as_json):
    """Write the documentation of all event types that are stored in a STORE.

    PAGE is a file that ends in .md (Markdown) or .html; without it, Markdown is
    printed.  The events, if they are in the same store, tell how often each was
    emitted.
    """
    ending = os.path.splitext(page)[1].lower() if page else '.md'
    if ending not in WRITERS:
        raise click.UsageError(
            f'{page} does not end in {" or ".join(WRITERS)}')
    found = _found(store, name, events_name)
    if as_json:
        for each in found:
            show_json(_as_json(each))
        return
    text = WRITERS[ending](found)
    if page is None:
        click.echo(text)
        return
    try:
        with open(page, 'w', encoding='utf-8') as file:
            file.write(text)
    except OSError as error:
        raise Failure(f'{page} cannot be written: {error.strerror}') from None
    click.echo(f'{counted(len(found), "event type")} in {page}')


def _found(store, name, events_name):
    """Return what a store tells of its types, and of the events if it has them."""
    try:
        with opened(store, name=name) as types:
            events = finding.find(types._p_jar.root(), events_name)
            return typepage.documented(
                types, events if isinstance(events, TrackingStorage) else None)
    except Failure as error:
        if f'under {name!r}' not in error.message:
            raise
        raise Failure(
            f'{store} has no event types under {name!r}; a RegistryValidator whose '
            f'option where is this store puts them there') from None


def _as_json(found):
    kind, events = found.current, found.events
    count = 0 if found.counted else None  # nobody knows
    return {'name': kind.name, 'version': kind.version, **kind.definition,
            'events': events.count if events else count,
            'first': events.first if events else None,
            'last': events.last if events else None}
