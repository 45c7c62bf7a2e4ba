"""``trackstore histogram``."""

import click

from trackstore.cli.criteria import criteria_options
from trackstore.cli.output import has_unicode, json_option, number, show_json, width
from trackstore.cli.store import name_option, opened

LABELS = {
    'minute': '%Y-%m-%d %H:%M',
    'hour': '%Y-%m-%d %H:00',
    'day': '%Y-%m-%d %a',
    'week': '%G-W%V',
    'month': '%Y-%m',
    'year': '%Y',
}
EIGHTHS = ' ▏▎▍▌▋▊▉'
WIDEST = 60     # characters of a bar
FEW = 40        # bars that are looked at in one go
SECONDS = {'minute': 60, 'hour': 3600, 'day': 86400, 'week': 604800,
           'month': 2629800}


@click.command()
@click.argument('store')
@criteria_options
@click.option('--by', type=click.Choice(tuple(LABELS)),
              help='The length of an interval; without it, one that fits.')
@name_option
@json_option
def histogram(store, criteria, zone, by, name, as_json):
    """Show how many tracks there are over time."""
    with opened(store, name=name) as tracks:
        by = by or _fitting(tracks, criteria)
        name = getattr(zone, 'key', 'UTC')
        buckets = tracks.histogram(by, name, **criteria)
    if as_json:
        for bucket in buckets:
            show_json({'start': int(bucket.start.timestamp()),
                       'end': int(bucket.end.timestamp()), 'tracks': bucket.count})
        return
    for line in picture([(bucket.start.strftime(LABELS[by]), bucket.count)
                         for bucket in buckets], width(), has_unicode()):
        click.echo(line)
    if not buckets:
        click.echo('there are no tracks', err=True)


def _fitting(tracks, criteria):
    """Return the shortest interval that makes few bars."""
    info = tracks.info()
    if info['first'] is None:
        return 'day'
    span = (criteria.get('timeTo', info['last'])
            - criteria.get('timeFrom', info['first']))
    fitting = (name for name, length in SECONDS.items() if span / length <= FEW)
    return next(fitting, 'year')


def picture(counts, columns, blocks=True):
    """Return lines with a bar for each pair of label and count."""
    if not counts:
        return []
    highest = max(count for _, count in counts)
    label_width = max(len(label) for label, _ in counts)
    count_width = max(len(number(count)) for _, count in counts)
    room = max(8, min(WIDEST, columns - label_width - count_width - 4))
    return [f'{label.ljust(label_width)}  {number(count).rjust(count_width)}  '
            f'{_bar(count * room, highest, blocks)}'.rstrip()
            for label, count in counts]


def _bar(length, highest, blocks):
    """Return a bar of ``length / highest`` characters; never none for some."""
    eighths = -(-8 * length // highest) if highest else 0
    if not blocks:
        return '#' * -(-eighths // 8)
    return '█' * (eighths // 8) + EIGHTHS[eighths % 8].strip()
