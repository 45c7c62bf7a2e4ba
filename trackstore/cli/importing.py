"""``trackstore import``."""

import os
from dataclasses import asdict

import click

from trackstore.cli.criteria import zone_option
from trackstore.cli.output import counted, json_option, moment, show_json, shown
from trackstore.cli.progress import progress_bar
from trackstore.cli.store import Failure, failures, opened
from trackstore.importers import FORMATS, Columns, check_source, import_source
from trackstore.importers.columns import UNITS

SHOWN = 10      # bad lines
INTERRUPTED = 130


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
              show_default=True, help='Minutes after which a sitting is over.')
@click.option('--batch', type=click.IntRange(1), default=10_000, show_default=True,
              help='Lines that are saved in a transaction.')
@click.option('--rejects', metavar='FILE', help='Add the bad lines to this file.')
@click.option('--again', is_flag=True,
              help='Import also what has been imported before.')
@json_option
def import_(sources, store, format_, task, user, run, time, time_unit, zone, idle,
            batch, rejects, again, as_json):
    """Import what is new in a SOURCE into a STORE.

    A source is the access log of a web server, a CSV file or one of JSON
    lines, each also compressed with gzip, or a git checkout.  Several are
    taken in the order in which they were last changed.

    The same source twice adds nothing; one that has grown adds what is new;
    an import that was interrupted goes on when it is started again.
    """
    with failures():
        columns = Columns(task, user, run, time, time_unit, zone)
        for source in sources:
            check_source(source, format_, columns)
    with opened(store, write=True, create=True):
        pass
    problem = False
    for source in sorted(sources, key=_changed):
        with opened(store, write=True) as tracks:
            report = _import(
                tracks, source, format=format_, columns=columns, idle=idle * 60,
                size=batch, rejects=rejects, again=again)
        _show(report, zone, as_json)
        _warn(report)
        problem = problem or report.problem
    if problem:
        raise click.exceptions.Exit(1)


def _changed(path):
    return os.path.getmtime(path) if os.path.isfile(path) else 0


def _import(tracks, source, **options):
    with progress_bar(shown(os.path.basename(source))) as advance:
        saved = 0

        def progress(done, total, report):
            nonlocal saved
            saved = report.tracks
            advance(done, total, counted(report.tracks, 'track'))

        try:
            return import_source(tracks, source, progress=progress, **options)
        except KeyboardInterrupt:
            raise Interrupted(saved) from None


class Interrupted(Failure):
    """The user has stopped the import."""

    exit_code = INTERRUPTED

    def __init__(self, saved):
        super().__init__(
            f'interrupted; {counted(saved, "track")} have been saved, and the same '
            f'command goes on from there')


def _show(report, zone, as_json):
    if as_json:
        values = asdict(report)
        values['bad'] = [bad._asdict() for bad in report.bad]
        show_json(values)
        return
    commits = report.format == 'git'
    lines = counted(report.lines, 'commit' if commits else 'line')
    earlier = counted(report.earlier, 'commit' if commits else 'line')
    click.echo(f'{shown(report.source)} ({report.format})')
    if report.earlier:
        click.echo(f'{earlier} had been imported before')
    if not report.lines:
        click.echo('nothing new')
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


def _warn(report):
    if report.problem:
        click.echo(f'{shown(report.source)} {report.problem}; what could be read '
                   f'was imported', err=True)
