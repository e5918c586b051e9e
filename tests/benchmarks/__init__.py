"""Timings and accuracy tables, run by hand: ``python -m tests.benchmarks.lse``."""
