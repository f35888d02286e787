"""Log-densities, most probable components and responsibilities of rows, block by block, by the faster engine."""

from collections.abc import Iterator

import numpy as np

from gaussmix._threads import side_by_side
from gaussmix._types import Floats, Labels, Rows
from gaussmix.components import Components
from gaussmix.engines import incomplete
from gaussmix.engines.base import AUTO, engine_for

__all__ = ["labels", "log_densities", "responsibilities"]

# Rows times components times features in a block: it bounds the memory that a block takes in NumPy.
_NUMBERS_AT_ONCE = 2**20
# Least number of rows in a block, the rows of a tile in the compiled pass, and the largest number.
_FEWEST_AT_ONCE, _MOST_AT_ONCE = 48, 4096


def log_densities(mixture: Components, rows: Rows, n_threads: int | None = None, *, holes: bool = False) -> Floats:
    """Return the log-densities ``(n,)``, in nats; with `holes`, NaN is a missing value."""
    return _assess(mixture, rows, n_threads, of_all=False, holes=holes)[0]


def labels(mixture: Components, rows: Rows, n_threads: int | None = None, *, holes: bool = False) -> Labels:
    """Return the most probable components ``(n,)``; of equally probable components, the first."""
    return _assess(mixture, rows, n_threads, of_all=False, holes=holes)[1]


def responsibilities(mixture: Components, rows: Rows, n_threads: int | None = None, *, holes: bool = False) -> Floats:
    """Return the responsibilities ``(n, K)``, whose rows sum to one; with `holes`, NaN is a missing value."""
    return _assess(mixture, rows, n_threads, of_all=True, holes=holes)[2]


def _assess(
    mixture: Components, rows: Rows, n_threads: int | None, *, of_all: bool, holes: bool
) -> tuple[Floats, Labels, Floats]:
    """Return log-densities, labels and responsibilities; the last have no rows unless `of_all` is True.

    Memory holds the result and a few blocks.
    """
    if holes:
        return incomplete.assess(mixture, rows, responsibilities=of_all)
    n_rows, n_components, n_features = len(rows), mixture.n_components, mixture.n_features
    log_density, most_probable = np.empty(n_rows), np.empty(n_rows, dtype=np.intp)
    shares = np.empty((n_rows if of_all else 0, n_components))
    engine = engine_for(AUTO, n_rows=n_rows, n_components=n_components, n_features=n_features)
    assess = engine.arithmetic.assess

    def block(span: slice) -> None:
        log_density[span], most_probable[span], some = assess(mixture, rows[span], responsibilities=of_all)
        if of_all:
            shares[span] = some

    spans = list(_spans(n_rows, mixture.means.size))
    # Few rows: no threads, because to find the libraries that have threads takes as much time as a small fit.
    for _ in side_by_side(block, spans, n_threads) if engine.side_by_side else map(block, spans):
        pass
    return log_density, most_probable, shares


def _spans(n_rows: int, n_numbers: int) -> Iterator[slice]:
    """Yield blocks of rows whose differences from all means take little memory."""
    size = min(max(_NUMBERS_AT_ONCE // n_numbers, _FEWEST_AT_ONCE), _MOST_AT_ONCE)
    return (slice(start, start + size) for start in range(0, n_rows, size))
