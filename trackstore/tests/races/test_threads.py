"""Clients in threads: what conflicts, and that nothing is lost."""

import pytest

from trackstore.tests.races.clients import check, conflicts, race, undisturbed
from trackstore.tests.races.steps import (
    assign,
    compact,
    mixture,
    remove,
    remove_many,
    save_bulk,
    save_new_shared_task,
    save_new_task,
    save_shared,
    save_the_same,
    save_updating,
    start_run,
    start_shared_runs,
    stop_run,
    update,
)
from trackstore.tests.storages import SERVED

everywhere = pytest.mark.parametrize("db", [
    "usual", "small", *(f"{size} over {kind}" for kind in SERVED
                        for size in ("usual", "small"))], indirect=True)


@everywhere
def test_saving_on_shared_tasks_does_not_conflict(db):
    start_shared_runs(db)
    undisturbed(db, one=save_shared, two=save_shared, three=save_shared)


def test_saving_on_new_tasks_does_not_conflict(db):
    undisturbed(db, one=save_new_task, two=save_new_task, three=save_new_task)


def test_saving_in_bulk_does_not_conflict(db):
    start_shared_runs(db)
    undisturbed(db, one=save_bulk, two=save_bulk, three=save_shared)


def test_updating_ones_own_last_track_does_not_conflict(db):
    start_shared_runs(db)
    undisturbed(db, one=save_updating, two=save_updating,
                three=save_updating)


@everywhere
def test_compaction_beside_writers_does_not_make_them_conflict(db):
    start_shared_runs(db)
    writer = mixture(save_shared, save_bulk)
    *writers, compactor = race(db, one=writer, two=writer, compactor=compact)
    assert conflicts(writers) == []
    check(db, [*writers, compactor])


@everywhere
def test_everything_at_once_ends_with_what_was_committed(db):
    writer = mixture(save_shared, save_the_same, save_new_task,
                     save_new_shared_task, save_bulk, save_updating)
    changer = mixture(save_shared, save_updating, update, assign, remove,
                      remove_many)
    starter = mixture(start_run, stop_run, save_shared)
    clients = race(db, one=writer, two=changer, three=changer, four=starter,
                   five=starter, compactor=compact)
    check(db, clients)
