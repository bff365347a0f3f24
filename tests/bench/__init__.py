"""Benchmarks: `make bench` runs us and Postfix side by side and prints one table. A file a piece of work."""
