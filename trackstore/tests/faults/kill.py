"""kill -9 at a random moment, again and again.

In each round a forked process works on a store and is killed; then the store is
opened, and compared with a model to which the same has been done: all that was
committed, and what was in flight either as a whole or not at all.

A store lives through some rounds, so that it is opened after many deaths; then
comes the next one, with other sizes of its pages and segments.
"""

import os
import shutil
import signal
import tempfile
import time
import traceback
from collections import Counter
from contextlib import nullcontext
from multiprocessing import Pipe
from random import Random

import trackstore
from trackstore.testing import frozen_clock
from trackstore.tests.faults.check import copy_problems, problems
from trackstore.tests.faults.work import Numbered, perform
from trackstore.tests.faults.worker import COPY, Worker, remove_copy
from trackstore.tests.forks import fork
from trackstore.tests.model import Item, Model, small_segments

#: So many rounds does a store live through, in turns.
LIVES = [5, 5, 5, 20, 20, 20]

#: The sizes of pages that stores have, None for the usual ones.
SIZES = [None, 4, 16]

#: What a kill may wait for, and how often it has that aim.
AIMS = {
    None: 6, "committing": 4, "writing to the file": 6, "sealing": 3,
    "sealing: commit": 3, "sealing runs": 1, "sealing runs: commit": 1, "merging": 3,
    "merging: commit": 3, "compacting": 2, "packing": 4, "copying": 3,
    "writing to the copy": 4, "comparing the copy": 1, "renaming": 2, "opening": 1}

#: After so many seconds it comes anyway.
LATEST = 0.6


class Outcome:
    """What the rounds have led to."""

    def __init__(self):
        self.rounds = 0
        self.phases = Counter()
        self.transactions = Counter()  # committed, found, not found
        self.tracks = Counter()
        self.copies = 0  # that were completed
        self.problems = []

    def count(self, fate, pending):
        """Count a transaction, and the tracks that it saved."""
        self.transactions[fate] += 1
        self.tracks[fate] += pending[-1]


class Life:
    """A store at a path, and what it has to hold."""

    def __init__(self, folder, number, seed, aims):
        self.aims = {aim: AIMS[aim] for aim in aims or AIMS}
        self.random = Random(f"{seed} {number}")
        self.seed = f"{seed} {number}"
        self.path = os.path.join(folder, f"store{number}.fs")
        self.size = SIZES[number % len(SIZES)]
        self.model = Model(now=1_700_000_000)

    def sizes(self):
        return small_segments(self.size) if self.size else nullcontext()

    def make(self):
        with trackstore.open(self.path, trackFactory=Item):
            pass

    def round(self, number, outcome):
        """Let a process work, kill it, and look at what it has left."""
        seed = f"{self.seed} {number}"
        aim, = self.random.choices(list(self.aims), self.aims.values())
        messages, phase = killed(self.path, self.model, seed, aim, self.random)
        outcome.rounds += 1
        outcome.phases[phase] += 1
        pending = self._replay(messages, outcome)
        if self.random.random() < 0.3 and os.path.exists(self.path + ".index"):
            os.remove(self.path + ".index")
        try:
            self._look(pending, outcome)
            if os.path.exists(self.path + COPY):
                self._complete_copy(outcome)
        except Exception:
            outcome.problems.append(traceback.format_exc())
        return f"killed while {phase}"

    def _replay(self, messages, outcome):
        """Do to the model what was committed; return what was in flight."""
        pending = None
        for message in messages:
            if message[0] == "intent":
                pending = message[1:]
            elif message[0] == "done":
                self._apply(pending)
                outcome.count("committed", pending)
                pending = None
            elif message[0] == "problem":
                outcome.problems.append(message[1])
        return pending

    def _apply(self, pending):
        """Do a transaction to the model."""
        self.model.now, operations, _ = pending
        for operation in operations:
            perform(operation, self.model)

    def _look(self, pending, outcome):
        """Compare the store with the model, which has no part of what was pending."""
        with trackstore.open(self.path, create=False) as store:
            found = problems(store, self.model)
            if found and pending is not None:
                without = found
                self._apply(pending)
                found = problems(store, self.model)
                if found:
                    found = ["neither without what was in flight:", *without[:3],
                             "nor with it:", *found[:3], repr(pending)[:500]]
                outcome.count("found", pending)
            elif pending is not None:
                outcome.count("not found", pending)
            outcome.problems += found
            if not found:
                outcome.problems += self._save(store)

    def _save(self, store):
        """Save to a store that was opened after a death, and see that it holds."""
        operation = "saveUserTrack", ("start", 0, "ann", {"after": "a death"}), {}
        with frozen_clock(self.model.now):
            expected = perform(operation, self.model)
            got = perform(operation, Numbered(store))
            store._p_jar.transaction_manager.commit()
        found = [f"the new track has number {got}, not {expected}"]
        return (found if got != expected else []) + problems(store, self.model)


    def _complete_copy(self, outcome):
        """Go on with the copy that is there, which is the whole source then."""
        outcome.problems += copy_problems(self.path, self.path + COPY, self.model)
        outcome.copies += 1
        if self.random.random() < 0.7:
            remove_copy(self.path)


def killed(path, model, seed, aim, random):
    """Start a worker and kill it; return its messages and its last phase."""
    suicide = {}
    if aim == "writing to the file":
        suicide["tear"] = int(random.expovariate(1 / 60))
    elif aim == "writing to the copy":
        suicide["tear_copy"] = int(random.expovariate(1 / 60))
    elif aim == "renaming":
        suicide["rename"] = random.randrange(6)
    receiver, sender = Pipe(duplex=False)
    pid = fork()
    if pid == 0:
        try:
            receiver.close()
            Worker(path, model, seed, sender.send, **suicide).run()
        finally:
            os._exit(1)
    sender.close()
    end = time.monotonic() + LATEST
    if aim is None:
        end = time.monotonic() + random.random() * LATEST / 2
    if suicide:  # it comes by itself
        end += 100 * LATEST
    messages = received(receiver, aim, random.randrange(4), end, random.random())
    try:
        os.kill(pid, signal.SIGKILL)
    finally:
        os.waitpid(pid, 0)
    messages += rest(receiver)
    receiver.close()
    phases = [message[1] for message in messages if message[0] == "phase"]
    return messages, phases[-1] if phases else "starting"


def received(receiver, aim, countdown, end, chance):
    """Receive messages until it is time to kill."""
    messages = []
    try:
        while receiver.poll(max(0, end - time.monotonic())):
            messages.append(receiver.recv())
            if messages[-1] == ("phase", aim):
                if countdown == 0:
                    time.sleep(chance ** 3 * 0.02)  # most phases are short
                    return messages
                countdown -= 1
    except (EOFError, OSError):  # it has killed itself
        pass
    return messages


def rest(receiver):
    """Receive what was sent before the end; half a message is none."""
    messages = []
    try:
        while receiver.poll(0):
            messages.append(receiver.recv())
    except (EOFError, OSError):
        pass
    return messages


def run(rounds, seconds, seed, aims=None, say=print):
    """Kill so many times, or for so many seconds; return the ``Outcome``.

    ``aims`` are those of ``AIMS`` that kills have, None for all of them.
    """
    outcome = Outcome()
    folder = tempfile.mkdtemp(prefix="trackstore-faults-")
    end = time.monotonic() + (seconds or float("inf"))
    number = life = 0
    try:
        while number < rounds and time.monotonic() < end and not outcome.problems:
            current = Life(folder, life, seed, aims)
            with current.sizes():
                current.make()
                for _ in range(LIVES[life % len(LIVES)]):
                    done = current.round(number, outcome)
                    number += 1
                    if outcome.problems:
                        say(f"round {number} of store {life} (seed {seed}): {done}")
                        break
                    if number % 20 == 0:
                        say(f"{number} rounds, {outcome.tracks['committed']:,} tracks")
                    if number >= rounds or time.monotonic() >= end:
                        break
            life += 1
        if outcome.problems:
            folder, kept = None, folder
            say(f"the files are in {kept}")
    finally:
        if folder:
            shutil.rmtree(folder)
    return outcome


def summary(outcome):
    """Return the lines of a table."""
    yield f"rounds                        {outcome.rounds:>9,}"
    for phase, count in sorted(outcome.phases.items()):
        yield f"  killed while {phase:<21}{count:>5,}".ljust(30)
    for name, counts in (("transactions", outcome.transactions),
                         ("tracks", outcome.tracks)):
        yield f"{name} committed".ljust(30) + f"{counts['committed']:>9,}"
        yield "  in flight, found whole".ljust(30) + f"{counts['found']:>9,}"
        yield "  in flight, not found".ljust(30) + f"{counts['not found']:>9,}"
    yield f"copies completed              {outcome.copies:>9,}"
    yield f"problems                      {len(outcome.problems):>9,}"
    yield from outcome.problems
