r"""A mixture and a kind of moments, in the shapes of the compiled pass, and its sums in those of the statistics.

One of three ways to squared distances goes with one of two to moments. The other plans are in
:mod:`~gaussmix.engines.fused.products` and :mod:`~gaussmix.engines.fused.screening`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gaussmix._types import AnyArray, Floats, Labels, Rows
from gaussmix.covariances import Covariances, Diagonal, Full, Spherical, Tied
from gaussmix.engines.fused._distances import AXES, PLAIN, TRIANGLES, Densities
from gaussmix.engines.fused._kernels import (
    PER_AXIS,
    PER_PAIR,
    Sums,
    assess_rows,
    sum_rows,
)
from gaussmix.moments import DIAGONAL, FULL, POOLED, SCALAR, Moments
from gaussmix.statistics import Statistics

if TYPE_CHECKING:
    from gaussmix.mixture import Mixture

__all__ = [
    "DOUBLE",
    "SINGLE",
    "Plan",
    "correlations",
    "general",
    "padded",
    "plain",
    "rows_in_tile",
    "symmetric",
]

DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)

_NEAR, _NEXT = 3 * 2**14, 2**18  # bytes of a tile and of its joint densities: smaller ones end in more sums
_LEAST, _MOST = 384, 3840  # bytes of one feature in a tile: whole registers, two and three at a time
# Inverse deviations and means up to which distances may be squared before they are scaled: larger inverse deviations go
# with distances whose squares underflow, and of larger means one may be so far from a row that the square overflows.
_SQUARES_KEEP_DIGITS = 1e140
_SINGLE_REACH = 2.0**8  # of a component's deviations, from the mean of all to the farthest: costs three digits of seven
_SINGLE_SQUARES = 1e15  # deviations from its inverse to this have squares in single precision
_SINGLE_DEPTH = 2.0**12  # nats below which a log-joint density has no more than three digits after the point left

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
    centre : (D,)
        Where rows are seen from: zeros for the rows as they are.
    origin : (K, D)
        What the moments are about.
    moments : Moments
        How much of the second moments is summed.
    """

    densities: Densities
    kind: int
    shape: tuple[int, int, int]
    read: _Read
    centre: Floats
    origin: Floats
    moments: Moments

    def run(self, rows: Rows, weights: Floats) -> Statistics | None:
        """Pass over the rows.

        None where a sum overflows, or in single precision where a row is so far out that digits would be lost.
        """
        sums, precision = self.sums(), self.densities.centres.dtype
        lanes = _lanes_in_tile(self.densities)
        lowest = sum_rows(plain(rows, precision), plain(weights), lanes, self.centre, self.densities, self.kind, sums)
        if precision == SINGLE and not lowest >= -_SINGLE_DEPTH:
            return None
        return self.found(sums, weights)

    def sums(self) -> Sums:
        """Sums of no rows."""
        n_fours, n_eights = self.densities.centres.shape
        return Sums(np.zeros(n_fours), np.zeros((n_fours, n_eights + 4)), np.zeros(self.shape), np.zeros(4))

    def found(self, sums: Sums, weights: Floats) -> Statistics | None:
        """What the sums over rows of such weights say."""
        if not all(np.isfinite(part).all() for part in sums):
            return None
        mass, first, second = (part[: len(self.densities.log_norms)] for part in sums[:3])
        first, second = self.read(Sums(mass, first, second, sums.scores))
        return Statistics(
            origin=self.origin,
            mass=mass,
            first=first,
            second=second,
            log_likelihood=float(sums.scores[0]),
            classification_log_likelihood=float(sums.scores[1]),
            weight=float(weights.sum()),
            moments=self.moments,
        )

    def assess(self, rows: Rows, labels: Labels, responsibilities: Floats) -> Floats:
        """Log-densities of rows; labels, and responsibilities unless of no rows, are filled in."""
        log_density, lanes = np.empty(len(rows)), _lanes_in_tile(self.densities)
        assess_rows(plain(rows), lanes, self.centre, self.densities, log_density, labels, responsibilities)
        return log_density


def plain(array: AnyArray, precision: np.dtype[Any] = DOUBLE) -> AnyArray:
    """The array contiguous, of some precision, and read only: of all arrays, kernels are compiled for those."""
    view = np.ascontiguousarray(array, dtype=precision).view()
    view.flags.writeable = False
    return view


def _lanes_in_tile(densities: Densities) -> int:
    """How many rows a tile has: so many that it stays in the nearer caches with all that comes of it."""
    n_components, n_features = len(densities.centres), densities.n_features
    return rows_in_tile(min(_NEAR // n_features, _NEXT // n_components), _MOST, densities.centres.dtype)


def rows_in_tile(fitting: int, most: int, precision: np.dtype[Any]) -> int:
    """How many rows one number of each takes so many bytes, in registers that can be taken two and three at a time."""
    return min(max(fitting // _LEAST * _LEAST, _LEAST), most) // precision.itemsize


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


def _densities(form: int, means: Floats, whitening: Floats, log_norms: Floats) -> Densities:
    n_features, step = means.shape[1], _step(means.shape[1])
    return Densities(form, -(-n_features // step) * step, padded(means, 4, 8), whitening, log_norms.copy())


def _in_single(densities: Densities) -> Densities:
    """The same in single precision, of which twice as many numbers fill a register."""
    form, n_features, *parts = densities._replace(centres=padded(densities.centres, 16))
    return Densities(form, n_features, *(part.astype(SINGLE) for part in parts))


def _balls(mixture: "Mixture", means: Floats) -> Densities:
    scales = mixture.covariances.whitening[:, None, None, None]
    if max(scales.max(), np.abs(means).max()) < _SQUARES_KEEP_DIGITS:
        return _densities(PLAIN, means, padded(scales, 4, 1, 1, 1), mixture.log_norms)
    return _scaled(mixture, means, np.repeat(scales, mixture.n_features, axis=3))


def _axes(mixture: "Mixture", means: Floats) -> Densities:
    return _scaled(mixture, means, mixture.covariances.whitening[:, None, None, :])


def _scaled(mixture: "Mixture", means: Floats, scales: Floats) -> Densities:
    return _densities(AXES, means, padded(scales, 4, 1, 1, _step(mixture.n_features)), mixture.log_norms)


def _triangles(mixture: "Mixture", means: Floats) -> Densities:
    step = _step(mixture.n_features)
    factors = mixture.covariances.whitening.reshape(-1, mixture.n_features, mixture.n_features)
    rows = padded(factors, 4, step)
    blocks = rows.reshape(len(factors), -1, 4, rows.shape[2]).swapaxes(2, 3)
    return _densities(TRIANGLES, means, np.ascontiguousarray(blocks), mixture.log_norms)


def _read_trace(second: Floats) -> Floats:
    with np.errstate(over="ignore"):  # as in the other twin, for rows far out
        return np.asarray(second.sum(axis=(1, 2)))


def _read_diagonal(second: Floats) -> Floats:
    return second[:, 0]


def symmetric(second: Floats) -> Floats:
    """Symmetric matrices, from their lower triangles."""
    lower = np.tril(second)
    return lower + np.swapaxes(np.tril(lower, -1), 1, 2)


def _read_pooled(second: Floats) -> Floats:
    return np.asarray(symmetric(second)[0])


_FORMS: dict[type[Covariances], Callable[["Mixture", Floats], Densities]] = {
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


def general(mixture: "Mixture", moments: Moments, precision: np.dtype[Any] = DOUBLE) -> Plan:
    """The plan that serves all forms and moments; in double precision where single would lose too many digits.

    In single precision, rows are seen from the mixture's mean, and so are the components.
    """
    kind, shape, read_second = _KINDS[moments]
    n_features = mixture.n_features

    def read(sums: Sums) -> tuple[Floats, Floats]:
        return sums.first[:, :n_features], read_second(sums.second[:, :n_features, :n_features])

    single = precision == SINGLE and _keeps_digits(mixture)
    centre = mixture.mean.copy() if single else np.zeros(n_features)
    densities, origin = _FORMS[type(mixture.covariances)](mixture, mixture.means - centre), mixture.means
    if single:
        densities = _in_single(densities)
        origin = centre + densities.centres[: mixture.n_components, :n_features]
    return Plan(densities, kind, shape(*densities.centres.shape), read, centre, origin, moments)


def _keeps_digits(mixture: "Mixture") -> bool:
    """Whether single precision tells apart, along each component's narrowest axes, what lies as far as rows do."""
    with np.errstate(over="ignore"):
        steepest = np.sqrt(np.abs(mixture.covariances.precisions).max())
        farthest = 4.0 * np.sqrt(mixture.variances.max())
    scales = 1.0 / _SINGLE_SQUARES < farthest < _SINGLE_SQUARES and steepest < _SINGLE_SQUARES
    return bool(scales and steepest * farthest <= _SINGLE_REACH)


def correlations(mixture: "Mixture", deviations: Floats) -> Floats:
    """Correlations ``(D, D)`` of the whole distribution."""
    return mixture.covariance / deviations / deviations[:, None]
