"""Clocks, memory and bytes."""

import os
import resource
import sys
from pathlib import Path
from statistics import median
from time import perf_counter


def memory(peak=False):
    """Return the memory that this process has resident, in bytes.

    With ``peak``, the most that it ever had.  ``getrusage`` is the second
    choice, since Linux starts it with what the parent process had.
    """
    wanted = 'VmHWM:' if peak else 'VmRSS:'
    try:
        lines = Path('/proc/self/status').read_text().splitlines()
    except OSError:
        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == 'darwin' else used * 1024
    return next(int(line.split()[1]) * 1024 for line in lines
                if line.startswith(wanted))


#: The files that hold nothing of a closed store: FileStorage leaves its scratch
#: file, as long as the largest transaction was, and empties it when it opens.
SCRATCH = ('Data.fs.tmp', 'Data.fs.lock')


def size_on_disk(folder):
    """Return the bytes of the files of a closed store, but for scratch files."""
    return sum(path.stat().st_size for path in Path(folder).rglob('*')
               if path.is_file() and path.name not in SCRATCH)


def forget_files(folder):
    """Ask the operating system to drop the files from its cache.

    Nothing happens on a system that cannot be asked.
    """
    if not hasattr(os, 'posix_fadvise'):
        return
    for path in Path(folder).rglob('*'):
        if path.is_file():
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def timed(function, *args):
    """Call a function; return the seconds that it took, and its result."""
    start = perf_counter()
    result = function(*args)
    return perf_counter() - start, result


def repeated(function, between, least=5, seconds=0.4, most=300):
    """Return the median time of a function, and how often it was called.

    It is called at least ``least`` times, and again until so many ``seconds``
    have passed.  ``between`` is called before each, outside of the time.  The
    result of one call is dropped before the next.
    """
    times = []
    while len(times) < least or (sum(times) < seconds and len(times) < most):
        between()
        start = perf_counter()
        result = function()
        times.append(perf_counter() - start)
        del result
    return median(times), len(times)


def spread(times):
    """Return median, mean, 99th percentile and number of a list of seconds."""
    ordered = sorted(times)
    return {'median': median(ordered), 'mean': sum(ordered) / len(ordered),
            'p99': ordered[int(len(ordered) * 0.99)], 'count': len(ordered)}
