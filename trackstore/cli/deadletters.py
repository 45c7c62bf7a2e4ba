"""``trackstore dead-letters``."""

import functools
import json
import os
import random
import sys
import time
from contextlib import ExitStack, contextmanager

import click
from zc.lockfile import LockError

from trackstore.cli.criteria import of_time, zone_option
from trackstore.cli.output import (
    counted,
    has_unicode,
    json_option,
    moment,
    show_json,
    show_pairs,
    show_table,
    shown,
)
from trackstore.cli.progress import progress_bar
from trackstore.cli.store import Failure, failures, name_option, opened
from trackstore.export.exceptions import ValueProblem
from trackstore.export.values import plain
from trackstore.jsonsafe import json_safe

SHOWN = 20

#: So many letters are removed in a transaction.
AT_ONCE = 1000

#: So many times a store is opened that another process has open, with pauses: who
#: saves dead letters has it only for a moment.
TRIES, PAUSE = 16, 0.5

OPTIONS = (
    click.option('--backend', multiple=True, metavar='PATH',
                 help='To this backend; orders.* for all whose path begins so.'),
    click.option('--event', multiple=True, metavar='NAME',
                 help='Of this name; order.* for all that begin so.'),
    click.option('--from', 'start', metavar='TIME',
                 help='Last tried not before this TIME, as 2026-11-21.'),
    click.option('--to', 'end', metavar='TIME',
                 help='Last tried not after this TIME.'),
    zone_option,
)


def letter_options(function):
    """Give a command the options that say which letters: criteria and a zone."""

    @functools.wraps(function)
    def command(*args, backend, event, start, end, zone, **kw):
        criteria = {}
        if backend:
            criteria['userName'] = list(backend)
        if event:
            criteria['taskId'] = list(event)
        criteria.update(of_time(start, end, zone))
        return function(*args, criteria=criteria, zone=zone, **kw)

    for option in reversed(OPTIONS):
        command = option(command)
    return command


@contextmanager
def opened_soon(store, name, write=False):
    """Yield the storage, as ``opened`` does; wait where another process has it open."""
    with ExitStack() as stack:
        for tried in range(1, TRIES + 1):
            try:
                tracks = stack.enter_context(opened(store, write=write, name=name))
                break
            except Failure as failure:
                reason = getattr(failure.__context__, '__cause__', None)
                if tried == TRIES or not isinstance(reason, LockError):
                    raise
            time.sleep(random.uniform(0, PAUSE))
        yield tracks


def _letters(store, tracks, criteria):
    """Return the ids of the letters that the criteria find; say it of other tracks."""
    from trackstore.events.deadletters import is_letter
    found = tracks.query(**criteria)
    ids = [track.name for track in found if is_letter(track)]
    others = counted(len(found) - len(ids), 'track')
    if len(found) and not ids:
        raise Failure(f'{store} has no such dead letters: {others} found, none of them '
                      f'with event, reason and tries in its data')
    if len(ids) < len(found):
        click.echo(f'{others} left out: no dead letters', err=True)
    return ids


@click.group('dead-letters')
def dead_letters():
    """Events that could not be delivered: look at them, send them again.

    A STORE of dead letters is a store like others: each letter is a track, its task
    the name of the event, its user the path of the backend.  Tracks that are no
    letters are left alone.
    """


@dead_letters.command('list')
@click.argument('store')
@letter_options
@click.option('--limit', type=click.IntRange(0), default=SHOWN, show_default=True,
              help='At most so many, 0 for all.')
@name_option
@json_option
def list_(store, criteria, zone, limit, name, as_json):
    """Show letters, the oldest first."""
    with opened_soon(store, name) as tracks:
        found = _letters(store, tracks, criteria)
        chosen = map(tracks.get, found[:limit or None])
        if as_json:
            for track in chosen:
                show_json(_record(track))
            return
        show_table(('id', 'event', 'backend', 'tries', 'last', 'reason'),
                   (_row(track, zone) for track in chosen), right=('tries',),
                   rest='reason')
        if limit and limit < len(found):
            click.echo(f'{limit:,} of {counted(len(found), "letter")}; for '
                       f'more: --limit', err=True)


def _row(track, zone):
    data = track.data
    return (track.name, shown(track.taskId), shown(track.userName),
            str(data.get('tries')), moment(data.get('last'), zone),
            shown(data.get('reason')))


def _record(track):
    data = track.data
    return {'id': track.name, 'name': json_safe(track.taskId),
            'backend': track.userName, 'eventId': data.get('eventId'),
            'tries': data.get('tries'), 'first': data.get('first'),
            'last': data.get('last'), 'reason': data.get('reason'),
            'event': _event(data)}


def _event(data):
    event = data.get('event')
    try:
        return plain(event)
    except ValueProblem:
        return json_safe(event, text_limit=None)


@dead_letters.command()
@click.argument('store')
@click.argument('ids', nargs=-1, required=True, metavar='ID...')
@zone_option
@name_option
@json_option
def show(store, ids, zone, name, as_json):
    """Show all that is known of some letters."""
    from trackstore.events.deadletters import is_letter
    with opened_soon(store, name) as tracks:
        for number, id in enumerate(ids):
            track = tracks.get(id)
            if track is None or not is_letter(track):
                raise Failure(f'there is no letter {id!r} in {store}')
            if as_json:
                show_json(_record(track))
                continue
            if number:
                click.echo()
            data = track.data
            show_pairs([
                ('letter', track.name), ('event', shown(track.taskId)),
                ('event id', shown(data.get('eventId'))),
                ('backend', shown(track.userName)), ('tries', str(data.get('tries'))),
                ('first', moment(data.get('first'), zone)),
                ('last', moment(data.get('last'), zone)),
                ('reason', shown(data.get('reason')))])
            click.echo(json.dumps(_event(data), ensure_ascii=not has_unicode(),
                                  indent=2))


@dead_letters.command()
@click.argument('store')
@click.argument('configuration', type=click.Path(exists=True, dir_okay=False),
                required=False)
@letter_options
@name_option
@json_option
@click.pass_obj
def replay(new_tracker, store, configuration, criteria, zone, name, as_json):
    """Send events again, to the backends of the tracker in CONFIGURATION.

    That is its file in TOML or YAML; manage.py takes the settings if there is none.
    What it imports may be in the current folder.  A letter is removed when its
    event is delivered, or was before.  One that fails again stays, with its tries
    raised; then the exit status is 1.
    """
    from trackstore.events.configuration import load
    from trackstore.events.replay import Replay
    if configuration is not None:
        new_tracker = functools.partial(load, configuration)
    elif new_tracker is None:  # only who runs the command for an application gives one
        raise click.UsageError("Missing argument 'CONFIGURATION'.")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    with failures():
        task = Replay(functools.partial(opened_soon, store, name), new_tracker)
        with opened_soon(store, name) as tracks:
            ids = _letters(store, tracks, criteria)
        with progress_bar('replay') as advance:
            done = task.run(ids, advance)
    if as_json:
        show_json({'delivered': done.delivered, 'failed': done.failed,
                   'unknown': done.unknown})
    else:
        click.echo(f'{counted(done.delivered, "event")} delivered')
        for path, (count, reason) in sorted(done.failures.items()):
            click.echo(f'{counted(count, "event")} not delivered to {shown(path)}: '
                       f'{shown(reason)}')
    if done.failed or done.unknown:
        raise click.exceptions.Exit(1)


@dead_letters.command()
@click.argument('store')
@letter_options
@click.option('--all', 'everything', is_flag=True, help='All letters.')
@name_option
@json_option
def purge(store, criteria, zone, everything, name, as_json):
    """Remove letters for good; --all, or options that say which."""
    if bool(criteria) == everything:
        raise click.UsageError(
            'Say which letters: --backend, --event, --from, --to; or --all.')
    with (opened_soon(store, name, write=True) as tracks,
          progress_bar('purge') as advance):
        manager = tracks._p_jar.transaction_manager
        ids = _letters(store, tracks, criteria)
        for start in range(0, len(ids), AT_ONCE):
            for id in ids[start:start + AT_ONCE]:
                del tracks[id]
            manager.commit()
            advance(min(start + AT_ONCE, len(ids)), len(ids))
    if as_json:
        show_json({'purged': len(ids)})
    else:
        click.echo(f'{counted(len(ids), "letter")} removed')
