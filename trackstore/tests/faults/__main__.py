"""``python -m trackstore.tests.faults``: see the package."""

import argparse
import logging
import sys


def arguments(argv=None):
    parser = argparse.ArgumentParser(
        prog="python -m trackstore.tests.faults", description=(
            "Make faults and see what a store makes of them.  The exit status is 1 "
            "when something is wrong."))
    commands = parser.add_subparsers(dest="command", required=True)
    kill = commands.add_parser("kill", help="kill -9 at random moments")
    server = commands.add_parser("server", help="kill -9 of the ZEO server")
    spilled = commands.add_parser(
        "spilled", help="kill -9 of a process whose queue of events has spilled")
    for each in kill, server, spilled:
        each.add_argument("--rounds", type=int, default=200)
        each.add_argument("--seconds", type=float, help="stop after so many")
        each.add_argument("--seed", default="0")
    kill.add_argument("--aim", action="append", metavar="PHASE",
                      help="kill in this phase only; may be given again")
    server.add_argument("--clients", type=int, default=1)
    soak = commands.add_parser("soak", help="mixed work for a long time")
    soak.add_argument("--minutes", type=float, default=60)
    soak.add_argument("--tracks", type=int, default=20_000,
                      help="how many there are at a time (%(default)s)")
    return parser.parse_args(argv)


def main(argv=None):
    """Run a command; return the exit status."""
    options = arguments(argv)
    # what the faults bring about is told at length otherwise
    for name in "ZODB", "ZEO", "txn", "asyncio", "trackstore":
        logging.getLogger(name).addHandler(logging.NullHandler())
        logging.getLogger(name).propagate = False
    try:
        outcome, lines = run(options)
    except ImportError as error:
        sys.exit(f"{options.command} needs {error.name}: "
                 f"pip install 'trackstore[test]'")
    for line in lines:
        print(line)
    return 1 if outcome.problems else 0


def run(options):
    """Return the outcome of a command and the lines that tell of it."""
    if options.command == "soak":
        from trackstore.tests.faults import soak
        outcome = soak.run(options.minutes * 60, options.tracks, say=say)
        return outcome, soak.summary(outcome)
    given = options.rounds, options.seconds, options.seed
    if options.command == "kill":
        from trackstore.tests.faults import kill
        for aim in options.aim or ():
            if aim not in kill.AIMS:
                sys.exit(f"--aim: {aim!r} is no phase; allowed are "
                         f"{', '.join(map(repr, filter(None, kill.AIMS)))}")
        outcome = kill.run(*given, options.aim, say=say)
        return outcome, kill.summary(outcome)
    if options.command == "spilled":
        from trackstore.tests.faults import spilled
        outcome = spilled.run(*given, say=say)
        return outcome, spilled.summary(outcome)
    from trackstore.tests.faults import server
    outcome = server.run(*given, options.clients, say=say)
    return outcome, server.summary(outcome)


def say(line):
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
