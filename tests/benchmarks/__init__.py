"""nbchat and what people could use instead, measured side by side: `python -m tests.benchmarks`."""
