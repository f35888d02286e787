"""The execution plan of a search: the engine of its passes, and how many models are evaluated in parallel."""

from dataclasses import replace

from gaussmix._threads import usable_threads
from gaussmix.sources import ArraySource, Source

__all__ = ["search_source"]

_PASSES = 20
"""Passes over the rows that the evaluation of one model takes, on average: it enters the work of a whole search."""

_WORTH_COMPILED = 10**8
"""The work of a search, in rows x features x components x passes, from which on the compiled engine saves more time
than its loading takes."""

_SMALLEST_PARALLEL = 2**19
"""The work of a pass, in rows x features x components, below which models are evaluated one after the other: the
interpreter's own work, which runs on one core, would dominate."""

_LARGEST_PARALLEL = 2**23
"""The work of a pass, in rows x features x components, above which models are evaluated one after the other: the
threads of one pass then use all cores."""


def search_source(source: Source, n_components: tuple[int, ...], n_models: int) -> tuple[Source, int]:
    """Return the rows with the engine and the threads for a search, and the number of models to evaluate in parallel.

    Parameters
    ----------
    source : Source
        The rows. If the rows are in memory and the engine is ``"auto"``, a search with enough work gets the compiled
        engine. All threads go either to models in parallel, or to the blocks of one pass. A source of another kind is
        returned as it is, and its models are evaluated one after the other.
    n_components : tuple of int
        Numbers of components.
    n_models : int
        Models for each number of components.
    """
    if not isinstance(source, ArraySource):
        return source, 1
    size, engine = source.rows.size, source.engine
    if engine == "auto":
        engine = "fused" if size * sum(n_components) * n_models * _PASSES >= _WORTH_COMPILED else "reference"
    n_threads = source.n_threads or usable_threads()
    if engine == "fused" and _SMALLEST_PARALLEL <= size * max(n_components) <= _LARGEST_PARALLEL:
        return replace(source, engine=engine, n_threads=1), n_threads
    return replace(source, engine=engine, n_threads=n_threads), 1
