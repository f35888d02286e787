"""How a search is worked on: by which twin of the E-step, and how many fits side by side."""

import joblib

from gaussmix._types import Engine, Floats, Rows
from gaussmix.sources import ArraySource

__all__ = ["search_source"]

_PASSES = 20  # of a cell, about
_WORTH_COMPILED = 10**8  # row-component-features in all, from which on compiled code earns its loading
_FITS_ALONE = 2**19  # row-component-features of a pass, below which Python's own work leaves nothing to run beside
_PASSES_SHARED = 2**23  # above which the threads of one pass are as good


def search_source(
    rows: Rows, weights: Floats | None, engine: Engine, n_components: tuple[int, ...], n_models: int
) -> tuple[ArraySource, int]:
    """The rows as a search should read them, and the number of fits that should run side by side.

    Parameters
    ----------
    rows : (n, D) ndarray
        The rows.
    weights : (n,) ndarray or None
        How many rows each row stands for.
    engine : {"auto", "reference", "fused"}
        ``"auto"`` takes the compiled twin where the search as a whole is worth it.
    n_components : tuple of int
        Numbers of components.
    n_models : int
        Models for each of them.
    """
    size = rows.size
    if engine == "auto":
        engine = "fused" if size * sum(n_components) * n_models * _PASSES >= _WORTH_COMPILED else "reference"
    alone = engine == "fused" and _FITS_ALONE <= size * max(n_components) <= _PASSES_SHARED
    source = ArraySource(rows, weights, engine, n_threads=1 if alone else None)
    return source, joblib.effective_n_jobs(-1) if alone else 1
