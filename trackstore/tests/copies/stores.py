"""A store to copy, and what a user sees of it."""

import trackstore


def fill(path, rounds=12):
    """Make a store with single saves, bulk, changes, runs and undone transactions."""
    with trackstore.open(path) as tracks:
        manager = tracks._p_jar.transaction_manager
        for n in range(rounds):
            tracks.saveUserTrack('one', 0, 'ann', {'n': n}, timeStamp=n)
            manager.commit()
            tracks.saveTracks(
                [('many', 0, f'u{m % 5}', {'m': m}, m) for m in range(100)])
            manager.commit()
            tracks.removeTracks(userName='u3', timeFrom=50)
            tracks.stopRun('many')
            manager.commit()
        undo_last(tracks)


def undo_last(tracks):
    db, manager = tracks._p_jar.db(), tracks._p_jar.transaction_manager
    db.undo(db.undoLog(0, 1)[0]['id'], manager.get())
    manager.commit()


def contents(where):
    """Return all that a user sees of a store."""
    with trackstore.open(where, create=False) as tracks:
        assert tracks.verify() == []
        return (
            [(each.name, each.metadata, dict(each.data)) for each in tracks.query()],
            [(run.id, run.taskId, run.start, run.end, run.finished)
             for runs in (tracks.runs, tracks.finishedRuns) for run in runs.values()],
            dict(tracks.currentRuns), tracks.info())
