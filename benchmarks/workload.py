"""The tracks that every system is given.

Tracks of 1,000 tasks (Zipf, exponent 1) and 10,000 users (Zipf, exponent 0.7),
one run a task, with whole time stamps that rise by one to five seconds, and
``data`` of four keys: two strings, an int and a bool.

A track depends on its place alone: whoever asks for tracks 5,000 to 6,000 gets
the same ones, whatever was asked before.  All strings are new objects, as they
are when a log is parsed, so that nobody gains from comparing by identity.
"""

from itertools import accumulate, islice
from random import Random

SEED = 20240229
TASKS = 1_000
USERS = 10_000
PAGES = 2_000
ACTIONS = ('view', 'click', 'search', 'download', 'comment', 'rate')
ACTION_WEIGHTS = (60, 84, 93, 97, 99, 100)  # cumulative, in percent
FIRST_TIME = 1_700_000_000
SECONDS_A_TRACK = 3
CHUNK = 1_000

DESCRIPTION = (
    f'{TASKS:,} tasks (Zipf 1.0), {USERS:,} users (Zipf 0.7), one run a task, '
    'rising whole time stamps, `data` of four keys (two strings, an int, a bool), '
    'all strings new objects')


def cumulated(count, exponent):
    """Return the cumulated Zipf weights of ``count`` ranks."""
    return list(accumulate(1 / rank ** exponent for rank in range(1, count + 1)))


def shuffled(count, name):
    """Return the numbers below ``count`` in a fixed order that looks random."""
    numbers = list(range(count))
    Random(f'{SEED} {name}').shuffle(numbers)
    return numbers


TASK_NUMBERS = shuffled(TASKS, 'tasks')
USER_NUMBERS = shuffled(USERS, 'users')
TASK_WEIGHTS = cumulated(TASKS, 1.0)
USER_WEIGHTS = cumulated(USERS, 0.7)


def task_of_rank(rank):
    """Return the name of a task; rank 1 is the most frequent one."""
    return f'task{TASK_NUMBERS[rank - 1]:04d}'


def user_of_rank(rank):
    """Return the name of a user; rank 1 is the most frequent one."""
    return f'user{USER_NUMBERS[rank - 1]:05d}'


def time_at(place):
    """Return the lowest time stamp that the track at that place can have."""
    return FIRST_TIME + place * SECONDS_A_TRACK


def chunk_of(index):
    """Return the list of the records of one chunk."""
    random = Random(f'{SEED} {index}')
    choices, rand = random.choices, random.random
    tasks = choices(TASK_NUMBERS, cum_weights=TASK_WEIGHTS, k=CHUNK)
    users = choices(USER_NUMBERS, cum_weights=USER_WEIGHTS, k=CHUNK)
    actions = choices(ACTIONS, cum_weights=ACTION_WEIGHTS, k=CHUNK)
    start = time_at(index * CHUNK)
    return [
        (f'task{task:04d}', 0, f'user{user:05d}',
         {'action': (action + '.')[:-1],
          'page': f'/articles/page-{int(rand() * PAGES):04d}',
          'duration': int(rand() * 60_000), 'mobile': rand() < 0.4},
         start + place * SECONDS_A_TRACK + int(rand() * SECONDS_A_TRACK))
        for place, (task, user, action) in enumerate(
            zip(tasks, users, actions, strict=True))]


def records(size, start=0):
    """Yield ``size`` records ``(taskId, 0, userName, data, timeStamp)``."""
    stop = start + size
    for index in range(start // CHUNK, -(-stop // CHUNK)):
        first = index * CHUNK
        yield from chunk_of(index)[max(start - first, 0):stop - first]


def batches(size, batch_size, start=0):
    """Yield lists of ``batch_size`` records, the last one perhaps shorter."""
    rest = records(size, start)
    while batch := list(islice(rest, batch_size)):
        yield batch
