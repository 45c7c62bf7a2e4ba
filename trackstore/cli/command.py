"""The group of the commands."""

import click

from trackstore.cli.backup import backup
from trackstore.cli.compact import compact
from trackstore.cli.copy import copy
from trackstore.cli.count import count
from trackstore.cli.deadletters import dead_letters
from trackstore.cli.ending import Commands
from trackstore.cli.events import events
from trackstore.cli.export import export
from trackstore.cli.histogram import histogram
from trackstore.cli.importing import import_
from trackstore.cli.info import info
from trackstore.cli.pack import pack
from trackstore.cli.query import query
from trackstore.cli.restore import restore
from trackstore.cli.runs import runs
from trackstore.cli.top import top
from trackstore.cli.verify import verify


@click.group(cls=Commands, context_settings={'help_option_names': ['-h', '--help']})
@click.version_option(package_name='trackstore')
def command():
    """Take in logs, and ask what users did.

    A STORE is the path of a database file, or a ZODB URI; --name says which store
    in it, where it is not the one called tracks.  Every command has --json for
    programs: an object a line.
    """


for each in (import_, query, count, top, histogram, runs, info, compact, pack,
             backup, restore, copy, verify, export, events, dead_letters):
    command.add_command(each)
