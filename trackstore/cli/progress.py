"""A bar that shows how far a long command has come, at a terminal only."""

import sys
from contextlib import contextmanager


@contextmanager
def progress_bar(title):
    """Yield a function of what is done, the total and a remark."""
    if not sys.stderr.isatty():
        yield lambda done, total, remark='': None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
    bar = Progress(
        TextColumn('{task.description}', markup=False), BarColumn(),
        TextColumn('{task.percentage:>3.0f}%'), TimeRemainingColumn(),
        TextColumn('{task.fields[remark]}', markup=False),
        console=Console(stderr=True), transient=True)
    with bar:
        task = bar.add_task(title, total=None, remark='')

        def advance(done, total, remark=''):
            bar.update(task, completed=done, total=total, remark=remark)

        yield advance
