"""CSV: tables of text with a header."""

import csv
import re

from trackstore.importers.exceptions import BadLine, SourceError
from trackstore.importers.source import MAX_LINE, text_of

MAX_RECORD = 10_000     # lines that a record may have

INTEGER = re.compile(r'-?(0|[1-9]\d{0,17})\Z', re.A)
DECIMAL = re.compile(r'-?(0|[1-9]\d{0,17})\.\d{1,18}\Z', re.A)


class CSVFile:
    """Takes a table apart whose first line names the columns.

    ``columns`` says which are what; the others are the data, without those
    whose cell is empty.  Cells of data that are numbers become numbers.
    """

    name = 'csv'
    max_line = MAX_LINE
    delimiters = ',;\t|'

    def __init__(self, source, columns):
        # A field may be as long as a line; the limit is one for the process.
        csv.field_size_limit(max(csv.field_size_limit(), MAX_LINE))
        self.header, self.delimiter, self.skip = _header(source, self.delimiters)
        double = {name for name in self.header if self.header.count(name) > 1}
        if double and self.name == CSVFile.name:
            raise SourceError(
                f'the header of {source.path} has two columns {min(double)!r}; '
                f'each column needs a name of its own')
        self.columns = columns.resolve(self.header, source.path)
        self._texts = frozenset(self.columns.names.values())

    def rows(self, block, last=False):
        """Return the rows of a block, its bad lines, and how many it took.

        A record that does not end within the block is left for the next one,
        unless the block is the last.
        """
        rows, bad = [], []
        texts = [text_of(line) + '\n' for line in block.lines]
        begin = min(max(0, self.skip + 1 - block.number), len(texts))
        while begin < len(texts):
            lines = map(texts.__getitem__, range(begin, len(texts)))
            reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
            first = begin
            try:
                for cells in reader:
                    self._take(cells, block.number + begin, rows, bad)
                    begin = first + reader.line_num
            except csv.Error as e:
                read = first + reader.line_num
                open_end = read == len(texts) and str(e).startswith('unexpected end')
                if open_end and not last and read - begin <= MAX_RECORD:
                    return rows, bad, begin
                # What is wrong may be a quote that was meant for another line.
                reason = 'a quoted field does not end' if open_end else str(e)
                bad.append((block.number + begin, reason))
                begin += 1
        return rows, bad, len(texts)

    def _take(self, cells, number, rows, bad):
        if not cells:
            return
        try:
            rows.append(self._row(cells, number))
        except BadLine as e:
            bad.append((number, str(e)))

    def _row(self, cells, number):
        if len(cells) != len(self.header):
            raise BadLine(f'it has {len(cells)} cells, the header has '
                          f'{len(self.header)}')
        texts = self._texts
        record = {name: cell if name in texts else value_of(cell)
                  for name, cell in zip(self.header, cells, strict=True) if cell}
        return self.columns.row(record, number)


def value_of(cell):
    """Return a cell as a number, if it is one, or as the text that it is."""
    if cell[0] in '-0123456789':
        if INTEGER.match(cell):
            return int(cell)
        if DECIMAL.match(cell):
            return float(cell)
    return cell


def _header(source, delimiters):
    """Return the names of the columns, the delimiter, and the header's lines.

    The delimiter is the one that makes the most columns.
    """
    text = text_of(source.beginning.rpartition(b'\n')[0] or source.beginning)
    lines = [line + '\n' for line in text.lstrip('\ufeff').split('\n')]
    found = {}
    for mark in delimiters:
        reader = csv.reader(lines, delimiter=mark, strict=True)
        try:
            found[mark] = [name.strip() for name in next(reader)], reader.line_num
        except csv.Error as e:
            problem = e
    if not found:
        raise SourceError(
            f'{source.path} does not begin with a header of CSV: {problem}')
    mark = max(found, key=lambda mark: len(found[mark][0]))
    header, skip = found[mark]
    return header, mark, skip
