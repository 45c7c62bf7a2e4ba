"""Whether a store is what its model is: tracks, runs, every index, and itself."""

from trackstore.criteria import Equal
from trackstore.tests.model import MISSING, differences

#: Of each index about so many values are asked for, all of them are counted.
VALUES = 30


def problems(store, model):
    """Return sentences on what is wrong with a store, by its model and by itself."""
    found = differences(store, model)
    if not found:  # the rest would only say the same again
        found = index_differences(store, model) + time_differences(store, model)
    return found + store.verify()


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
