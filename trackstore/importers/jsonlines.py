"""JSON lines: an object a line."""

import json
from contextlib import suppress

from trackstore.importers.columns import names_in
from trackstore.importers.exceptions import BadLine
from trackstore.importers.source import MAX_LINE, text_of

SAMPLE = 20     # lines whose keys are looked at


class JSONLines:
    """Takes lines apart that are JSON objects.

    ``columns`` says which keys are what; the others are the data.
    """

    name = 'jsonl'
    max_line = MAX_LINE
    skip = 0

    def __init__(self, source, columns):
        present = {}
        for line in source.beginning.split(b'\n')[:SAMPLE]:
            with suppress(BadLine):
                present.update(dict.fromkeys(names_in(record_of(line))))
        self.columns = columns.resolve(present, source.path)

    def rows(self, block, last=False):
        """Return the rows of a block, its bad lines, and how many it took."""
        rows, bad = [], []
        row = self.columns.row
        for number, line in enumerate(block.lines, block.number):
            try:
                rows.append(row(record_of(line), number))
            except BadLine as e:
                if line.strip():
                    bad.append((number, str(e)))
        return rows, bad, len(block.lines)


def record_of(line):
    """Return the object of a line of JSON; ``BadLine`` if it is none."""
    try:
        record = json.loads(text_of(line).lstrip('\ufeff'))
    except json.JSONDecodeError as e:
        raise BadLine(f'it is no JSON: {e.msg} at character {e.colno}') from None
    except (ValueError, RecursionError) as e:
        raise BadLine(f'it cannot be read: {e}') from None
    if not isinstance(record, dict):
        raise BadLine('it is JSON, but no object in {}')
    return record
