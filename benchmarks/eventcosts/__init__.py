"""The parts of ``python -m benchmarks.events``."""
