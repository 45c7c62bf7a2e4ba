"""Lines to import, and what a store has of them."""

from collections import defaultdict
from datetime import datetime, timezone

from trackstore.importers.accesslog import AccessLog
from trackstore.importers.source import Block

NOON = int(datetime(2026, 11, 21, 12, tzinfo=timezone.utc).timestamp())


def log_line(user='ann', path='/', time=NOON, agent='Browser'):
    stamp = datetime.fromtimestamp(time, timezone.utc).strftime('%d/%b/%Y:%H:%M:%S')
    return (f'10.0.0.1 - {user} [{stamp} +0000] "GET {path} HTTP/1.1" 200 17 "-" '
            f'"{agent}"\n')


def contents(tracks):
    return [(track.taskId, track.userName, track.timeStamp, dict(track.data))
            for track in tracks.values()]


def tasks(tracks):
    return [track.taskId for track in tracks.values()]


def parsed(line):
    rows, bad, used = AccessLog().rows(Block(1, 0, 0, [line]))
    assert used == 1
    return rows[0][:5] if rows else bad[0][1]


LINES = [log_line(path=f'/{n}', time=NOON + n) for n in range(40)]


def sittings(tracks):
    """Return for each user the sets of times that share a run."""
    found = defaultdict(set)
    for track in tracks.values():
        found[track.userName, track.runId].add(track.timeStamp)
    assert len({run for _, run in found}) == len(found)
    for (_, number), times in found.items():
        run = tracks.getRun(runId=number)
        assert (run.start, run.end) == (min(times), max(times))
    return sorted((user, sorted(times)) for (user, _), times in found.items())


def expected_sittings(lines, idle=1800):
    times = defaultdict(list)
    for line in lines:
        _, _, user, _, time = parsed(line.strip().encode())
        times[user].append(time)
    found = []
    for user, each in times.items():
        each.sort()
        part = []
        for time in each:
            if part and time - part[-1] > idle:
                found.append((user, sorted(set(part))))
                part = []
            part.append(time)
        found.append((user, sorted(set(part))))
    return sorted(found)
