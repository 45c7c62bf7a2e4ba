"""Files of events: what tests write into them and find in them."""

import gzip
import json

from trackstore.tests.test_events_wire import event


def numbered(*numbers):
    return [event(data={'n': number}) for number in numbers]


def old_files(path):
    """Return the old files in the order of their names."""
    return sorted(each for each in path.parent.iterdir() if each != path)


def read(*files):
    """Return the numbers of the events in files, of which each line must be whole."""
    found = []
    for file in files:
        data = file.read_bytes()
        data = gzip.decompress(data) if file.suffix == '.gz' else data
        assert data.endswith(b'\n')
        found += [json.loads(line)['data']['n'] for line in data.splitlines()]
    return found
