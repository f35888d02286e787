r"""The E-step in one pass over the rows, compiled: the fast twin of :mod:`~gaussmix.expectation.reference`.

Rows are taken a tile at a time, and for one tile all that depends on the rows is made, used and forgotten:

1. squared distances :math:`|L_k^{-1}(x - \mu_k)|^2`, by the triangular product with the centred rows;
2. responsibilities, by log-sum-exp with an exponential that the compiler can vectorise;
3. moments of the centred rows, weighted by the responsibilities.

The loops are in :mod:`gaussmix.expectation._kernels`. Here a mixture is brought into their shapes, and their sums into
those of :class:`~gaussmix.statistics.Statistics`.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gaussmix._types import Floats, Rows
from gaussmix.covariances import Covariances, Diagonal, Full, Spherical, Tied
from gaussmix.expectation import reference
from gaussmix.expectation._kernels import (
    AXES,
    FROM_DISTANCES,
    OVER_ALL,
    PER_AXIS,
    PER_PAIR,
    PLAIN,
    TRIANGLES,
    Densities,
    Sums,
    lay_out,
    sum_tiles,
    whiten_in_place,
)
from gaussmix.statistics import DIAGONAL, FULL, POOLED, SCALAR, Moments, Statistics

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = ["expect"]

_NEAR, _NEXT = 2**12, 2**15  # numbers that may fill the two nearest caches
_LEAST, _MOST = 64, 512  # rows in a tile
_APART = 8  # numbers between the features of a tile, which would else meet in the same places of the cache
_SQUARES_KEEP_DIGITS = 1e140  # inverse deviations; distances as small as that have squares that underflow
_SHARED_FRAME_REACH = 32.0  # standard deviations; squared, it costs three digits

_Read = Callable[[Sums, int], tuple[Floats, Floats]]


@dataclass(frozen=True)
class _Plan:
    """A mixture and a kind of moments, in the shapes of the compiled pass: features are padded to a multiple of four.

    Attributes
    ----------
    densities : Densities
        The mixture.
    kind : int
        How second moments are summed.
    shape : tuple of int
        Shape of these sums.
    read : callable
        From the sums and D to the first and second moments of the statistics.
    frame : tuple of (D,) and (D, D), optional
        Where the pass sees ``factor (x - centre)`` instead of the rows x.
    """

    densities: Densities
    kind: int
    shape: tuple[int, int, int]
    read: _Read
    frame: tuple[Floats, Floats] | None = None

    def run(self, rows: Rows, weights: Floats) -> Sums:
        """Pass over the rows."""
        n_fours, n_padded = self.densities.centres.shape
        sums = Sums(np.zeros(n_fours), np.zeros((n_fours, n_padded + 4)), np.zeros(self.shape), np.zeros(2))
        tiles, tile_weights = _tiles(rows, weights, n_fours, n_padded)
        if self.frame is not None:
            whiten_in_place(tiles, tile_weights.shape[1], *self.frame)
        sum_tiles(tiles, tile_weights, self.densities, self.kind, sums)
        of_components = slice(len(self.densities.log_norms))
        return Sums(sums.mass[of_components], sums.first[of_components], sums.second[of_components], sums.scores)


def _tiles(rows: Rows, weights: Floats, n_components: int, n_padded: int) -> tuple[Floats, Floats]:
    """Rows and weights as ``(T, D, lanes)`` and ``(T, lanes)``; a tile's features lie a little further apart.

    A tile is as large as lets its rows stay in the nearest cache, and its joint densities in the next.
    """
    fitting = min(_NEAR // n_padded, _NEXT // n_components) // _LEAST * _LEAST
    lanes = min(max(fitting, _LEAST), _MOST)
    n_tiles = -(-len(rows) // lanes)
    rows = rows if rows.dtype.isnative else rows.astype(rows.dtype.newbyteorder())
    tiles, tile_weights = np.empty((n_tiles, n_padded, lanes + _APART)), np.empty((n_tiles, lanes))
    lay_out(rows, weights, tiles, tile_weights)
    return tiles, tile_weights


def _padded(array: Floats, *steps: int) -> Floats:
    """A copy whose last axes are filled with zeros up to a multiple of a number each."""
    kept = array.ndim - len(steps)
    sizes = (-(-size // step) * step for size, step in zip(array.shape[kept:], steps, strict=True))
    out = np.zeros(array.shape[:kept] + tuple(sizes))
    out[tuple(slice(size) for size in array.shape)] = array
    return out


def _step(n_features: int) -> int:
    """What the number of features is a multiple of in the kernels."""
    return 2 if n_features <= 2 else 4  # noqa: PLR2004 - pairs, then fours


def _densities(mixture: "Mixture", form: int, whitening: Floats) -> Densities:
    return Densities(form, _padded(mixture.means, 4, _step(mixture.n_features)), whitening, mixture.log_norms.copy())


def _balls(mixture: "Mixture") -> Densities:
    scales = np.repeat(mixture.covariances.whitening[:, None, None], mixture.n_features, axis=2)
    form = PLAIN if scales.max() < _SQUARES_KEEP_DIGITS else AXES
    return _densities(mixture, form, _padded(scales, 4, 1, _step(mixture.n_features)))


def _axes(mixture: "Mixture") -> Densities:
    scales = mixture.covariances.whitening[:, None, :]
    return _densities(mixture, AXES, _padded(scales, 4, 1, _step(mixture.n_features)))


def _triangles(mixture: "Mixture") -> Densities:
    step = _step(mixture.n_features)
    factors = mixture.covariances.whitening.reshape(-1, mixture.n_features, mixture.n_features)
    return _densities(mixture, TRIANGLES, _padded(factors, step, step))


def _read_trace(sums: Sums, n_features: int) -> tuple[Floats, Floats]:
    return sums.first[:, :n_features], sums.second.sum(axis=(1, 2))


def _read_diagonal(sums: Sums, n_features: int) -> tuple[Floats, Floats]:
    return sums.first[:, :n_features], sums.second[:, 0, :n_features]


def _read_full(sums: Sums, n_features: int) -> tuple[Floats, Floats]:
    lower = sums.second[:, :n_features, :n_features]
    return sums.first[:, :n_features], lower + np.swapaxes(np.tril(lower, -1), 1, 2)


def _read_pooled(sums: Sums, n_features: int) -> tuple[Floats, Floats]:
    first, second = _read_full(sums, n_features)
    return first, second[0]


_FORMS: dict[type[Covariances], Callable[["Mixture"], Densities]] = {
    Spherical: _balls,
    Diagonal: _axes,
    Tied: _triangles,
    Full: _triangles,
}

_KINDS: dict[Moments, tuple[int, Callable[[int, int], tuple[int, int, int]], _Read]] = {
    SCALAR: (PER_AXIS, lambda n_components, n_padded: (n_components, 1, n_padded + 4), _read_trace),
    DIAGONAL: (PER_AXIS, lambda n_components, n_padded: (n_components, 1, n_padded + 4), _read_diagonal),
    POOLED: (PER_PAIR, lambda _, n_padded: (1, n_padded, n_padded + 4), _read_pooled),
    FULL: (PER_PAIR, lambda n_components, n_padded: (n_components, n_padded, n_padded + 4), _read_full),
}


def _general(mixture: "Mixture", moments: Moments) -> _Plan:
    """The plan that serves all forms and moments."""
    densities = _FORMS[type(mixture.covariances)](mixture)
    kind, shape, read = _KINDS[moments]
    return _Plan(densities, kind, shape(*densities.centres.shape), read)


def _with_known_distances(mixture: "Mixture", moments: Moments) -> _Plan:
    """Spherical covariances and traces: the squared distances that gave the responsibilities are summed again."""
    deviations = mixture.covariances.factors

    def read(sums: Sums, n_features: int) -> tuple[Floats, Floats]:
        return sums.first[:, :n_features], sums.second[:, 0, 0] * deviations * deviations

    plan = _general(mixture, moments)
    return replace(plan, kind=FROM_DISTANCES, shape=(len(plan.densities.centres), 1, 4), read=read)


def _in_shared_frame(mixture: "Mixture", moments: Moments) -> _Plan:
    r"""One covariance and pooled moments: rows are whitened once for all components, and squared once.

    With :math:`z = L^{-1} (x - c)`, c the mixture's mean, and :math:`\nu_k = L^{-1} (\mu_k - c)`, distances are those
    of z from :math:`\nu_k`. As responsibilities sum to one,

    .. math:: \sum_k S_k = L \Bigl( \sum_i w_i z_i z_i^\top
        - \sum_k f_k \nu_k^\top + \nu_k f_k^\top + m_k \nu_k \nu_k^\top \Bigr) L^\top

    with :math:`f_k` in the frame. The difference loses the digits of :math:`\max \nu^2`; so where a mean lies more than
    some standard deviations out, each component is summed about its own.
    """
    centre = mixture.mean
    factors = mixture.covariances.factors
    whitening = mixture.covariances.whitening
    centres = (mixture.means - centre) @ whitening.T
    if not np.abs(centres).max() <= _SHARED_FRAME_REACH:
        return _general(mixture, moments)

    def read(sums: Sums, n_features: int) -> tuple[Floats, Floats]:
        first, second = _read_pooled(sums, n_features)
        cross = first.T @ centres
        within = second - cross - cross.T - (centres.T * sums.mass) @ centres
        pooled = factors @ within @ factors.T
        return first @ factors.T, 0.5 * (pooled + pooled.T)

    step = _step(mixture.n_features)
    densities = Densities(PLAIN, _padded(centres, 4, step), np.ones((1, 1, 1)), mixture.log_norms.copy())
    n_padded = densities.centres.shape[1]
    frame = (_padded(centre, step), _padded(whitening, step, step))
    return _Plan(densities, OVER_ALL, (1, n_padded, n_padded + 4), read, frame)


_SHORTCUTS: dict[tuple[type[Covariances], Moments], Callable[["Mixture", Moments], _Plan]] = {
    (Spherical, SCALAR): _with_known_distances,
    (Tied, POOLED): _in_shared_frame,
}


@lru_cache(maxsize=4)
def _plan(mixture: "Mixture", moments: Moments) -> _Plan:
    """The plan of a mixture, kept from block to block."""
    return _SHORTCUTS.get((type(mixture.covariances), moments), _general)(mixture, moments)


def expect(mixture: "Mixture", rows: Rows, weights: Floats, moments: Moments) -> Statistics:
    """Statistics of one block of rows under a mixture, about its means.

    The global interpreter lock is released in the arithmetic: blocks may be run side by side in threads. The same
    block gives the same numbers, bit for bit.

    Parameters
    ----------
    mixture : Mixture
        The distribution that gives the responsibilities.
    rows : (n, D) ndarray
        Points, of any layout; they are neither changed nor copied as a whole.
    weights : (n,) ndarray
        Weights of the rows, not negative.
    moments : Moments
        How much of the second moments to sum.

    Returns
    -------
    Statistics
        Equal to those of :func:`gaussmix.expectation.reference.expect` but for rounding and for responsibilities
        below 1e-16, which are left out. Blocks with rows so far out that a sum is not finite are handed to it.
    """
    plan = _plan(mixture, moments)
    sums = plan.run(rows, weights)
    if not all(np.isfinite(part).all() for part in sums):
        return reference.expect(mixture, rows, weights, moments)
    first, second = plan.read(sums, mixture.n_features)
    return Statistics(
        origin=mixture.means,
        mass=sums.mass,
        first=first,
        second=second,
        log_likelihood=float(sums.scores[0]),
        classification=float(sums.scores[1]),
        weight=float(weights.sum()),
        moments=moments,
    )
