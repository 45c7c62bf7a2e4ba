"""What is asked, and the right answers, worked out in plain Python.

A *question* is a dictionary with ``name``, ``kind`` (which method of a system
answers it) and ``criteria``; it goes through JSON on its way to a system.
"""

from collections import Counter
from hashlib import sha256

from . import workload

#: The questions of the warm queries, by name, as the report shows them.
TITLES = {
    'task': 'all tracks of the largest task',
    'user': 'all tracks of the largest user',
    'pair': 'one (task, user): largest task, user of rank 10',
    'last': 'last of (task, run, user)',
    'time': '1 % time range',
    'tasks': 'five tasks at once: ranks 10, 20, 30, 40, 50',
    'prefix': 'prefix of 100 users',
    'count': 'count of the largest task',
    'group': 'groupBy user of the largest task',
    'distinct': 'distinct users of the largest task',
}
#: The (task, user) that has about as many tracks at every size.
SMALL_PAIR = 'small pair'
SMALL_PAIR_LENGTH = 20


def choose(size):
    """Return the list of questions for a workload of that size."""
    task, user = workload.task_of_rank(1), workload.user_of_rank(1)
    pair = {'taskId': task, 'userName': workload.user_of_rank(10)}
    criteria = {
        'task': {'taskId': task},
        'user': {'userName': user},
        'pair': pair,
        'last': {**pair, 'runId': run_of(task)},
        'time': {'timeFrom': workload.time_at(size * 60 // 100),
                 'timeTo': workload.time_at(size * 61 // 100) - 1},
        'tasks': {'taskId': [
            workload.task_of_rank(rank) for rank in (10, 20, 30, 40, 50)]},
        'prefix': {'userName': 'user042*'},
        'count': {'taskId': task},
        'group': {'taskId': task},
        'distinct': {'taskId': task},
        SMALL_PAIR: {'taskId': task, 'userName': small_user(task, size)},
    }
    kinds = {name: name for name in ('last', 'count', 'group', 'distinct')}
    return [{'name': name, 'kind': kinds.get(name, 'tracks'), 'criteria': value}
            for name, value in criteria.items()]


def run_of(task):
    """Return the run of a task: runs are counted as their tasks first come."""
    seen = set()
    for record in workload.records(workload.CHUNK * 1_000):
        seen.add(record[0])
        if record[0] == task:
            return len(seen)
    raise ValueError(f'The workload has no task {task!r}.')


def small_user(task, size):
    """Return a user with about ``SMALL_PAIR_LENGTH`` tracks of the task."""
    users = Counter(
        record[2] for record in workload.records(size) if record[0] == task)
    return min(users, key=lambda user: (abs(users[user] - SMALL_PAIR_LENGTH), user))


class Fingerprint:
    """A checksum of a sequence of tracks, and their number."""

    def __init__(self):
        self.length = 0
        self.hash = sha256()

    def add(self, number, task, run, user, time, data):
        self.length += 1
        self.hash.update(repr(
            (number, task, run, user, time, sorted(data.items()))).encode())

    def result(self):
        return {'length': self.length, 'digest': self.hash.hexdigest()}


def fingerprint(kind, answer, plain=None):
    """Return length and checksum of an answer.

    ``plain`` makes a tuple of a track, as the method of a system does.
    """
    if kind in ('tracks', 'last'):
        found = Fingerprint()
        tracks = answer if kind == 'tracks' else [answer] if answer is not None else []
        for track in tracks:
            found.add(*plain(track))
        return found.result()
    if kind == 'count':
        return {'length': answer, 'digest': str(answer)}
    ordered = sorted(answer.items()) if kind == 'group' else list(answer)
    return {'length': len(ordered),
            'digest': sha256(repr(ordered).encode()).hexdigest()}


def matches(criteria, task, run, user, time):
    """Tell whether a track meets the criteria."""
    for name, wanted in criteria.items():
        if name == 'taskId':
            met = task in wanted if isinstance(wanted, list) else task == wanted
        elif name == 'runId':
            met = run == wanted
        elif name == 'userName':
            met = (user.startswith(wanted[:-1]) if wanted.endswith('*')
                   else user == wanted)
        elif name == 'timeFrom':
            met = time >= wanted
        else:
            met = time <= wanted
        if not met:
            return False
    return True


class Model:
    """Plain Python's answer to one question, one track after another."""

    def __init__(self, question):
        self.criteria = question['criteria']
        self.kind = question['kind']
        self.tracks = Fingerprint()
        self.latest = None
        self.groups = {}

    def add(self, number, task, run, user, time, data):
        if not matches(self.criteria, task, run, user, time):
            return
        if self.kind == 'tracks':
            self.tracks.add(number, task, run, user, time, data)
        elif self.kind == 'last':
            # Time stamps rise, so the latest is the one that comes last.
            self.latest = number, task, run, user, time, data
        else:
            count, first, _ = self.groups.get(user, (0, time, time))
            self.groups[user] = count + 1, first, time

    def result(self):
        if self.kind == 'tracks':
            return self.tracks.result()
        if self.kind == 'last':
            return fingerprint('last', self.latest, tuple)
        answer = {
            'count': sum(group[0] for group in self.groups.values()),
            'group': self.groups,
            'distinct': sorted(self.groups),
        }[self.kind]
        return fingerprint(self.kind, answer)


def expected(size, questions):
    """Return a dictionary of the right answers' fingerprints by name."""
    models = {question['name']: Model(question) for question in questions}
    runs = {}
    for number, record in enumerate(workload.records(size), 1):
        task, _, user, data, time = record
        run = runs.setdefault(task, len(runs) + 1)
        for model in models.values():
            model.add(number, task, run, user, time, data)
    return {name: model.result() for name, model in models.items()}
