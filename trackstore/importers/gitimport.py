"""Importing a history: each commit once, wherever it comes from."""

from dataclasses import dataclass, field

from trackstore.importers.exceptions import BadLine, SourceError
from trackstore.importers.githistory import Checkout, saved_commits
from trackstore.importers.load import Batch, Import
from trackstore.importers.report import Rejects
from trackstore.importers.state import CommitLog, imports_of


@dataclass
class CommitBatch(Batch):
    """A batch of commits; ``texts`` has the bad ones by number.

    ``head`` is set when, with this batch, all up to that commit are there.
    """

    commits: list = field(default_factory=list)
    texts: dict = field(default_factory=dict)
    head: str = None


class HistoryImport(Import):
    """The import of a history.

    A subclass yields number, commit (or ``BadLine``) and text in ``commits``.
    """

    head = None

    def __init__(self, storage, path, size=10_000, again=False, rejects=None,
                 progress=None):
        super().__init__(storage, path, 'git', size, progress)
        self.known, self.heads, self.parts = set(), (), 0
        imports = imports_of(storage)
        if imports is not None:
            self.parts = len(imports.commits.parts)
            if not again:
                self.known = imports.commits.known()
                self.heads = imports.commits.heads
        if rejects is not None:
            self.rejects = Rejects(rejects, path, storage)

    def batches(self):
        batch = CommitBatch()
        for number, commit, text in self.commits():
            batch.lines += 1
            try:
                if isinstance(commit, BadLine):
                    raise commit
                key = CommitLog.key(commit.commit)
                if key in self.known:
                    self.report.earlier += 1
                    batch.lines -= 1
                    continue
                batch.rows += commit.rows(number)
                batch.commits.append(commit.commit)
                self.known.add(key)
            except BadLine as e:
                batch.bad.append((number, str(e)))
                batch.texts[number] = text
            if len(batch.rows) >= self.size or batch.lines >= self.size:
                yield batch
                batch = CommitBatch()
        if self.head is not None and self.head not in self.heads:
            batch.head = self.head
        if batch.lines or batch.head:
            yield batch

    def line(self, batch, number):
        return batch.texts.get(number, b'')

    def note(self, imports, batch):
        if len(imports.commits.parts) != self.parts:
            raise SourceError('another process is importing a history of git')
        imports.commits.add(batch.commits)
        if batch.head:
            imports.commits.complete(batch.head)
        return imports.months

    def noted(self, batch, ids, refused):
        return len(ids)

    def saved(self, batch):
        self.parts += bool(batch.commits)


class CheckoutImport(HistoryImport):
    """The import of the history of a checkout."""

    def __init__(self, storage, path, **options):
        self.checkout = Checkout(path)
        super().__init__(storage, self.checkout.path, **options)
        if self.checkout.complete:
            self.head = self.checkout.head
        self.total, self.done = self.checkout.size(self.heads), 0
        if self.heads:
            self.report.earlier = self.checkout.size() - self.total

    def commits(self):
        for number, commit in enumerate(self.checkout.commits(self.heads), 1):
            self.done = number
            yield number, commit, commit.commit.encode()

    def position(self):
        """Return how many commits have been read, and how many there are."""
        return self.done, self.total


class SavedImport(HistoryImport):
    """The import of a saved history, a ``Source``."""

    def __init__(self, storage, source, **options):
        super().__init__(storage, source.path, **options)
        self.source = source

    def commits(self):
        return saved_commits(self.source)

    def position(self):
        """Return how many bytes have been read on disk, and how many there are."""
        return self.source.position(), self.source.size

    def run(self):
        report = super().run()
        report.problem = self.source.problem
        return report
