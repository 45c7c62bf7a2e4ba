"""Printing: tables for people, lines for pipes, JSON for programs."""

import json
import shutil
import sys
import unicodedata
from datetime import datetime
from itertools import chain, islice

import click
from rich.cells import cell_len

from trackstore.timestamps import timeStamp2ISO

AT_ONCE = 1_000     # rows by which a column's width is measured
GAP = '  '
INDENT = '    '
WIDE = 140          # characters from which data stand beside the other columns
NARROWEST = 8       # characters that a column is cut to at the most
HIDDEN = ('Cc', 'Cf', 'Cs', 'Zl', 'Zp')     # what a terminal might obey

json_option = click.option(
    '--json', 'as_json', is_flag=True,
    help='Print an object of JSON a line; times are seconds since the epoch.')


def at_terminal():
    """Tell whether somebody looks at the output."""
    return sys.stdout.isatty()


def has_unicode():
    """Tell whether all characters can be written."""
    encoding = getattr(sys.stdout, 'encoding', None) or 'ascii'
    return encoding.lower().replace('-', '').startswith('utf')


def show_json(value):
    """Print a value of JSON's types on a line."""
    click.echo(json.dumps(value, ensure_ascii=not has_unicode()))


def shown(value):
    """Return a value as text that does nothing to a terminal."""
    text = value if isinstance(value, str) else str(value)
    if text.isprintable():
        return text
    return ''.join(
        character.encode('unicode_escape').decode()
        if unicodedata.category(character) in HIDDEN else character
        for character in text)


def moment(time, zone):
    """Return a time stamp in a time zone, as text."""
    if time is None:
        return '-'
    try:
        return datetime.fromtimestamp(time, zone).strftime('%Y-%m-%d %H:%M:%S')
    except (ValueError, OverflowError, OSError):
        return timeStamp2ISO(time)


def number(value):
    """Return a whole number as people read it."""
    return f'{value:,}'


def counted(count, noun):
    """Return a number with its noun."""
    return f'{count:,} {noun}{"" if count == 1 else "s"}'


def size(count):
    """Return a number of bytes as people read it."""
    if count < 1000:
        return counted(count, 'byte')
    for unit in ('kB', 'MB', 'GB'):
        count /= 1000
        if count < 1000 or unit == 'GB':
            return f'{count:,.1f} {unit}'


def show_table(columns, rows, right=(), rest=None):
    """Print rows of texts under the names of their columns.

    At a terminal it is a table, elsewhere columns with two spaces between
    them.  ``right`` names the columns with numbers.  ``rest`` is the last one,
    which has the room that the others leave, or a line of its own where that
    would be little.
    """
    if at_terminal():
        if rest is not None and width() < WIDE:
            _narrow_table(columns[:-1], list(rows), right, width())
        else:
            _rich_table(columns, rows, right, rest)
        return
    rows = iter(rows)
    first = list(islice(rows, AT_ONCE))
    widths = [max(map(len, column)) for column in zip(columns, *first, strict=True)]
    for row in chain([columns], first, rows):
        cells = [cell.rjust(width) if name in right else cell.ljust(width)
                 for name, cell, width in zip(columns, row, widths, strict=True)]
        click.echo(GAP.join(cells).rstrip())


def _rich_table(columns, rows, right, rest):
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, header_style='bold', pad_edge=False,
                  expand=rest is not None)
    for name in columns:
        table.add_column(
            name, justify='right' if name in right else 'left',
            ratio=1 if name == rest else None, no_wrap=name == rest,
            max_width=None if name == rest else console.width // 3,
            overflow='ellipsis' if name == rest else 'fold')
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _narrow_table(columns, rows, right, room):
    """Print rows whose last cell stands on a line of its own.

    Where a row is too long, its longest cells are cut at their beginning.
    """
    widths = [max(map(cell_len, cells)) for cells in
              zip(columns, *(row[:-1] for row in rows), strict=True)]
    room -= len(GAP) * (len(widths) - 1)
    while sum(widths) > room and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    click.secho(_line(columns, columns, widths, right), bold=True)
    for row in rows:
        click.echo(_line(columns, row[:-1], widths, right))
        indented = room + len(GAP) * (len(widths) - 1) - len(INDENT)
        click.secho(INDENT + _cut(row[-1], indented), dim=True)


def _line(columns, cells, widths, right):
    return GAP.join(
        ' ' * (size - cell_len(text)) + text if name in right else
        text + ' ' * (size - cell_len(text))
        for name, size, text in zip(
            columns, widths, (_ending(cell, size) for cell, size in zip(
                cells, widths, strict=True)), strict=True)).rstrip()


def _ending(text, size):
    """Return the end of a text, which says more than the beginning of a path."""
    if cell_len(text) <= size:
        return text
    while cell_len(text) > size - 1:
        text = text[1:]
    return f'…{text}' if has_unicode() else f'~{text}'


def _cut(text, size):
    """Return the beginning of a text."""
    if cell_len(text) <= size:
        return text
    text = text[:size]
    while cell_len(text) > size - 1:
        text = text[:-1]
    return f'{text}…' if has_unicode() else f'{text}~'


def show_pairs(pairs):
    """Print names and values, a pair a line."""
    width = max(len(name) for name, _ in pairs)
    for name, value in pairs:
        click.echo(f'{name.ljust(width)}{GAP}{value}'.rstrip())


def width():
    """Return the number of characters of a line."""
    return shutil.get_terminal_size().columns if at_terminal() else 80
