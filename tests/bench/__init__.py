"""Benchmarks: `make bench`. Ours and Postfix, both sides in one run, one table of medians."""
