"""The compiled engine: all that is Numba."""
