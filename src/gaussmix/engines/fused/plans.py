r"""A mixture and a kind of moments, in the shapes of the compiled pass, and its sums in those of the statistics.

One of three ways to squared distances goes with one of two to moments. The other plans are in
:mod:`~gaussmix.engines.fused.products` and :mod:`~gaussmix.engines.fused.screening`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gaussmix._types import AnyArray, Floats, Labels, Rows
from gaussmix.components import Components
from gaussmix.engines.fused._distances import Densities
from gaussmix.engines.fused._kernels import (
    PER_AXIS,
    PER_PAIR,
    Sums,
    assess_rows,
    sum_rows,
)
from gaussmix.engines.fused.forms import kernel_form, padded, symmetric
from gaussmix.moments import Moments
from gaussmix.statistics import Statistics

__all__ = [
    "DOUBLE",
    "SINGLE",
    "Plan",
    "general",
    "plain",
    "rows_in_tile",
]

DOUBLE, SINGLE = np.dtype(np.float64), np.dtype(np.float32)

_NEAR, _NEXT = 3 * 2**14, 2**18  # bytes of a tile and of its joint densities: smaller ones end in more sums
_LEAST, _MOST = 384, 3840  # bytes of one feature in a tile: whole registers, two and three at a time
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
        n_in_tile = _n_in_tile(self.densities)
        lowest = sum_rows(
            plain(rows, precision), plain(weights), n_in_tile, self.centre, self.densities, self.kind, sums
        )
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
        log_density, n_in_tile = np.empty(len(rows)), _n_in_tile(self.densities)
        assess_rows(plain(rows), n_in_tile, self.centre, self.densities, log_density, labels, responsibilities)
        return log_density


def plain(array: AnyArray, precision: np.dtype[Any] = DOUBLE) -> AnyArray:
    """The array contiguous, of some precision, and read only: of all arrays, kernels are compiled for those."""
    view = np.ascontiguousarray(array, dtype=precision).view()
    view.flags.writeable = False
    return view


def _n_in_tile(densities: Densities) -> int:
    """How many rows a tile has: so many that it stays in the nearer caches with all that comes of it."""
    n_components, n_features = len(densities.centres), densities.n_features
    return rows_in_tile(min(_NEAR // n_features, _NEXT // n_components), _MOST, densities.centres.dtype)


def rows_in_tile(fitting: int, most: int, precision: np.dtype[Any]) -> int:
    """How many rows one number of each takes so many bytes, in registers that can be taken two and three at a time."""
    return min(max(fitting // _LEAST * _LEAST, _LEAST), most) // precision.itemsize


def _in_single(densities: Densities) -> Densities:
    """The same in single precision, of which twice as many numbers fill a register."""
    form, n_features, *parts = densities._replace(centres=padded(densities.centres, 16))
    return Densities(form, n_features, *(part.astype(SINGLE) for part in parts))


def _kernel_sums(moments: Moments, n_components: int, n_padded: int) -> tuple[int, tuple[int, int, int]]:
    """Return how the kernel sums second moments, and the shape of the sums: of pairs of axes, or of each axis."""
    if not moments.correlated:
        return PER_AXIS, (n_components, 1, n_padded)
    n_matrices = moments.zero(n_components, n_padded).size // n_padded**2
    return PER_PAIR, (n_matrices, n_padded, n_padded)


def _read_second(second: Floats, moments: Moments) -> Floats:
    """Return second moments in the shape of their kind, from the sums of the kernel."""
    n_components, _, n_features = second.shape
    shape = moments.zero(n_components, n_features).shape
    if moments.correlated:
        return symmetric(second).reshape(shape)
    axes = second[:, 0]
    with np.errstate(over="ignore"):  # as in the other engine, for rows far out
        return axes if axes.shape == shape else np.asarray(axes.sum(axis=1))


def general(mixture: Components, moments: Moments, precision: np.dtype[Any] = DOUBLE) -> Plan:
    """The plan that serves all forms and moments; in double precision where single would lose too many digits.

    In single precision, rows are seen from the mixture's mean, and so are the components.
    """
    n_features = mixture.n_features

    def read(sums: Sums) -> tuple[Floats, Floats]:
        return sums.first[:, :n_features], _read_second(sums.second[:, :n_features, :n_features], moments)

    single = precision == SINGLE and _keeps_digits(mixture)
    centre = mixture.mean.copy() if single else np.zeros(n_features)
    densities, origin = kernel_form(mixture.covariances).densities(mixture, mixture.means - centre), mixture.means
    if single:
        densities = _in_single(densities)
        origin = centre + densities.centres[: mixture.n_components, :n_features]
    kind, shape = _kernel_sums(moments, *densities.centres.shape)
    return Plan(densities, kind, shape, read, centre, origin, moments)


def _keeps_digits(mixture: Components) -> bool:
    """Whether single precision tells apart, along each component's narrowest axes, what lies as far as rows do."""
    with np.errstate(over="ignore"):
        steepest = np.sqrt(np.abs(mixture.covariances.precisions).max())
        farthest = 4.0 * np.sqrt(mixture.variances.max())
    scales = 1.0 / _SINGLE_SQUARES < farthest < _SINGLE_SQUARES and steepest < _SINGLE_SQUARES
    return bool(scales and steepest * farthest <= _SINGLE_REACH)
