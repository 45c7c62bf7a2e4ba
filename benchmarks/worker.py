"""One measurement, in a process of its own, so that its peak memory is its own.

``python -m benchmarks.worker`` reads a job as JSON from its input and writes
the result as JSON to its output.  A job has ``task``, the name of a function
here, and the function's arguments.
"""

import json
import os
import sys
from itertools import islice
from time import perf_counter

from . import measure, questions, workload


def opened(name, folder):
    """Return a system, opened."""
    from .systems import system_class

    system = system_class(name)(folder)
    system.open()
    return system


def answer(system, question):
    """Return a function that asks the question, and takes nothing."""
    method, criteria = getattr(system, question['kind']), question['criteria']
    return lambda: method(criteria)


def prepare(size):
    """Choose the questions and work out the right answers."""
    chosen = questions.choose(size)
    return {'questions': chosen, 'expected': questions.expected(size, chosen)}


def generate(size, batch_size):
    """Make the workload and drop it: the memory that takes is no system's."""
    count = sum(len(batch) for batch in workload.batches(size, batch_size))
    return {'tracks': count, 'peak': measure.memory(peak=True)}


def save(system, folder, size, batch_size):
    """Save the workload in batches, each with a commit."""
    store = opened(system, folder)
    os.sync()
    times = []
    for batch in workload.batches(size, batch_size):
        seconds, _ = measure.timed(store.save, batch)
        times.append(seconds)
    total = store.count({})
    store.close()
    tenth = max(len(times) // 10, 1)
    return {'seconds': sum(times), 'rate': size / sum(times),
            'rate of last tenth': tenth * batch_size / sum(times[-tenth:]),
            'longest': max(times), 'total': total,
            'peak': measure.memory(peak=True),
            'bytes': measure.size_on_disk(folder)}


def query(system, folder, asked):
    """Ask each question again and again; the first time is kept apart."""
    store = opened(system, folder)
    result = {}
    for question in asked:
        ask = answer(store, question)
        first, given = measure.timed(ask)
        found = questions.fingerprint(question['kind'], given, store.plain)
        del given
        seconds, count = measure.repeated(ask, store.refresh)
        result[question['name']] = {
            **found, 'seconds': seconds, 'first': first, 'repeated': count}
    store.close()
    return {'answers': result, 'peak': measure.memory(peak=True)}


def cold(system, folder, question, forget):
    """Open a closed store and ask one question, with nothing loaded yet."""
    from .systems import system_class

    store = system_class(system)(folder)
    if forget:
        measure.forget_files(folder)
    before = measure.memory()
    start = perf_counter()
    store.open()
    given = answer(store, question)()
    seconds = perf_counter() - start
    grown = measure.memory() - before
    found = questions.fingerprint(question['kind'], given, store.plain)
    del given
    store.close()
    return {**found, 'seconds': seconds, 'grown': grown}


def single(system, folder, size, count):
    """Save tracks one by one, a commit each, beside those that there are.

    ``size`` is the number of tracks that the store has already.
    """
    store = opened(system, folder)
    rest = workload.records(count + 1, start=size)
    for record in islice(rest, 1):
        store.save_one(record)  # loads what the first save loads
    os.sync()
    times = [measure.timed(store.save_one, record)[0] for record in rest]
    total = store.count({})
    store.close()
    return {'times': times, 'total': total, 'saved': count + 1,
            'peak': measure.memory(peak=True)}


def floors(folder, count):
    """Measure what a ZODB commit costs."""
    from .systems.floors import floor_times

    os.sync()
    return dict(floor_times(folder, count, perf_counter))


def compact(system, folder):
    """Compact the store."""
    store = opened(system, folder)
    os.sync()
    seconds, _ = measure.timed(store.compact)
    total = store.count({})
    store.close()
    return {'seconds': seconds, 'total': total,
            'peak': measure.memory(peak=True),
            'bytes': measure.size_on_disk(folder)}


TASKS = {function.__name__: function for function in (
    prepare, generate, save, query, cold, single, floors, compact)}


def main():
    job = json.load(sys.stdin)
    result = TASKS[job.pop('task')](**job)
    json.dump(result, sys.stdout)


if __name__ == '__main__':
    main()
