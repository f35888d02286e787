r"""A mixture and a kind of moments, in the shapes of the compiled pass, and its sums in those of the statistics.

One of three ways to squared distances goes with one of four to moments. The other plans are in
:mod:`~gaussmix.expectation.products` and :mod:`~gaussmix.expectation.screening`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gaussmix._types import AnyArray, Floats, Labels, Rows
from gaussmix.covariances import Covariances, Diagonal, Full, Spherical, Tied
from gaussmix.expectation._distances import AXES, PLAIN, TRIANGLES, Densities
from gaussmix.expectation._kernels import (
    FROM_DISTANCES,
    OVER_ALL,
    PER_AXIS,
    PER_PAIR,
    Frame,
    Sums,
    assess_rows,
    sum_rows,
)
from gaussmix.statistics import DIAGONAL, FULL, POOLED, SCALAR, Moments

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = [
    "Found",
    "Plan",
    "correlations",
    "general",
    "in_shared_frame",
    "padded",
    "plain",
    "read_only",
    "symmetric",
    "with_known_distances",
]

_NEAR, _NEXT = 2**11, 2**15  # numbers that may fill the two nearest caches
_LEAST, _MOST = 48, 480  # rows in a tile: whole registers, two and three at a time
_SQUARES_KEEP_DIGITS = 1e140  # inverse deviations; distances as small as that have squares that underflow
_SHARED_FRAME_REACH = 32.0  # standard deviations; squared, it costs three digits

Found = tuple[Floats, Floats, Floats, Floats]
_Read = Callable[[Sums], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Plan:
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
        From the sums to the first and second moments of the statistics.
    frame : Frame
        What the pass sees instead of the rows.
    """

    densities: Densities
    kind: int
    shape: tuple[int, int, int]
    read: _Read
    frame: Frame

    def run(self, rows: Rows, weights: Floats) -> Found | None:
        """Pass over the rows: masses, first and second moments, and scores; none where one of them overflows."""
        sums = self.sums()
        lanes = _lanes_in_tile(*self.densities.centres.shape)
        sum_rows(plain(rows), plain(weights), lanes, self.frame, self.densities, self.kind, sums)
        return self.found(sums, len(rows) * len(self.densities.log_norms))

    def sums(self) -> Sums:
        """Sums of no rows."""
        n_fours, n_eights = self.densities.centres.shape
        return Sums(np.zeros(n_fours), np.zeros((n_fours, n_eights + 4)), np.zeros(self.shape), np.zeros(4))

    def found(self, sums: Sums, n_pairs: int) -> Found | None:
        """What sums over so many pairs of a row and a component say."""
        if not all(np.isfinite(part).all() for part in sums):
            return None
        mass, first, second = (part[: len(self.densities.log_norms)] for part in sums[:3])
        return mass, *self.read(Sums(mass, first, second, sums.scores)), np.append(sums.scores[:2], n_pairs)

    def assess(self, rows: Rows, labels: Labels, responsibilities: Floats) -> Floats:
        """Log-densities of rows; labels, and responsibilities unless of no rows, are filled in."""
        log_density, lanes = np.empty(len(rows)), _lanes_in_tile(*self.densities.centres.shape)
        assess_rows(plain(rows), lanes, self.frame, self.densities, log_density, labels, responsibilities)
        return log_density


def read_only(array: AnyArray) -> AnyArray:
    """A view that is not to be written to: of all arrays, kernels are compiled for those."""
    view = array.view()
    view.flags.writeable = False
    return view


def plain(array: AnyArray) -> Floats:
    """The array contiguous, of double precision, and read only."""
    return read_only(np.ascontiguousarray(array, dtype=np.float64))


def _lanes_in_tile(n_components: int, n_features: int) -> int:
    """How many rows a tile has: so many that they stay in the nearest cache, and their joint densities in the next."""
    fitting = min(_NEAR // n_features, _NEXT // n_components) // _LEAST * _LEAST
    return min(max(fitting, _LEAST), _MOST)


def padded(array: Floats, *steps: int) -> Floats:
    """A copy whose last axes are filled with zeros up to a multiple of a number each."""
    kept = array.ndim - len(steps)
    sizes = (-(-size // step) * step for size, step in zip(array.shape[kept:], steps, strict=True))
    out = np.zeros(array.shape[:kept] + tuple(sizes))
    out[tuple(slice(size) for size in array.shape)] = array
    return out


def _step(n_features: int) -> int:
    """What the number of features is a multiple of in the kernels."""
    return 2 if n_features <= 2 else 4  # noqa: PLR2004 - pairs, then fours


def _densities(form: int, centres: Floats, whitening: Floats, log_norms: Floats) -> Densities:
    n_features, step = centres.shape[1], _step(centres.shape[1])
    return Densities(form, -(-n_features // step) * step, padded(centres, 4, 8), whitening, log_norms.copy())


def _balls(mixture: "Mixture") -> Densities:
    scales = mixture.covariances.whitening[:, None, None, None]
    if scales.max() < _SQUARES_KEEP_DIGITS:
        return _densities(PLAIN, mixture.means, padded(scales, 4, 1, 1, 1), mixture.log_norms)
    return _scaled(mixture, np.repeat(scales, mixture.n_features, axis=3))


def _axes(mixture: "Mixture") -> Densities:
    return _scaled(mixture, mixture.covariances.whitening[:, None, None, :])


def _scaled(mixture: "Mixture", scales: Floats) -> Densities:
    return _densities(AXES, mixture.means, padded(scales, 4, 1, 1, _step(mixture.n_features)), mixture.log_norms)


def _triangles(mixture: "Mixture") -> Densities:
    step = _step(mixture.n_features)
    factors = mixture.covariances.whitening.reshape(-1, mixture.n_features, mixture.n_features)
    rows = padded(factors, 4, step)
    blocks = rows.reshape(len(factors), -1, 4, rows.shape[2]).swapaxes(2, 3)
    return _densities(TRIANGLES, mixture.means, np.ascontiguousarray(blocks), mixture.log_norms)


def _read_trace(second: Floats) -> Floats:
    return np.asarray(second.sum(axis=(1, 2)))


def _read_diagonal(second: Floats) -> Floats:
    return second[:, 0]


def symmetric(second: Floats) -> Floats:
    """Symmetric matrices, from their lower triangles."""
    lower = np.tril(second)
    return lower + np.swapaxes(np.tril(lower, -1), 1, 2)


def _read_pooled(second: Floats) -> Floats:
    return np.asarray(symmetric(second)[0])


_FORMS: dict[type[Covariances], Callable[["Mixture"], Densities]] = {
    Spherical: _balls,
    Diagonal: _axes,
    Tied: _triangles,
    Full: _triangles,
}

_KINDS: dict[Moments, tuple[int, Callable[[int, int], tuple[int, int, int]], Callable[[Floats], Floats]]] = {
    SCALAR: (PER_AXIS, lambda n_components, n_padded: (n_components, 1, n_padded), _read_trace),
    DIAGONAL: (PER_AXIS, lambda n_components, n_padded: (n_components, 1, n_padded), _read_diagonal),
    POOLED: (PER_PAIR, lambda _, n_padded: (1, n_padded, n_padded), _read_pooled),
    FULL: (PER_PAIR, lambda n_components, n_padded: (n_components, n_padded, n_padded), symmetric),
}


def general(mixture: "Mixture", moments: Moments) -> Plan:
    """The plan that serves all forms and moments."""
    densities = _FORMS[type(mixture.covariances)](mixture)
    kind, shape, read_second = _KINDS[moments]
    n_features = mixture.n_features

    def read(sums: Sums) -> tuple[Floats, Floats]:
        return sums.first[:, :n_features], read_second(sums.second[:, :n_features, :n_features])

    as_they_are = Frame(np.zeros(n_features), np.empty((0, 0)))
    return Plan(densities, kind, shape(*densities.centres.shape), read, as_they_are)


def with_known_distances(mixture: "Mixture", moments: Moments) -> Plan:
    """Spherical covariances and traces: the squared distances that gave the responsibilities are summed again."""
    deviations = mixture.covariances.factors
    n_features = mixture.n_features

    def read(sums: Sums) -> tuple[Floats, Floats]:
        return sums.first[:, :n_features], sums.second[:, 0, 0] * deviations * deviations

    plan = general(mixture, moments)
    return replace(plan, kind=FROM_DISTANCES, shape=(len(plan.densities.centres), 1, 4), read=read)


def in_shared_frame(mixture: "Mixture", moments: Moments) -> Plan:
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
        return general(mixture, moments)
    n_features = mixture.n_features

    def read(sums: Sums) -> tuple[Floats, Floats]:
        first, second = sums.first[:, :n_features], _read_pooled(sums.second[:, :n_features, :n_features])
        cross = first.T @ centres
        within = second - cross - cross.T - (centres.T * sums.mass) @ centres
        pooled = factors @ within @ factors.T
        return first @ factors.T, 0.5 * (pooled + pooled.T)

    step = _step(mixture.n_features)
    densities = _densities(PLAIN, centres, np.ones((1, 1, 1, 1)), mixture.log_norms)
    n_padded = densities.centres.shape[1]
    frame = Frame(padded(centre, step), padded(whitening, step, step))
    return Plan(densities, OVER_ALL, (1, n_padded, n_padded), read, frame)


def correlations(mixture: "Mixture", deviations: Floats) -> Floats:
    """Correlations ``(D, D)`` of the whole distribution."""
    return mixture.covariance / deviations / deviations[:, None]
