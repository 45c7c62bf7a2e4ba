"""``trackstore import``."""

import os
import sys
from dataclasses import asdict

import click

from trackstore.cli.criteria import zone_option
from trackstore.cli.ending import Interrupted
from trackstore.cli.output import counted, json_option, moment, show_json, shown
from trackstore.cli.progress import progress_bar
from trackstore.cli.store import Failure, failures, name_option, opened
from trackstore.export.places import is_of_store, is_same_file
from trackstore.importers import (
    FORMATS,
    Columns,
    SourceError,
    Stream,
    check_source,
    import_source,
)
from trackstore.importers.columns import UNITS

SHOWN = 10      # bad lines
STDIN = '-'


@click.command('import')
@click.argument('sources', metavar='SOURCE...', nargs=-1, required=True)
@click.argument('store')
@click.option('--format', 'format_', type=click.Choice(FORMATS),
              help='The format; without it, it is recognised.')
@click.option('--task', metavar='COLUMN', help='The column of the task.')
@click.option('--user', metavar='COLUMN', help='The column of the user, - for none.')
@click.option('--run', metavar='COLUMN', help='The column of the run, - for none.')
@click.option('--time', metavar='COLUMN', help='The column of the time, - for none.')
@click.option('--time-unit', type=click.Choice(tuple(UNITS)), default='s',
              show_default=True, help='The unit of times that are numbers.')
@zone_option
@click.option('--idle', type=click.FloatRange(0, min_open=True), default=30,
              show_default=True,
              help='Minutes without a line after which the sitting of a user is over '
                   '(access logs).')
@click.option('--batch', type=click.IntRange(1), default=10_000, show_default=True,
              help='Lines that are saved in a transaction: what an interruption '
                   'loses at the most.')
@click.option('--rejects', metavar='FILE', help='Add the bad lines to this file.')
@click.option('--again', is_flag=True,
              help='Import also what has been imported before, so that it is there '
                   'twice.')
@name_option
@json_option
def import_(sources, store, format_, task, user, run, time, time_unit, zone, idle,
            batch, rejects, again, name, as_json):
    """Import what is new in a SOURCE into a STORE.

    A source is the access log of a web server, a CSV file or one of JSON
    lines, each also compressed with gzip, or a git checkout; - is standard
    input.  Several are taken in the order in which they were last changed.  What
    is within an object of JSON has a dotted name: context.user.

    The same source twice adds nothing; one that has grown adds what is new;
    an import that was interrupted goes on when it is started again.  Standard
    input is not remembered.

    The exit status is 0 when all went well, 1 when something could not be
    imported (a bad source among others, a damaged one, or one with bad lines
    only), 2 when nothing could, and 130 after an interruption.
    """
    with failures():
        columns = Columns(task, user, run, time, time_unit, zone)
        _check_rejects(rejects, sources, store)
        stdin = Stream(sys.stdin.buffer)
        places = [stdin if source == STDIN else source
                  for source in dict.fromkeys(sources)]
        good, errors = _checked(places, format_, columns)
    if not good:
        for error in errors[:-1]:
            Failure(error).show()
        raise Failure(errors[-1])
    with opened(store, write=True, create=True, name=name):
        pass
    problem = False
    for place in sorted(good, key=_changed):
        with opened(store, write=True, name=name) as tracks:
            try:
                report = _import(
                    tracks, place, format=format_, columns=columns, idle=idle * 60,
                    size=batch, rejects=rejects, again=again)
            except SourceError as e:
                errors.append(str(e))
                continue
        _show(report, zone, as_json)
        _warn(report, remembered=place is not stdin)
        problem = problem or report.problem or report.failed
    for error in errors:
        Failure(error).show()
    if problem or errors:
        raise click.exceptions.Exit(1 if problem or len(errors) < len(places) else 2)


def _checked(places, format_, columns):
    """Return the places that can be imported, and what is wrong with others."""
    good, errors = [], []
    for place in places:
        try:
            check_source(place, format_, columns)
            good.append(place)
        except SourceError as e:
            errors.append(str(e))
    return good, errors


def _check_rejects(rejects, sources, store):
    """Refuse a file of bad lines that something else is kept in."""
    if rejects is None:
        return
    if any(is_same_file(rejects, source) for source in sources):
        raise Failure(f'--rejects: {rejects} is a source; allowed is another file')
    if is_of_store(rejects, store):
        raise Failure(f'--rejects: {rejects} is a file of the store itself; allowed '
                      f'is another file')


def _changed(place):
    if isinstance(place, Stream):
        return float('inf')
    return os.path.getmtime(place) if os.path.isfile(place) else 0


def _import(tracks, source, **options):
    stream = isinstance(source, Stream)
    title = source.name if stream else os.path.basename(source)
    with progress_bar(shown(title)) as advance:
        saved = 0

        def progress(done, total, report):
            nonlocal saved
            saved = report.tracks
            advance(done, total, counted(report.tracks, 'track'))

        try:
            return import_source(tracks, source, progress=progress, **options)
        except KeyboardInterrupt:
            raise Stopped(saved, stream) from None


class Stopped(Interrupted):
    """The user has stopped an import."""

    def __init__(self, saved, stream):
        where = ('and where standard input was is not remembered' if stream else
                 'and the same command goes on from there')
        super().__init__(
            f'interrupted; {counted(saved, "track")} have been saved, {where}')


def _show(report, zone, as_json):
    if as_json:
        values = asdict(report)
        values['bad'] = [bad._asdict() for bad in report.bad]
        show_json(values)
        return
    if report.format is None or not (report.lines or report.earlier):
        click.echo(f'{shown(report.source)} is empty, nothing to import')
        return
    commits = report.format == 'git'
    lines = counted(report.lines, 'commit' if commits else 'line')
    earlier = counted(report.earlier, 'commit' if commits else 'line')
    click.echo(f'{shown(report.source)} ({report.format})')
    if report.earlier:
        click.echo(f'{earlier} had been imported before')
    if not report.lines:
        click.echo('nothing new (--again imports it once more)')
        return
    click.echo(f'{lines} read, {counted(report.tracks, "track")} saved, '
               f'{report.rejected:,} bad')
    if report.first is not None:
        click.echo(f'from {moment(report.first, zone)} to {moment(report.last, zone)}')
    click.echo(f'in {report.seconds:.1f} seconds, {report.rate:,.0f} tracks a second')
    for bad in report.bad[:SHOWN]:
        click.echo(f'line {bad.number}: {shown(bad.reason)}')
        click.echo(f'    {shown(bad.text)}')
    if report.rejected > SHOWN:
        click.echo(f'and {report.rejected - SHOWN:,} more (--rejects FILE keeps them)')


def _warn(report, remembered):
    if report.failed and not report.earlier:
        click.echo(f'{shown(report.source)} has bad lines only; nothing of it is '
                   f'remembered, so it can be imported again with another --format '
                   f'or columns', err=True)
    if not remembered and report.tracks and report.format != 'git':
        click.echo(f'{report.source} is not remembered: what is imported twice from '
                   f'it is there twice', err=True)
    if report.problem:
        click.echo(f'{shown(report.source)} {report.problem}; what could be read '
                   f'was imported', err=True)
