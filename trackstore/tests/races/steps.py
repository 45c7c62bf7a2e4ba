"""Steps: what a client may do in a transaction."""

from trackstore.tests.model import ModelTrack

SHARED_TASKS = ["start", "help", "contact"]


def start_shared_runs(db):
    """Start a run of each of the tasks before any client does."""
    with db.transaction() as connection:
        for task in SHARED_TASKS:
            connection.root()["store"].startRun(task)


def save_shared(client, store):
    task = client.random.choice(SHARED_TASKS)
    data = {"by": client.name, "kind": client.random.choice("abc")}
    client.note(store, store.saveUserTrack(task, 0, client.name, data))


def save_the_same(client, store):
    """Save what every other client saves, to the last byte."""
    client.note(store, store.saveUserTrack(
        "start", 0, "anyone", {"kind": "a"}, timeStamp=client.steps))


def save_new_task(client, store):
    task = f"{client.name}-{client.steps}"
    client.note(store, store.saveUserTrack(task, 0, client.name, {"n": 1}))


def save_new_shared_task(client, store):
    task = f"new-{client.steps // 3}"
    client.note(store, store.saveUserTrack(task, 0, client.name, {"n": 2}))


def save_bulk(client, store):
    size = client.random.choice([2, 30, 100, 300])
    records = [(client.random.choice(SHARED_TASKS), 0, client.name,
                {"kind": "bulk", "n": n}, 1_700_000_000 + n)
               for n in range(size)]
    ids = list(store.saveTracks(iter(records)))
    assert len(ids) == size
    for trackId, (task, _, user, data, when) in zip(ids, records, strict=True):
        run = store.getRun(task).id
        client.pending[int(trackId)] = ModelTrack(
            int(trackId), task, run, user, data, when)


def save_updating(client, store):
    task = client.random.choice(SHARED_TASKS)
    data = {client.random.choice("xyz"): client.steps}
    client.note(store, store.saveUserTrack(
        task, 0, client.name, data, update=True))


def update(client, store):
    if client.pending:
        number = client.random.choice(list(client.pending))
        track = store[store.idFromNum(number)]
        store.updateTrack(track, {"kind": client.random.choice("abc")})
        client.note(store, track.name)


def assign(client, store):
    if client.pending:
        number = client.random.choice(list(client.pending))
        track = store[store.idFromNum(number)]
        track.taskId = client.random.choice(["moved", "start"])
        client.note(store, track.name)


def remove(client, store):
    if len(client.pending) > 20:
        number = client.random.choice(list(client.pending))
        del store[store.idFromNum(number)]
        del client.pending[number]


def remove_many(client, store):
    if client.random.random() < 0.1:
        numbers = [number for number, track in client.pending.items()
                   if track.data.get("kind") == "bulk"]
        found = store.removeTracks(userName=client.name, kind="bulk")
        assert found == len(numbers)
        for number in numbers:
            del client.pending[number]


def start_run(client, store):
    client.pendingRuns.append(
        store.startRun(client.random.choice(SHARED_TASKS)))


def stop_run(client, store):
    store.stopRun(client.random.choice(SHARED_TASKS))


def compact(client, store):
    store.compact()


def mixture(*steps):
    """Return a step that does one of these, or two."""
    def step(client, store):
        for each in client.random.sample(steps, client.random.choice([1, 1, 2])):
            each(client, store)
    return step
