"""What has been imported into a storage: kept in the same database.

The state of an import is written in the transaction that saves the tracks, so
that both are there or neither.
"""

from hashlib import blake2b

from BTrees.IOBTree import IOBTree
from BTrees.OOBTree import OOBTree
from persistent import Persistent

from trackstore.exceptions import FormatError
from trackstore.importers.exceptions import SourceError
from trackstore.importers.runs import NamedRuns
from trackstore.importers.source import SEAM

KEY = 'trackstore.imports'
VERSION = 1     # of what is stored here
HEAD = 1024     # bytes of the beginning by which a source is known


class Imports(Persistent):
    """The imports into one storage.

    ``sources`` has the states of the files by the first bytes of their text.
    ``commits`` are the git commits, ``months`` the runs of their months.
    """

    def __init__(self):
        self.version = VERSION
        self.sources = OOBTree()
        self.commits = CommitLog()
        self.months = NamedRuns()

    def find(self, source, head):
        """Return the state of the source whose text begins so, or None.

        A source that is no longer what has been imported of it is a
        ``SourceError``: nobody can tell what is new in it.
        """
        state = None
        for key in self._related(head):
            state = self.sources[key]
            if state.seam == digest(source.before(state.offset, SEAM)):
                return state
        if state is not None:
            raise SourceError(
                f'{source.path} begins like {state.name}, of which {state.lines:,} '
                f'lines have been imported, but it differs after that; to import '
                f'all of it as another source, say so (--again)')
        return None

    def _related(self, head):
        """Yield the keys that begin the head, or that the head begins."""
        for key in self.sources.keys(min=head):
            if not key.startswith(head):
                break
            yield key
        # What begins the head also begins all that lies between it and the head.
        while head:
            try:
                key = self.sources.maxKey(head)
            except ValueError:
                return
            if head.startswith(key):
                yield key
                head = key[:-1]
            else:
                head = _common(head, key)

    def add(self, state, head):
        """Add a state under the beginning of its source, or renew that."""
        if state.head != head:
            if state.head is not None:
                del self.sources[state.head]
            self.sources[head] = state
            state.head = head


class SourceState(Persistent):
    """How far a file has been imported.

    ``offset`` and ``lines`` say where reading goes on, ``seam`` is the digest
    of the bytes before it.  ``open_line`` is ``(offset, line number, track id,
    whether it was bad)`` of a last line that had no line end yet, or None.
    ``runs`` gives the runs.
    """

    head = seam = open_line = None
    offset = lines = tracks = rejected = 0

    def __init__(self, name, format, runs):
        self.name, self.format, self.runs = name, format, runs

    def advance(self, offset, lines, before):
        """Note that the source has been read up to there."""
        self.offset, self.lines, self.seam = offset, lines, digest(before[-SEAM:])


class CommitLog(Persistent):
    """The commits that have been imported, and heads with all before them."""

    heads = ()

    def __init__(self):
        self.parts = IOBTree()

    def known(self):
        """Return the set of all commits, as the keys that ``key`` gives."""
        return {part[n:n + 8] for part in self.parts.values()
                for n in range(0, len(part), 8)}

    def add(self, commits):
        """Note the commits of a batch."""
        if commits:
            number = self.parts.maxKey() + 1 if self.parts else 0
            self.parts[number] = b''.join(map(self.key, commits))

    def complete(self, head):
        """Note that a head and all that it comes from are there."""
        self.heads = (*[known for known in self.heads if known != head][-19:], head)

    @staticmethod
    def key(commit):
        """Return eight bytes that stand for a commit."""
        return bytes.fromhex(commit[:16])


def imports_of(storage, create=False):
    """Return the ``Imports`` of a storage; None if there are none yet.

    The storage must be in a database.
    """
    if storage._p_jar is None or storage._p_oid is None:
        raise SourceError(
            'the storage is not in a database yet; add it to an object there, '
            'and commit')
    root = storage._p_jar.root()
    if KEY not in root:
        if not create:
            return None
        root[KEY] = OOBTree()
    imports = root[KEY].get(storage._p_oid)
    if imports is None and create:
        imports = root[KEY][storage._p_oid] = Imports()
    if imports is not None and imports.version > VERSION:
        raise FormatError(
            f'the state of the imports has version {imports.version!r}; this '
            f'release reads versions up to {VERSION}; a newer release of '
            f'trackstore is needed')
    return imports


def digest(data):
    return blake2b(data, digest_size=16).digest()


def _common(one, other):
    """Return what both begin with."""
    for place, (mine, theirs) in enumerate(zip(one, other, strict=False)):
        if mine != theirs:
            return one[:place]
    return min(one, other, key=len)
