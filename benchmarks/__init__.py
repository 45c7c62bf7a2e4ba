"""How the store compares: one workload, several systems, one run.

``python -m benchmarks`` from the root of the checkout measures everything and
writes ``RESULTS.md`` and ``results.json``; ``--help`` tells what else it does.

workload.py    the tracks that are saved
questions.py   what is asked, and the right answers, worked out in plain Python
systems/       one module a system, all with the interface of ``base.py``
measure.py     clocks, memory, bytes
worker.py      one measurement, in a process of its own
plan.py        which measurements there are, and their order
aims.py        what is compared with what, and what is aimed at
report.py      the tables
"""
