r"""The general plan: the arrays of a mixture for the general kernel, and the kernel's sums as statistics.

The general kernel combines one of three ways to compute squared distances with one of two ways to sum moments. The
other plans are in :mod:`~gaussmix.engines.fused.products` and :mod:`~gaussmix.engines.fused.screening`.
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

# Largest sizes of a tile and of its joint densities, in bytes, so that they stay in the first and the second cache.
# Smaller tiles would spend more time on the sums at the end of each tile.
_NEAR, _NEXT = 3 * 2**14, 2**18
# Smallest and largest size of one feature in a tile, in bytes. The smallest is a whole number of registers that can be
# processed two or three at a time, and all sizes are its multiples.
_LEAST, _MOST = 384, 3840
# Largest distance of rows from the overall mean, in standard deviations of a component along its narrowest axis, for
# which single precision is used: the distance costs three of seven digits.
_SINGLE_REACH = 2.0**8
# Standard deviations between the inverse of this bound and this bound have squares in the range of single precision.
_SINGLE_SQUARES = 1e15
# Largest distance of a log-joint density below zero, in nats, at which single precision leaves three digits after the
# decimal point.
_SINGLE_DEPTH = 2.0**12

_Read = Callable[[Sums], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Plan:
    """The general plan for a mixture and a kind of moments; features are padded to a multiple of four.

    Attributes
    ----------
    densities : Densities
        The components.
    kind : int
        Way to sum second moments: ``PER_AXIS`` or ``PER_PAIR``.
    shape : tuple of int
        Shape of the sums of second moments.
    read : callable
        Function that maps the sums to the first and second moments of the statistics.
    centre : (D,)
        Point that is subtracted from the rows; zeros in double precision.
    origin : (K, D)
        Points about which the moments are taken.
    moments : Moments
        Kind of second moments that are summed.
    """

    densities: Densities
    kind: int
    shape: tuple[int, int, int]
    read: _Read
    centre: Floats
    origin: Floats
    moments: Moments

    def run(self, rows: Rows, weights: Floats) -> Statistics | None:
        """Return the statistics of the rows.

        The result is None if a sum overflows, and in single precision if a row is so far from all means that too many
        digits would be lost.
        """
        sums, precision = self.sums(), self.densities.centres.dtype
        n_in_tile = _n_in_tile(self.densities)
        lowest = sum_rows(
            plain(rows, precision), plain(weights), n_in_tile, self.centre, self.densities, self.kind, sums
        )
        if precision == SINGLE and not lowest >= -_SINGLE_DEPTH:
            return None
        return self.statistics(sums, weights)

    def sums(self) -> Sums:
        """Return sums over no rows: zeros."""
        n_fours, n_eights = self.densities.centres.shape
        return Sums(np.zeros(n_fours), np.zeros((n_fours, n_eights + 4)), np.zeros(self.shape), np.zeros(4))

    def statistics(self, sums: Sums, weights: Floats) -> Statistics | None:
        """Return the statistics that follow from the sums over rows with such weights; None if a sum is not finite."""
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
        """Return the log-densities of rows; write their labels, and their responsibilities if that array has rows."""
        log_density, n_in_tile = np.empty(len(rows)), _n_in_tile(self.densities)
        assess_rows(plain(rows), n_in_tile, self.centre, self.densities, log_density, labels, responsibilities)
        return log_density


def plain(array: AnyArray, precision: np.dtype[Any] = DOUBLE) -> AnyArray:
    """Return a contiguous read-only array in a precision: kernels are compiled for such arrays only."""
    view = np.ascontiguousarray(array, dtype=precision).view()
    view.flags.writeable = False
    return view


def _n_in_tile(densities: Densities) -> int:
    """Return the number of rows in a tile, so that the tile and its joint densities stay in the caches."""
    n_components, n_features = len(densities.centres), densities.n_features
    return rows_in_tile(min(_NEAR // n_features, _NEXT // n_components), _MOST, densities.centres.dtype)


def rows_in_tile(fitting: int, most: int, precision: np.dtype[Any]) -> int:
    """Return the number of rows in a tile, from the bytes of one feature that fit and the most bytes allowed.

    The rows of a feature fill a number of registers that is a multiple of two and of three.
    """
    return min(max(fitting // _LEAST * _LEAST, _LEAST), most) // precision.itemsize


def _in_single(densities: Densities) -> Densities:
    """Return the components in single precision; a register holds twice the number of floats, so padding is wider."""
    form, n_features, *parts = densities._replace(centres=padded(densities.centres, 16))
    return Densities(form, n_features, *(part.astype(SINGLE) for part in parts))


def _kernel_sums(moments: Moments, n_components: int, n_padded: int) -> tuple[int, tuple[int, int, int]]:
    """Return the way to sum second moments, per pair of axes or per axis, and the shape of the sums."""
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
    with np.errstate(over="ignore"):  # infinite for far rows, as in the engine in NumPy
        return axes if axes.shape == shape else np.asarray(axes.sum(axis=1))


def general(mixture: Components, moments: Moments, precision: np.dtype[Any] = DOUBLE) -> Plan:
    """Return the general plan, for all storage forms and kinds of moments.

    Single precision is used if it is requested and loses few digits. Then the mean of the mixture is subtracted from
    the rows and from the means of the components.
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
    """Return True if single precision resolves the narrowest axis of each component at the distance of the rows."""
    with np.errstate(over="ignore"):
        steepest = np.sqrt(np.abs(mixture.covariances.precisions).max())
        farthest = 4.0 * np.sqrt(mixture.variances.max())
    scales = 1.0 / _SINGLE_SQUARES < farthest < _SINGLE_SQUARES and steepest < _SINGLE_SQUARES
    return bool(scales and steepest * farthest <= _SINGLE_REACH)
