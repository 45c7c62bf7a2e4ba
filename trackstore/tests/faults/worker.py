"""The process that is killed: it works on a store and tells what it does.

It sends tuples:

``("phase", name)``
    what it is about to do
``("intent", now, operations, count)``
    what the transaction does that is about to be committed, at what time, and how
    many tracks it saves
``("done",)``
    the commit has returned
``("problem", text)``
    something went wrong without being killed
"""

import os
import signal
import traceback
from contextlib import suppress
from random import Random

import transaction
from ZODB.DB import DB
from ZODB.FileStorage import FileStorage

from trackstore import copying, merge
from trackstore.run import RunTable
from trackstore.testing import frozen_clock
from trackstore.tests.faults.work import Numbered, perform, planned

#: What a step is, and how often.
STEPS = {"work": 40, "abort": 4, "compact": 3, "pack": 3, "copy": 3, "reopen": 1}

#: What follows the path of a store in that of its copy.
COPY = ".copy"

#: Of the transactions that a copy takes, one in so many has work beside it.
BESIDE = 50


class Worker:
    """Works on the store at a path until it is killed.

    ``model`` is what the store holds, ``tear`` the number of the write to the
    file in the middle of which it kills itself, ``tear_copy`` the same for the file
    of the copy, and ``rename`` the number of the renaming before which it does; None
    for any of them leaves that to others.
    """

    def __init__(self, path, model, seed, send, tear=None, tear_copy=None,
                 rename=None):
        self.path = path
        self.model = model
        self.random = Random(seed)
        self.send = send
        self.tear = tear
        self.tear_copy = tear_copy
        self.rename = rename
        self.clock = frozen_clock(model.now)

    def run(self):
        """Work until killed; tell what goes wrong."""
        try:
            self._announce()
            with self.clock:
                self.phase("opening")
                self.open()
                while True:
                    step, = self.random.choices(list(STEPS), STEPS.values())
                    getattr(self, step)()
        except BaseException:
            self.send(("problem", traceback.format_exc()))

    def phase(self, name):
        self.send(("phase", name))

    def _announce(self):
        """Tell of upkeep when it begins and when it is committed."""
        merge.seal = self._announced("sealing", merge.seal)
        merge.merge = self._announced("merging", merge.merge)
        RunTable.seal = self._announced("sealing runs", RunTable.seal)
        copying.open_storage = self._torn_copy(copying.open_storage)
        rename = os.rename

        def dying(*arguments, **keywords):
            if self.rename == 0:
                self.phase("renaming")
                die()
            if self.rename is not None:
                self.rename -= 1
            return rename(*arguments, **keywords)

        os.rename = dying

    def _announced(self, name, function):
        def announced(*arguments, **keywords):
            self.phase(name)
            result = function(*arguments, **keywords)
            self.phase(f"{name}: commit")
            return result
        return announced

    def _torn_copy(self, open_storage):
        def opened(where, **options):
            storage, arguments = open_storage(where, **options)
            if self.tear_copy is not None and not storage.isReadOnly():
                storage._file = TornFile(
                    storage._file, self, "writing to the copy", self.tear_copy)
            return storage, arguments
        return opened

    def open(self):
        storage = FileStorage(self.path)
        if self.tear is not None:
            storage._file = TornFile(
                storage._file, self, "writing to the file", self.tear)
        self.db = DB(storage)
        self.manager = transaction.TransactionManager()
        self.connection = self.db.open(self.manager)
        self.store = self.connection.root()["tracks"]

    # the steps

    def work(self):
        """A transaction of some operations, to the model and to the store."""
        self.phase("working")
        self.clock.now = self.model.now = self.model.now + self._ticks()
        store, before, operations = Numbered(self.store), self.model.lastNumber, []
        for _ in range(self.random.choice([1, 1, 1, 2, 5])):
            operation = planned(self.random, self.model)
            expected = perform(operation, self.model)
            got = perform(operation, store)
            if got != expected:
                raise RuntimeError(f"{operation}: {got!r}, not {expected!r}")
            operations.append(operation)
        self.send(("intent", self.model.now, operations,
                   self.model.lastNumber - before))
        self.phase("committing")
        self.manager.commit()
        self.send(("done",))

    def _ticks(self):
        """Return by how much the clock goes on, which now and then is back."""
        return self.random.choice([0, 0, 1, 1, 1, 60, -86_400])

    def abort(self):
        self.phase("aborting")
        perform(planned(self.random, self.model), Numbered(self.store))
        self.manager.abort()

    def compact(self):
        self.phase("compacting")
        self.store.compact()

    def pack(self):
        remove_copy(self.path)  # which is no beginning of what is packed
        self.phase("packing")
        self.db.pack()

    def copy(self):
        """Copy the store, or go on with the copy, and work beside it."""
        self.manager.abort()
        self.phase("copying")
        copied = copying.copy(self.path, self.path + COPY, self._beside)
        if copied.problems:
            raise RuntimeError(f"copying: {copied.problems}")

    def _beside(self, done, total, remark):
        if remark == "objects" and done == 1:
            self.phase("comparing the copy")
        elif remark == "bytes" and self.random.randrange(BESIDE) == 0:
            self.work()
            self.phase("copying")

    def reopen(self):
        self.phase("closing")
        self.manager.abort()
        self.connection.close()
        self.db.close()
        self.phase("opening")
        self.open()


class TornFile:
    """A file in the middle of a write to which the process is killed."""

    def __init__(self, file, worker, phase, left):
        self._file = file
        self._worker = worker
        self._phase = phase
        self._left = left  # so many writes before it

    def __getattr__(self, name):
        return getattr(self._file, name)

    def write(self, data):
        if self._left == 0:
            self._worker.phase(self._phase)
            self._file.write(data[:self._worker.random.randrange(len(data) + 1)])
            self._file.flush()
            die()
        self._left -= 1
        return self._file.write(data)


def remove_copy(path):
    """Remove the copy of a store, its own file last."""
    for ending in (".index", ".tmp", ".lock", ""):
        with suppress(FileNotFoundError):
            os.remove(path + COPY + ending)


def die():
    os.kill(os.getpid(), signal.SIGKILL)
