"""Measures nbchat beside what you could use instead: `python -m tests.benchmarks`."""
