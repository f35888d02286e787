"""The E-step under candidates alone, compiled: the fast twin of :mod:`gaussmix.expectation.truncated`.

The loops are in :mod:`gaussmix.expectation._candidates`. Here a mixture is brought into their shapes, and their sums
into those of :class:`~gaussmix.statistics.Statistics`.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gaussmix._types import Floats, Labels, Rows
from gaussmix.covariances import Covariances, Diagonal, Full, Spherical, Tied
from gaussmix.expectation import truncated
from gaussmix.expectation._candidates import Candidates, Densities, Sums, best_of_cells, sum_cells
from gaussmix.expectation.cells import Cells
from gaussmix.statistics import DIAGONAL, FULL, POOLED, SCALAR, Moments, Statistics

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["best_two", "expect", "rows_at_once"]

_ROWS = 2**14
_ROWS_PER_COMPONENT = 4


def _padded(array: Floats, n_axes: int) -> Floats:
    """A copy whose last axes are filled with zeros up to a multiple of four."""
    kept = array.ndim - n_axes
    out = np.zeros(array.shape[:kept] + tuple(-(-size // 4) * 4 for size in array.shape[kept:]))
    out[tuple(slice(size) for size in array.shape)] = array
    return out


_METRICS: dict[type[Covariances], Callable[[Floats, int], Floats]] = {
    Spherical: lambda scales, n_features: _padded(np.repeat(scales[:, None, None], n_features, axis=2), 1),
    Diagonal: lambda scales, _: _padded(scales[:, None, :], 1),
    Tied: lambda factor, _: _padded(factor[None], 2),
    Full: lambda factors, _: _padded(factors, 2),
}


def _symmetric(sums: Floats) -> Floats:
    return np.asarray(np.tril(sums) + np.swapaxes(np.tril(sums, -1), 1, 2))


_Shape = Callable[[int, int], tuple[int, int, int]]
_Read = Callable[[Floats, int], Floats]
_SECOND: dict[Moments, tuple[_Shape, _Read]] = {
    SCALAR: (lambda n_components, n_padded: (n_components, 1, n_padded), lambda sums, _: sums.sum(axis=(1, 2))),
    DIAGONAL: (lambda n_components, n_padded: (n_components, 1, n_padded), lambda sums, size: sums[:, 0, :size]),
    POOLED: (lambda _, n_padded: (1, n_padded, n_padded), lambda sums, size: _symmetric(sums[:, :size, :size])[0]),
    FULL: (
        lambda n_components, n_padded: (n_components, n_padded, n_padded),
        lambda sums, size: _symmetric(sums[:, :size, :size]),
    ),
}


@lru_cache(maxsize=4)
def _densities(mixture: "Mixture") -> Densities:
    """The components, in the shapes of the compiled pass; kept from block to block."""
    covariances = mixture.covariances
    metrics = _METRICS[type(covariances)](covariances.whitening, mixture.n_features)
    return Densities(_padded(mixture.means, 1), metrics, mixture.log_norms.copy())


def rows_at_once(mixture: "Mixture") -> int:
    """How many rows a block should have, so that its work dwarfs what it costs in Python, and to add sums of all K."""
    return max(_ROWS, _ROWS_PER_COMPONENT * mixture.n_components)


def _block(rows: Rows, cells: Cells) -> tuple[Floats, Candidates]:
    n_rows, n_features = rows.shape
    block = np.zeros((-(-n_features // 4) * 4, n_rows))
    block[:n_features] = rows.T
    return block, Candidates(cells.starts, cells.members, cells.member_starts)


def expect(mixture: "Mixture", rows: Rows, weights: Floats, cells: Cells, moments: Moments) -> Statistics:
    """Statistics of one block of rows, as :func:`gaussmix.expectation.truncated.expect` gives them.

    The global interpreter lock is released in the arithmetic. Responsibilities below 1e-16 are left out. Blocks with
    rows so far out that a sum is not finite are handed to the twin.
    """
    shape, read = _SECOND[moments]
    densities, n_features = _densities(mixture), mixture.n_features
    n_components, n_padded = densities.centres.shape
    second = np.zeros(shape(n_components, n_padded))
    sums = Sums(np.zeros(n_components), np.zeros((n_components, n_padded)), second, np.zeros(2))
    block, candidates = _block(rows, cells)
    sum_cells(block, weights, candidates, densities, sums)
    if not all(np.isfinite(part).all() for part in sums):
        return _slowly(mixture, rows, weights, cells, moments)
    return Statistics(
        origin=mixture.means,
        mass=sums.mass,
        first=sums.first[:, :n_features],
        second=read(second, n_features),
        log_likelihood=float(sums.scores[0]),
        classification=float(sums.scores[1]),
        weight=float(weights.sum()),
        moments=moments,
    )


def _slowly(mixture: "Mixture", rows: Rows, weights: Floats, cells: Cells, moments: Moments) -> Statistics:
    """The same by the twin, a few rows at a time."""
    size = truncated.rows_at_once(mixture)
    total = Statistics.zero(mixture.means, moments)
    for first in range(0, len(rows), size):
        span = slice(first, min(first + size, len(rows)))
        total += truncated.expect(mixture, rows[span], weights[span], cells.part(span), moments)
    return total


def best_two(mixture: "Mixture", rows: Rows, cells: Cells) -> Labels:
    """The two likeliest candidates of each row, as :func:`gaussmix.expectation.truncated.best_two` gives them."""
    block, candidates = _block(rows, cells)
    best = np.empty((len(rows), 2), dtype=np.intp)
    best_of_cells(block, candidates, _densities(mixture), best)
    return best
