"""``make demo``: the history of this checkout, taken into a store and asked.

A track is a change of a file: the file is the task, the author the user, the
month the run; the data are the commit, its subject, and the lines added and
removed.  A release has no git, and carries an export of the history.

``python -m trackstore.demo STORE`` runs it, and with ``--export`` instead of a
store it makes that export.
"""

import code
import os
import shlex
import shutil
import sys
from pathlib import Path

from trackstore.importers import SourceError, save_history

CHECKOUT = Path(__file__).parents[1]
EXPORT = Path(__file__).with_name('demo-history.jsonl.gz')

#: What is asked, by the command and then in Python.
QUESTIONS = [
    ('What is in the store now?', ['info', 'STORE']),
    ('Which files change most?', ['top', 'STORE', 'task', '--limit', '5']),
    ('Who changes them?', ['top', 'STORE', 'user', '--limit', '5']),
    ('When?', ['histogram', 'STORE']),
    ('What was changed last?', ['query', 'STORE', '--reverse', '--limit', '5']),
]
CODE = """\
import trackstore
with trackstore.open({store!r}) as tracks:
    files = tracks.groupBy('taskId', of='added', taskId='trackstore/*')
    grown = sorted(files, key=lambda name: -(files[name].sum or 0))
    for name in grown[:3]:
        print(name, files[name].sum, 'lines in', files[name].count, 'commits')

"""
NEXT = [
    ('a log of your own', ['import', 'access.log', 'site.fs']),
    ('what one author did', ['query', 'STORE', '--user', 'NAME']),
    ('a folder, as JSON', ['count', 'STORE', '--task', 'docs/*', '--json']),
    ('every index against the tracks', ['verify', 'STORE']),
    ('all there is', ['--help']),
]


def find_history():
    """Return what to import: the checkout, or the export in its place."""
    if (CHECKOUT / '.git').exists() and shutil.which('git'):
        return os.path.relpath(CHECKOUT)
    if EXPORT.exists():
        return os.path.relpath(EXPORT)
    sys.exit(
        f'trackstore.demo: {CHECKOUT} is no checkout of git, or there is no git '
        f'here, and there is no export of its history at {EXPORT}; releases carry '
        f'one, and "make demo-history" makes one in a checkout')


def command_line(arguments, store):
    """Return the arguments with the store, and the line that a shell takes."""
    arguments = [store if each == 'STORE' else each for each in arguments]
    script = Path(sys.executable).with_name('trackstore')
    found = shutil.which('trackstore')
    name = 'trackstore'
    if script.exists() and (found is None or not script.samefile(found)):
        name = os.path.relpath(script)
    return arguments, shlex.join([name, *arguments])


def ask(title, arguments, store):
    """Print a question and the command for it, and run that."""
    try:
        from trackstore.cli.command import command
    except ImportError as error:
        sys.exit(f"trackstore.demo: the command needs {error.name}: "
                 f"pip install 'trackstore[cli]'")
    arguments, line = command_line(arguments, store)
    print(f'\n{title}\n$ {line}', flush=True)
    # in standalone mode it exits at the end, also when all went well
    try:
        command(arguments, prog_name='trackstore')
    except SystemExit as done:
        if done.code:
            raise


def ask_in_python(store):
    """Print lines of Python as at a prompt, and run them."""
    print('\nThe same from Python: which modules have grown most?')
    console = code.InteractiveConsole({})
    prompt = '>>> '
    for line in CODE.format(store=store).splitlines():
        print(f'{prompt}{line}'.rstrip(), flush=True)
        prompt = '... ' if console.push(line) else '>>> '


def demo(store):
    """Import the history into the store and ask some questions."""
    source = find_history()
    ask('The history of this project, taken into a store:',
        ['import', source, 'STORE'], store)
    for title, arguments in QUESTIONS:
        ask(title, arguments, store)
    ask_in_python(store)
    print('\nTry next:')
    lines = [command_line(arguments, store)[1] for _, arguments in NEXT]
    width = max(map(len, lines))
    for line, (title, _) in zip(lines, NEXT, strict=True):
        print(f'  {line:<{width}}  {title}')


def main(arguments):
    if arguments == ['--export']:
        try:
            count = save_history(CHECKOUT, EXPORT)
        except SourceError as error:
            sys.exit(f'trackstore.demo: {error}')
        print(f'{EXPORT}: {count} commits')
    elif len(arguments) == 1 and not arguments[0].startswith('-'):
        demo(arguments[0])
    else:
        sys.exit('usage: python -m trackstore.demo STORE | --export')


if __name__ == '__main__':
    main(sys.argv[1:])
