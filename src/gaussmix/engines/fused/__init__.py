"""The compiled engine: all code that needs Numba. It cannot be imported if Numba is told to compile nothing."""

from numba.core import config

__all__: list[str] = []

if getattr(config, "DISABLE_JIT", False):  # which Numba sets by name
    raise ImportError("the environment variable NUMBA_DISABLE_JIT is set, so that Numba compiles nothing")
