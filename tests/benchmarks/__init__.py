"""Benchmarks, each a command: ``python -m tests.benchmarks.rate``; no test run collects them."""
