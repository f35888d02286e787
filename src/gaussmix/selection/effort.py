"""How a search is worked on: by which twin of the E-step, and how many fits side by side."""

from dataclasses import replace

from gaussmix._threads import usable_threads
from gaussmix.sources import ArraySource, Source

__all__ = ["search_source"]

_PASSES = 20  # of a cell, about
_WORTH_COMPILED = 10**8  # row-component-features in all, from which on compiled code earns its loading
_FITS_ALONE = 2**19  # row-component-features of a pass, below which Python's own work leaves nothing to run beside
_PASSES_SHARED = 2**23  # above which the threads of one pass are as good


def search_source(source: Source, n_components: tuple[int, ...], n_models: int) -> tuple[Source, int]:
    """The rows as a search should read them, and the number of fits that should run side by side.

    Parameters
    ----------
    source : Source
        The rows. In memory, with the engine ``"auto"``, the compiled twin is taken where the search as a whole is
        worth it. The number of threads goes to fits side by side, or to the blocks of one after the other. Rows that
        are elsewhere are read as they are, by one fit after the other.
    n_components : tuple of int
        Numbers of components.
    n_models : int
        Models for each of them.
    """
    if not isinstance(source, ArraySource):
        return source, 1
    size, engine = source.rows.size, source.engine
    if engine == "auto":
        engine = "fused" if size * sum(n_components) * n_models * _PASSES >= _WORTH_COMPILED else "reference"
    n_threads = source.n_threads or usable_threads()
    if engine == "fused" and _FITS_ALONE <= size * max(n_components) <= _PASSES_SHARED:
        return replace(source, engine=engine, n_threads=1), n_threads
    return replace(source, engine=engine, n_threads=n_threads), 1
