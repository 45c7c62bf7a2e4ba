"""What is done to a store while faults are made, and to its model.

An operation is a tuple ``(name, arguments, keywords)`` that can be written to
a journal, and that does the same to a store and to a ``Model``.  In both, tracks
are named by their numbers.
"""

from random import Random

TASKS = ["start", "help", "contact", "a*", "é", 7]
USERS = ["ann", "ben", "cem", None]
KINDS = ["a", "b", "c"]
BATCHES = [2, 20, 70, 150, 600]

#: A model has to be compared track by track: this many are enough.
MOST = 2500


class Numbered:
    """A store of which the tracks are named by their numbers."""

    def __init__(self, store):
        self.store = store
        self.startRun = store.startRun
        self.stopRun = store.stopRun
        self.removeTracks = store.removeTracks

    def track(self, number):
        return self.store[self.store.idFromNum(number)]

    def saveUserTrack(self, *arguments, **keywords):
        return int(self.store.saveUserTrack(*arguments, **keywords))

    def saveTracks(self, records):
        return [int(trackId) for trackId in self.store.saveTracks(records)]

    def updateTrack(self, number, data):
        self.store.updateTrack(self.track(number), data)

    def setTrackData(self, number, data):
        self.store.setTrackData(self.track(number), data)

    def setAttribute(self, number, name, value):
        setattr(self.track(number), name, value)

    def removeTrack(self, number):
        self.store.removeTrack(self.track(number))


def perform(operation, target):
    """Do an operation to a ``Numbered`` store or to a model."""
    name, arguments, keywords = operation
    if name == "batch":
        return target.saveTracks(records(*arguments))
    return getattr(target, name)(*arguments, **keywords)


def records(seed, count):
    """Return a batch of records, always the same for a seed."""
    random = Random(seed)
    return [(random.choice(TASKS), 0, random.choice(USERS),
             {"kind": random.choice(KINDS), "n": n, "text": f"{seed} no {n}"},
             1_700_000_000 + random.randrange(10_000)) for n in range(count)]


# what to do next

def planned(random, model):
    """Return an operation that a store like the model can do."""
    if len(model.tracks) > MOST:
        return "removeTracks", (), {"taskId": random.choice(TASKS)}
    choices = [_save] * 6 + [_batch] * 2 + [_run]
    if model.tracks:
        choices += [_change] * 4 + [_save_updating, _remove]
    return random.choice(choices)(random, model)


def _save(random, model):
    return "saveUserTrack", (
        random.choice(TASKS), 0, random.choice(USERS), _data(random)), {}


def _save_updating(random, model):
    return "saveUserTrack", (random.choice(TASKS), 0, random.choice(USERS),
                             _data(random)), {"update": True}


def _data(random):
    data = {"kind": random.choice(KINDS), "n": random.randrange(1000)}
    if random.random() < 0.05:
        data["text"] = "long " * random.choice([100, 5000])  # its own segment
    return data


def _batch(random, model):
    return "batch", (random.randrange(2 ** 32), random.choice(BATCHES)), {}


def _run(random, model):
    if random.random() < 0.5:
        return "startRun", (random.choice(TASKS),), {}
    return "stopRun", (random.choice(TASKS), 0, random.random() < 0.7), {}


def _any(random, model):
    return random.choice(list(model.tracks))


def _change(random, model):
    number = _any(random, model)
    return random.choice([
        ("updateTrack", (number, {"kind": random.choice(KINDS)}), {}),
        ("setTrackData", (number, _data(random)), {}),
        ("setAttribute", (number, "taskId", random.choice(TASKS)), {}),
        ("setAttribute", (number, "state", random.choice(KINDS)), {})])


def _remove(random, model):
    return "removeTrack", (_any(random, model),), {}
