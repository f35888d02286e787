"""Benchmarks of gaussmix and other libraries: ``python -m benchmarks`` from the root of the repository."""
