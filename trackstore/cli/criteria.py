"""The options that say which tracks: the same for all commands."""

import functools
import re

import click

from trackstore.importers.times import asked_time, zone_of

WHOLE = re.compile(r'-?(0|[1-9]\d*)\Z', re.A)


class Zone(click.ParamType):
    """The name of a time zone."""

    name = 'zone'

    def convert(self, value, param, context):
        try:
            return zone_of(value)
        except ValueError as e:
            self.fail(str(e), param, context)


zone_option = click.option(
    '--zone', type=Zone(), default='UTC', show_default=True,
    help='The time zone of times, such as Europe/Berlin.')

OPTIONS = (
    click.option('--task', multiple=True, metavar='TASK',
                 help='Of this task; abc* for all that begin so.'),
    click.option('--user', multiple=True, metavar='USER', help='By this user.'),
    click.option('--run', multiple=True, type=int, metavar='RUN',
                 help='In the run of this number.'),
    click.option('--where', multiple=True, metavar='NAME=VALUE',
                 help='With this value in a further index.'),
    click.option('--from', 'start', metavar='TIME',
                 help='Not before this TIME: 2026, 2026-11, 2026-11-21, 20261121, '
                      '"2026-11-21 20:10", 2026-11-21T20:10:05+01:00 or seconds '
                      'since the epoch.'),
    click.option('--to', 'end', metavar='TIME',
                 help='Not after this TIME; a year, month or date is all of it.'),
    zone_option,
)


def criteria_options(function):
    """Give a command the options, and ``criteria`` and ``zone`` for them."""

    @functools.wraps(function)
    def command(*args, task, user, run, where, start, end, zone, **kw):
        criteria = {}
        for name, values in (('taskId', task), ('userName', user)):
            if values:
                criteria[name] = _any_of(values)
        if run:
            criteria['runId'] = list(run)
        criteria.update(_further(where))
        criteria.update(of_time(start, end, zone))
        return function(*args, criteria=criteria, zone=zone, **kw)

    for option in reversed(OPTIONS):
        command = option(command)
    return command


def _any_of(values):
    """Return the values; a number is also looked for as one, and None as none."""
    return [*values, *(int(value) for value in values if WHOLE.match(value)),
            *(None for value in values if value == 'None')]


def _further(where):
    found = {}
    for text in where:
        name, equals, value = text.partition('=')
        if not (name and equals):
            raise click.BadParameter(
                f'{text!r} is not of the form NAME=VALUE', param_hint='--where')
        found.setdefault(name, []).append(value)
    return {name: _any_of(values) for name, values in found.items()}


def of_time(start, end, zone):
    """Return the criteria of the options --from and --to, which may be None."""
    criteria = {}
    if start is not None:
        criteria['timeFrom'] = asked(start, zone, '--from')
    if end is not None:
        criteria['timeTo'] = asked(end, zone, '--to', end=True)
    return criteria


def asked(text, zone, option, end=False):
    """Return the time that an option asks for, a time stamp."""
    try:
        return asked_time(text, zone, end)
    except ValueError as e:
        raise click.BadParameter(str(e), param_hint=option) from None
