"""Bad input is refused by name, and neither store nor transaction suffers.

Each case is tried on a store with uncommitted tracks: after the error these
are still there, more can be saved, and all of it can be committed.
"""

from trackstore.exceptions import (
    TrackstoreError,
)

NAN = float("nan")
INF = float("inf")


class Unpicklable:
    """Refuses to be pickled with an error of its own."""

    def __reduce__(self):
        raise RuntimeError("not me")


class Unloadable:
    """Has no module-level name to be found by."""

    def __init__(self):
        self.hook = lambda: None


def check_unhurt(store, before):
    """See to it that nothing was changed, and that all goes on."""
    assert contents(store) == before, "the error changed something"
    assert store.verify() == []
    assert store.saveUserTrack("d", 0, "u4", {}) == "0000005"
    manager = transaction_of(store)
    manager.commit()
    store._p_jar.cacheMinimize()
    assert list(store) == [f"000000{n}" for n in range(1, 6)]
    assert contents(store)[0][:4] == before[0]
    assert store.verify() == []


def contents(store):
    return ([repr(track) for track in store.values()], dict(store.currentRuns),
            {number: repr(run) for number, run in store.runs.items()},
            {number: repr(run) for number, run in store.finishedRuns.items()},
            [store.count(taskId=task) for task in store.getTaskIds()])


def refused(error, builtin, *parts):
    """Expect an error of a class, of a builtin class, and with these words."""
    return Refused(error, builtin, parts)


class Refused:

    def __init__(self, error, builtin, parts):
        self.error, self.builtin, self.parts = error, builtin, parts

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        assert error is not None, f"no {self.error.__name__} was raised"
        if not isinstance(error, self.error):
            return False
        assert isinstance(error, self.builtin)
        assert isinstance(error, TrackstoreError)
        for part in self.parts:
            assert part in str(error), f"{part!r} is not in {str(error)!r}"
        return True


def transaction_of(store):
    return store._p_jar.transaction_manager
