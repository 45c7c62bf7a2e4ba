"""The documentation of event types as a page, in Markdown or HTML."""

import json
from html import escape
from typing import NamedTuple

from trackstore.events.registry import stored_types
from trackstore.timestamps import timeStamp2ISO


class Documented(NamedTuple):
    """The newest version of an event type, and the ``Group`` of its events, or None.

    ``counted`` tells whether there was a storage of events to find them in.
    """

    current: object
    events: object
    counted: bool


def documented(types, events=None):
    """Return a ``Documented`` for each type in a storage of types, by name.

    ``events`` is the storage of the events, to say how often each was emitted.
    """
    groups = events.groupBy('taskId') if events is not None else {}
    return [Documented(versions[-1], groups.get(name), events is not None)
            for name in types.getTaskIds() if (versions := stored_types(types, name))]


COLUMNS = ('field', 'type', 'required', 'meaning', 'example')


def _rows(kind):
    for each in kind.fields:
        example = '' if each.example is None else json.dumps(
            each.example, ensure_ascii=False)
        yield (each.path, each.type, 'yes' if each.required else 'no',
               each.description, example)


def _usage(found):
    """Return a line about version and use."""
    version = f'Version {found.current.version}.'
    if not found.counted:
        return version
    if found.events is None:
        return f'{version} Not emitted yet.'
    day = timeStamp2ISO(found.events.last).split()[0]
    times = 'once' if found.events.count == 1 else f'{found.events.count:,} times'
    return f'{version} Emitted {times}, last on {day}.'


def markdown(types):
    """Return the page of a list of ``Documented`` in Markdown."""
    lines = ['# Events', '']
    for found in types:
        kind = found.current
        lines += [f'## {_plain(kind.name)}', '', _plain(kind.description), '',
                  _usage(found), '']
        if kind.fields:
            lines += [_row(COLUMNS), _row(['---'] * len(COLUMNS))]
            lines += [_row(map(_plain, row)) for row in _rows(kind)]
            lines.append('')
        if kind.schema is not None:
            lines += ['```json', json.dumps(kind.schema, indent=2), '```', '']
    return '\n'.join(lines)


def _row(cells):
    return f'| {" | ".join(cells)} |'


def _plain(text):
    """Return a text as it is, in Markdown and within a cell of a table."""
    marked = ''.join(f'\\{each}' if each in '\\`*_{}[]<>#|~' else each for each in text)
    return ' '.join(marked.split())


STYLE = '''
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
       padding: 0 1rem; color: #222; background: #fff }
h2 { margin-top: 2.5rem; border-top: 1px solid #ddd; padding-top: 1.5rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; padding: .3rem .8rem .3rem 0; border-bottom: 1px solid #eee;
         vertical-align: top }
code, pre { font: 14px/1.4 ui-monospace, monospace; background: #f5f5f5 }
pre { padding: .8rem; overflow-x: auto }
.used { color: #666 }
'''


def html(types):
    """Return the page of a list of ``Documented`` in HTML."""
    parts = ['<!DOCTYPE html>', '<html lang="en">', '<head>', '<meta charset="utf-8">',
             '<meta name="viewport" content="width=device-width">',
             '<title>Events</title>', f'<style>{STYLE}</style>', '</head>', '<body>',
             '<h1>Events</h1>', '<ul>']
    parts += [f'<li><a href="#{_anchor(n)}">{escape(found.current.name)}</a></li>'
              for n, found in enumerate(types)]
    parts.append('</ul>')
    for n, found in enumerate(types):
        parts += _section(n, found)
    return '\n'.join([*parts, '</body>', '</html>', ''])


def _anchor(number):
    return f'event-{number + 1}'


def _section(number, found):
    kind = found.current
    yield f'<h2 id="{_anchor(number)}">{escape(kind.name)}</h2>'
    yield f'<p>{escape(kind.description)}</p>'
    yield f'<p class="used">{escape(_usage(found))}</p>'
    if kind.fields:
        yield '<table>'
        yield f'<tr>{"".join(f"<th>{each}</th>" for each in COLUMNS)}</tr>'
        for path, type, required, meaning, example in _rows(kind):
            cells = (_code(path), escape(type), required, escape(meaning),
                     _code(example))
            yield f'<tr>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'
        yield '</table>'
    if kind.schema is not None:
        yield f'<pre>{escape(json.dumps(kind.schema, indent=2))}</pre>'


def _code(text):
    return f'<code>{escape(text)}</code>' if text else ''
