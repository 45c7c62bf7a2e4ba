"""The command: ``python -m benchmarks``."""

import argparse
import json
import shutil
import sys
import tempfile
from datetime import datetime, timezone
from pathlib import Path

from . import aims, plan, report
from .conditions import conditions, load
from .systems import CLASSES

SIZES = (20_000, 200_000, 2_000_000)
QUICK_SIZE = 20_000
HERE = Path(__file__).resolve().parent


def names_of(allowed):
    """Return a converter for a list of names with commas between them."""
    def names(text):
        chosen = text.split(',')
        for name in chosen:
            if name not in allowed:
                raise argparse.ArgumentTypeError(
                    f'{name!r} is none of {", ".join(allowed)}')
        return tuple(name for name in allowed if name in chosen)
    return names


def sizes_of(text):
    """Return the sizes of a list of numbers with commas between them."""
    sizes = sorted(int(part.replace('_', '')) for part in text.split(','))
    if sizes[0] < 10_000:
        raise argparse.ArgumentTypeError('a size is at least 10000 tracks')
    return tuple(sizes)


def arguments():
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks',
        description='Compare trackstore with other ways of keeping tracks.')
    add = parser.add_argument
    add('--sizes', type=sizes_of, default=SIZES, metavar='N,N',
        help='numbers of tracks (default: 20000,200000,2000000)')
    add('--systems', type=names_of(CLASSES), default=tuple(CLASSES),
        metavar='NAME,NAME', help=f'of {", ".join(CLASSES)} (default: all)')
    add('--only', type=names_of(plan.PARTS), default=plan.PARTS,
        metavar='PART,PART', help=f'of {", ".join(plan.PARTS)} (default: all)')
    add('--quick', action='store_true',
        help=f'{QUICK_SIZE:,} tracks and one round: a look in a minute or two')
    add('--rounds', type=int, default=3,
        help='how often to repeat measurements of saving, up to 200,000 tracks '
             '(default: 3)')
    add('--baseline-max', type=int, default=200_000, metavar='N',
        help='the most tracks to give the baseline, which is slow '
             '(default: 200000)')
    add('--folder', type=Path,
        help='where to keep the stores; those already there are used again '
             'unless "save" is asked for (default: a temporary folder)')
    add('--write', action='store_true',
        help='write RESULTS.md and results.json though the run is a partial one')
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error('--rounds is at least 1')
    if options.quick:
        options.sizes, options.rounds = (QUICK_SIZE,), 1
    return options


def is_complete(options):
    """Tell whether this is the run that RESULTS.md is meant to show."""
    return (set(options.sizes) >= set(SIZES) and options.only == plan.PARTS
            and options.systems == tuple(CLASSES))


def measured(options, folder):
    """Take all measurements and return the results."""
    results = {'conditions': conditions(options, folder), 'sizes': {}}
    loads = results['conditions']['load'] = [load()]
    for size in options.sizes:
        systems = [name for name in options.systems
                   if name != 'baseline' or size <= options.baseline_max]
        each = plan.Plan(size, systems, options.only, folder, options.rounds)
        results['sizes'][str(size)] = each.run()
        loads.append(load())
        if options.folder is None:
            shutil.rmtree(each.folder)
    results['conditions']['finished'] = datetime.now(timezone.utc).isoformat(
        timespec='minutes')
    results['aims'] = [row._asdict() for row in aims.rows(results)]
    return results


def main():
    options = arguments()
    folder = options.folder or Path(tempfile.mkdtemp(prefix='trackstore-bench-'))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        results = measured(options, folder)
    except plan.BenchmarkError as error:
        sys.exit(f'Failed: {error}')
    finally:
        if options.folder is None:
            shutil.rmtree(folder, ignore_errors=True)
    text = report.markdown(results)
    print(text)
    if is_complete(options) or options.write:
        (HERE / 'RESULTS.md').write_text(text)
        (HERE / 'results.json').write_text(
            json.dumps(results, indent=1, sort_keys=True) + '\n')
        print(f'Written to {HERE / "RESULTS.md"} and results.json.')
    else:
        print('A partial run: RESULTS.md is left as it was (--write writes it).')


if __name__ == '__main__':
    main()
