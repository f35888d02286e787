"""The compiled engine: all code that needs Numba."""
