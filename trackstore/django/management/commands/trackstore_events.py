"""``manage.py trackstore_events``."""

import argparse
import json
import logging
import sys

from django.core.management.base import BaseCommand, CommandError

from trackstore.django import stores, tree, trial
from trackstore.django.django_tracker import FailedTracker, new_tracker
from trackstore.events.exceptions import ConfigurationError
from trackstore.events.tracker import get_tracker

#: So many seconds backends have to deliver, unless something else is said.
TIMEOUT = 30


class Command(BaseCommand):
    """Shows the tracker of the project, tries it, and works on its stores."""

    help = 'The tracker that the settings describe, and the stores of its events.'

    def add_arguments(self, parser):
        commands = parser.add_subparsers(
            dest='command', required=True, metavar='tree|emit|flush|cli',
            parser_class=argparse.ArgumentParser)
        commands.add_parser('tree', help='Show processors and backends.')
        emit = commands.add_parser('emit', help='Send an event, and say who got it.')
        emit.add_argument('name', help='The name of the event.')
        emit.add_argument('--data', default='{}', help='Its data, an object of JSON.')
        flush = commands.add_parser(
            'flush', help='Deliver what waits, also from processes that have ended.')
        for each in (emit, flush):
            each.add_argument('--timeout', type=float, default=TIMEOUT,
                              help='So many seconds for delivery (%(default)s).')
        cli = commands.add_parser(
            'cli', help='Run the command trackstore; @PATH is the store of a backend.')
        cli.add_argument('arguments', nargs=argparse.REMAINDER,
                         help='For example: count @archive')

    def handle(self, *args, command, **options):
        tracker = get_tracker()
        if isinstance(tracker, FailedTracker) and command != 'cli':
            raise CommandError(f'The tracker cannot be made: {tracker.error}')
        getattr(self, command)(**options)

    def tree(self, **options):
        for line in tree.lines(get_tracker()):
            self.stdout.write(line)

    def emit(self, name, data, timeout, **options):
        try:
            data = json.loads(data)
        except ValueError as error:
            raise CommandError(f'--data: {data!r} is no JSON: {error}') from None
        if not isinstance(data, dict):
            raise CommandError(f'--data: {data!r} is no object of JSON')
        told, problems = trial.send(get_tracker(), name, data, timeout)
        for path, outcome in told.items():
            self.stdout.write(f'{path or "the tracker"}: {outcome}')
        if not told:
            raise CommandError('The tracker has no backends: the event went nowhere.')
        if problems:
            raise CommandError('; '.join(problems))
        if any(outcome.startswith(trial.FAILED) for outcome in told.values()):
            raise CommandError('The event did not get to every backend.')

    def flush(self, timeout, **options):
        late = trial.flush(get_tracker(), timeout)
        if late:
            raise CommandError(f'Not all is delivered after {timeout:g} seconds: '
                               f'{", ".join(late)}')
        self.stdout.write('All is delivered.')

    def cli(self, arguments, **options):
        try:
            import click

            from trackstore.cli.command import command
        except ImportError:
            raise CommandError(
                "The command needs what pip install 'trackstore[cli]' brings."
            ) from None
        try:
            arguments = [stores.replaced(argument) for argument in arguments]
        except ConfigurationError as error:
            raise CommandError(str(error)) from None
        # What ZODB logs of a damaged store, the command says in a sentence.
        logging.getLogger().addHandler(logging.NullHandler())
        try:
            code = command.main(arguments, 'manage.py trackstore_events cli',
                                standalone_mode=False, obj=new_tracker)
        except click.ClickException as error:
            error.show(sys.stderr)
            sys.exit(error.exit_code)
        except click.Abort:
            raise CommandError('Aborted.') from None
        if code:
            sys.exit(code)
