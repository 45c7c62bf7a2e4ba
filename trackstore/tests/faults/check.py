"""Whether a store is what its model is: tracks, runs, every index, and itself."""

from pathlib import Path

import trackstore
from trackstore.copying import copy
from trackstore.criteria import Equal
from trackstore.tests.model import MISSING, differences
from trackstore.tests.storages import history

#: Of each index about so many values are asked for, all of them are counted.
VALUES = 30


def problems(store, model):
    """Return sentences on what is wrong with a store, by its model and by itself."""
    found = differences(store, model)
    if not found:  # the rest would only say the same again
        found = index_differences(store, model) + time_differences(store, model)
    return found + store.verify()


def copy_problems(source, target, model):
    """Complete a copy of a source that is right; return what is wrong then."""
    before = Path(source).read_bytes()
    copied = copy(source, target)
    found = list(copied.problems)
    if Path(source).read_bytes() != before:
        found.append("the source was changed by being copied")
    expected = history(source)
    if copied.before + copied.transactions != len(expected):
        found.append(f"{copied.before} and {copied.transactions} transactions were "
                     f"copied of {len(expected)}")
    if history(target) != expected:
        found.append("the copy has not the same transactions as its source")
    with trackstore.open(target, create=False, readOnly=True) as store:
        return found + [f"copy: {each}" for each in problems(store, model)]


def index_differences(store, model):
    """Compare what each index says of each value with the tracks of the model."""
    found = []
    for name in store.indexAttributes:
        expected = {}
        for number in sorted(model.tracks):
            value = model.tracks[number].value(name)
            if value is not MISSING:
                expected.setdefault(value, []).append(number)
        groups = {value: group.count
                  for value, group in store.groupBy(name).items()}
        if groups != {value: len(numbers) for value, numbers in expected.items()}:
            found.append(f"groupBy({name!r}) does not agree with the model")
        few = slice(None, None, 1 + len(expected) // VALUES)
        for value, numbers in list(expected.items())[few]:
            if list(store.query(**{name: Equal(value)}).numbers) != numbers:
                found.append(f"index {name}: query for {value!r} does not agree "
                             f"with the model")
    return found


def time_differences(store, model):
    """Compare queries for some spans of time."""
    times = sorted(track.timeStamp for track in model.tracks.values())
    found = []
    for low in range(0, len(times), max(1, len(times) // 5)):
        span = times[low], times[(low + len(times)) // 2]
        if list(store.query(timeFromTo=span).numbers) != model.query(timeFromTo=span):
            found.append(f"the time span {span} does not agree with the model")
    return found
