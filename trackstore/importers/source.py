"""A file of lines, plain or compressed with gzip, read in blocks.

A block holds whole lines, and knows where it begins and ends.  All places are
counted in bytes of the uncompressed text, so that they stay the same when a
log is compressed.
"""

import gzip
import os
import stat
import zlib
from itertools import groupby
from typing import NamedTuple

from trackstore.importers.exceptions import SourceError, SourceMissing
from trackstore.opening import without_password

BLOCK = 1 << 20
BEGINNING = 1 << 16     # bytes looked at to recognise a format
MAX_LINE = 1 << 24      # bytes; a longer line is bad, and never held in memory

KEPT = 1 << 20      # bytes of a stream that can be read again

SEAM = 1024     # bytes before a place by which it is known again

GZIP = b'\x1f\x8b'
OTHERS = {
    b'BZh': 'compressed with bzip2',
    b'\xfd7zXZ\x00': 'compressed with xz',
    b'\x28\xb5\x2f\xfd': 'compressed with zstd',
    b'PK\x03\x04': 'a zip file',
}


def text_of(line):
    """Return bytes as a text: UTF-8, or else Latin-1, which fits any bytes."""
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode('latin-1')


def _checkout_around(path):
    """Return the folder above a path that is a checkout of git, or None."""
    folder = os.path.realpath(path)
    while folder != os.path.dirname(folder):
        if os.path.exists(os.path.join(folder, '.git')):
            return folder
        folder = os.path.dirname(folder)
    return None


class Block(NamedTuple):
    """Whole lines of a source, without their line ends.

    ``number`` is that of the first line, ``start`` and ``end`` are places.
    ``whole`` is false when the last line lacks its line end.  ``long_end`` is
    set where the only line is the beginning of one that is too long: it has
    the last bytes of that.
    """

    number: int
    start: int
    end: int
    lines: list
    whole: bool = True
    long_end: bytes = None


class Stream:
    """A binary stream, such as standard input, in the place of a path.

    What has been read of its first bytes is read again after ``seek(0)``.
    """

    def __init__(self, stream, name='standard input'):
        self.stream, self.name = stream, name
        self._first, self._place = b'', 0

    def read(self, size):
        """Return so many bytes, or fewer at the end."""
        data = self._first[self._place:self._place + size]
        while len(data) < size and (piece := self.stream.read(size - len(data))):
            data += piece
            if len(self._first) < KEPT:
                self._first += piece
        self._place += len(data)
        return data

    read1 = read

    def seek(self, place):
        """Go back to the beginning."""
        if place or self._place > len(self._first):
            raise ValueError(f'{self.name} can only be read once')
        self._place = 0

    def tell(self):
        return self._place


class Source:
    """A file of lines, read from any place to its end.

    ``path`` may be a ``Stream``, which is read from its beginning only.
    ``beginning`` holds the first bytes, and ``size`` is the size on disk, or
    None.  A file that cannot be one of lines is a ``SourceError``; one that
    is empty has no beginning.
    """

    def __init__(self, path, block=BLOCK, max_line=MAX_LINE):
        self.block, self.max_line = block, max_line
        self.problem = None
        self.stream = isinstance(path, Stream)
        if self.stream:
            self.path, self.size, self._raw = path.name, None, path
            path.seek(0)
            self._begin()
            return
        self.path = os.fspath(path)
        self.size = self._check()
        try:
            self._raw = open(self.path, 'rb')  # noqa: SIM115
        except OSError as e:
            raise SourceError(f'{self.path} cannot be read: {e.strerror}') from None
        try:
            self._begin()
        except BaseException:
            self._raw.close()
            raise

    def _check(self):
        try:
            status = os.stat(self.path)
        except FileNotFoundError:
            raise SourceMissing(
                f'there is no file {without_password(str(self.path))}') from None
        except (OSError, ValueError) as e:
            raise SourceError(f'{self.path} cannot be read: {e}') from None
        if stat.S_ISDIR(status.st_mode):
            root = _checkout_around(self.path)
            hint = (f'the checkout around it is {root}' if root else
                    'name a file or a checkout')
            raise SourceError(
                f'{self.path} is a directory, and no git checkout; {hint}')
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f'{self.path} is not a regular file')
        return status.st_size

    def _begin(self):
        magic = self._raw.read(8)
        for start, kind in OTHERS.items():
            if magic.startswith(start):
                raise SourceError(
                    f'{self.path} is {kind}; plain text and gzip are read')
        self.compressed = magic.startswith(GZIP)
        self._rewind()
        self.beginning = self._read(BEGINNING)
        if not self.beginning and self.problem:
            raise SourceError(f'{self.path} {self.problem}')
        if b'\0' in self.beginning:
            raise SourceError(
                f'{self.path} is binary (it has zero bytes); '
                f'a text with lines is expected')
        self._rewind()

    def _rewind(self):
        self._raw.seek(0)
        self._stream = self._raw
        if self.compressed:
            self._stream = gzip.GzipFile(fileobj=self._raw)

    def _read(self, size):
        """Read as many bytes as there are, up to ``size``.

        What is damaged ends the file: it is said in ``problem``, and what
        came before remains good.
        """
        pieces = []
        while size > 0:
            try:
                piece = self._stream.read1(size)
            except (EOFError, OSError, zlib.error) as e:
                self.problem = f'is damaged: {e}'
                break
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
        return b''.join(pieces)

    def close(self):
        if not self.stream:
            self._raw.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def position(self):
        """Return how many of the ``size`` bytes on disk have been read."""
        return self._raw.tell()

    def before(self, place, length):
        """Return the ``length`` bytes before a place; fewer if it is beyond.

        Reading goes on at the place.
        """
        start = max(0, place - length)
        self._rewind()
        try:
            self._stream.seek(start)
        except (EOFError, OSError, zlib.error):
            return b''
        return self._read(place - start)

    def blocks(self, place=0, number=1):
        """Yield the blocks from a place, where the line ``number`` begins."""
        self.before(place, 0)
        rest, dropped, ending = b'', 0, None
        while data := self._read(self.block):
            if dropped:
                first = data.find(b'\n') + 1
                ending = (ending + data[:first or None])[-SEAM:]
                if not first:
                    dropped += len(data)
                    continue
                end = place + len(rest) + dropped + first
                yield Block(number, place, end, [rest], long_end=ending)
                place, number, rest, dropped, ending = end, number + 1, b'', 0, None
                data = data[first:]
            cut = data.rfind(b'\n') + 1
            if cut:
                lines = (rest + data[:cut]).split(b'\n')
                del lines[-1]
                for block in self._cut(number, place, lines):
                    yield block
                    place, number = block.end, block.number + len(block.lines)
                rest = b''
            rest += data[cut:]
            if len(rest) > self.max_line:
                dropped, ending = len(rest) - self.max_line, rest[-SEAM:]
                rest = rest[:self.max_line]
        if rest:
            yield Block(number, place, place + len(rest) + dropped, [rest],
                        whole=False, long_end=ending)

    def _cut(self, number, place, lines):
        """Yield a block of the lines, or several if one is too long."""
        for long, group in groupby(lines, lambda line: len(line) > self.max_line):
            group = list(group)
            for part in [[line] for line in group] if long else [group]:
                end = place + sum(map(len, part)) + len(part)
                if long:
                    yield Block(number, place, end, [part[0][:self.max_line]],
                                long_end=(part[0] + b'\n')[-SEAM:])
                else:
                    yield Block(number, place, end, part)
                place, number = end, number + len(part)
