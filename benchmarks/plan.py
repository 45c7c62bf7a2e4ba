"""Which measurements there are, and in what order they are taken.

Each is a process of its own, one after another.  Where a measurement has
rounds, the systems take turns, so that a change in the machine's speed meets
all of them alike.  The stores that queries are asked of are those that were
saved in batches of 1,000; what follows works on copies of them.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median
from time import perf_counter

from . import measure, questions

PARTS = ('save', 'bulk', 'query', 'cold', 'compact', 'single')
SMALL_BATCH = 1_000
LARGE_BATCH = 100_000
#: Up to this size a measurement of saving has several rounds.
ROUNDS_UP_TO = 200_000
COLD_STARTS = 5
SAVES_A_ROUND = 1_000
ROOT = Path(__file__).resolve().parent.parent


class BenchmarkError(Exception):
    """A measurement failed, or a system gave a wrong answer."""


def run_job(task, **arguments):
    """Run one measurement in a new process and return its result."""
    done = subprocess.run(
        [sys.executable, '-m', 'benchmarks.worker'], cwd=ROOT, text=True,
        input=json.dumps({'task': task, **arguments}), stdout=subprocess.PIPE)
    if done.returncode:
        what = ' '.join([task, arguments.get('system', '')]).strip()
        raise BenchmarkError(
            f'The measurement {what!r} ended with status {done.returncode}; its '
            'error is shown above.')
    return json.loads(done.stdout)


def fresh(folder):
    """Make an empty folder and return its path as text."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return str(folder)


class Plan:
    """The measurements of one size."""

    def __init__(self, size, systems, parts, folder, rounds=3):
        self.size = size
        self.systems = systems
        self.parts = parts
        self.folder = Path(folder) / str(size)
        self.rounds = rounds
        self.start = perf_counter()
        self.result = {'systems': {name: {'queries': {}} for name in systems}}

    def run(self):
        """Measure, and return the results of this size."""
        self.say('working out the right answers')
        prepared = run_job('prepare', size=self.size)
        self.asked = {question['name']: question
                      for question in prepared['questions']}
        self.expected = prepared['expected']
        self.result['questions'] = {
            name: {**question, 'length': self.expected[name]['length']}
            for name, question in self.asked.items()}
        self.saves()
        if 'query' in self.parts:
            self.queries('batches', 'as saved')
        if 'cold' in self.parts:
            self.cold_starts('batches', (
                ('from disk', questions.SMALL_PAIR, True),
                ('files in the cache', questions.SMALL_PAIR, False),
                ('growing answer', 'pair', True)))
        if 'compact' in self.parts:
            self.compacts()
            if 'query' in self.parts:
                self.queries('compacted', 'compacted')
            if 'cold' in self.parts:
                self.cold_starts('compacted', (
                    ('compacted', questions.SMALL_PAIR, True),))
            self.drop('compacted')
        if 'single' in self.parts:
            self.singles()
            self.drop('single')
        return self.result

    def say(self, text):
        seconds = perf_counter() - self.start
        print(f'[{self.size:>9,} {seconds:6.0f} s] {text}', flush=True)

    def place(self, system, what):
        return self.folder / system / what

    def turns(self):
        """Yield ``(round, system)``; the baseline is slow and has one round."""
        rounds = self.rounds if self.size <= ROUNDS_UP_TO else 1
        for number in range(rounds):
            for name in self.systems:
                if number == 0 or name != 'baseline':
                    yield number, name

    # saving

    def saves(self):
        for part, batch_size, what in (
                ('save', SMALL_BATCH, 'batches'), ('bulk', LARGE_BATCH, 'bulk')):
            if part not in self.parts:
                continue
            rounds = {name: [] for name in self.systems}
            for number, name in self.turns():
                rounds[name].append(self.save(name, batch_size, what, number))
            for name, results in rounds.items():
                self.result['systems'][name][part] = {
                    **results[-1], 'rates': [each['rate'] for each in results],
                    'rate': median(each['rate'] for each in results)}
            self.result[f'generate for {part}'] = run_job(
                'generate', size=self.size, batch_size=batch_size)
        self.drop('bulk')
        for name in self.systems:
            if not self.place(name, 'batches').exists():
                self.save(name, SMALL_BATCH, 'batches', 0)

    def save(self, name, batch_size, what, number):
        # Under another name until it is whole, for it may be used again.
        part = fresh(self.place(name, 'unfinished'))
        saved = run_job('save', system=name, folder=part, size=self.size,
                        batch_size=batch_size)
        self.check_total(name, saved['total'], self.size)
        shutil.rmtree(self.place(name, what), ignore_errors=True)
        Path(part).rename(self.place(name, what))
        self.say(f'{name}: batches of {batch_size:,}, round {number + 1}: '
                 f'{saved["rate"]:,.0f} tracks/s, '
                 f'{saved["bytes"] / self.size:.1f} bytes a track, '
                 f'peak {saved["peak"] / 1e6:.0f} MB')
        return saved

    # asking

    def queries(self, what, state):
        """Ask all questions of the stores in the folders of that name."""
        asked = [self.asked[each] for each in questions.TITLES]
        rounds = {name: [] for name in self.systems}
        for number in range(self.rounds):
            for name in self.systems:
                found = run_job('query', system=name, asked=asked,
                                folder=str(self.place(name, what)))
                for each, given in found['answers'].items():
                    self.check_answer(name, each, given)
                rounds[name].append(found)
                self.say(f'{name}: {state}, round {number + 1}: ms: ' + ', '.join(
                    f'{each} {given["seconds"] * 1000:.2f}'
                    for each, given in found['answers'].items()))
        for name, results in rounds.items():
            last = results[-1]
            for each, given in last['answers'].items():
                given['rounds'] = [
                    result['answers'][each]['seconds'] for result in results]
                given['seconds'] = median(given['rounds'])
            self.result['systems'][name]['queries'][state] = last

    def cold_starts(self, what, ways):
        """Open the stores and ask one question, in ever new processes.

        ``ways`` are triples of a title, the question, and whether the system's
        cache of the files is dropped.
        """
        for title, question, forget in ways:
            starts = {name: [] for name in self.systems}
            for _ in range(COLD_STARTS):
                for name in self.systems:
                    found = run_job('cold', system=name, forget=forget,
                                    folder=str(self.place(name, what)),
                                    question=self.asked[question])
                    self.check_answer(name, question, found)
                    starts[name].append(found)
            for name, results in starts.items():
                result = self.result['systems'][name].setdefault('cold', {})
                result[title] = {
                    'seconds': median(each['seconds'] for each in results),
                    'grown': max(each['grown'] for each in results),
                    'length': results[-1]['length']}
                self.say(f'{name}: cold, {title}: '
                         f'{result[title]["seconds"] * 1000:.1f} ms, '
                         f'{result[title]["grown"] / 1e6:.1f} MB')

    def compacts(self):
        """Make compacted copies of the stores."""
        for name in self.systems:
            compacted = run_job(
                'compact', system=name, folder=self.copy(name, 'compacted'))
            self.check_total(name, compacted['total'], self.size)
            self.say(f'{name}: compacted in {compacted["seconds"]:.1f} s, '
                     f'{compacted["bytes"] / self.size:.1f} bytes a track')
            self.result['systems'][name]['compact'] = compacted

    def copy(self, name, what):
        """Copy the store saved in batches of 1,000; return the copy's path."""
        folder = self.place(name, what)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.place(name, 'batches'), folder)
        return str(folder)

    def drop(self, what):
        """Remove the stores in the folders of that name."""
        for name in self.systems:
            shutil.rmtree(self.place(name, what), ignore_errors=True)

    # saving one by one

    def singles(self):
        times = {name: [] for name in self.systems}
        floors, peaks, saved = {}, {}, dict.fromkeys(self.systems, 0)
        for name in self.systems:
            self.copy(name, 'single')
        for _ in range(self.rounds):
            found = run_job('floors', folder=fresh(self.folder / 'floors'),
                            count=SAVES_A_ROUND)
            for floor, seconds in found.items():
                floors.setdefault(floor, []).extend(seconds)
            for name in self.systems:
                before = self.size + saved[name]
                found = run_job(
                    'single', system=name, size=before, count=SAVES_A_ROUND,
                    folder=str(self.place(name, 'single')))
                saved[name] += found['saved']
                self.check_total(name, found['total'], self.size + saved[name])
                times[name].extend(found['times'])
                peaks[name] = found['peak']
        self.result['floors'] = {
            floor: measure.spread(seconds) for floor, seconds in floors.items()}
        for floor, found in self.result['floors'].items():
            self.say(f'floor {floor}: {found["median"] * 1000:.3f} ms')
        for name, seconds in times.items():
            found = {**measure.spread(seconds), 'peak': peaks[name]}
            self.result['systems'][name]['single'] = found
            self.say(f'{name}: one save: median {found["median"] * 1000:.3f} ms, '
                     f'mean {found["mean"] * 1000:.3f} ms')

    # right or wrong

    def check_total(self, name, total, right):
        if total != right:
            raise BenchmarkError(f'{name} has {total:,} tracks, not {right:,}.')

    def check_answer(self, name, question, given):
        right = self.expected[question]
        if given['digest'] != right['digest']:
            raise BenchmarkError(
                f'{name} gave a wrong answer to {question!r}, '
                f'{self.asked[question]["criteria"]}: its length is '
                f'{given["length"]:,}, the right one is {right["length"]:,}'
                + (', so the tracks or their order differ.'
                   if given['length'] == right['length'] else '.'))
