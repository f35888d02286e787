"""How large the rows are: what floors and coordinates are measured by."""

from math import ceil
from typing import cast

import numpy as np

from gaussmix._types import Floats, Rows
from gaussmix.mixture import Mixture
from gaussmix.sources import Source
from gaussmix.statistics import DIAGONAL, POOLED, Moments, Statistics

__all__ = ["RELATIVE_RIDGE", "anchor", "column_moments", "moments_of", "relative_ridge"]

RELATIVE_RIDGE = 1e-6
"""What ``reg_covar="auto"`` adds to covariances, as a share of each column's variance."""

_QUARTILES_APART = 1.3489795003921634  # of the standard normal distribution
_QUARTERS = (0.25, 0.75)
_SAMPLE = 2**13


def anchor(source: Source) -> Floats:
    """Any row, ``(1, D)``: about it, first sums keep their digits however far the data lie from zero."""
    return source.sample(np.random.default_rng(0), 1)[0].astype(np.float64)


def column_moments(source: Source) -> tuple[Floats, Floats]:
    """Mean and variance of each column, ``(D,)`` each, in one pass."""
    sums = _of_everything(source, DIAGONAL)
    return sums.means[0], sums.second[0] / sums.floored_mass[0]


def moments_of(source: Source, *, correlated: bool = True) -> tuple[Floats, Floats]:
    """Mean ``(D,)`` and covariance ``(D, D)`` of all rows, with one row less than there are as its divisor.

    Or their variances ``(D,)`` alone, where it is not to be `correlated`.
    """
    sums = _of_everything(source, POOLED if correlated else DIAGONAL)
    second = sums.second if correlated else sums.second[0]
    return sums.means[0], second / max(float(sums.mass[0]) - 1.0, 1.0)


def _of_everything(source: Source, moments: Moments) -> Statistics:
    """The statistics of all rows as one component, about their mean: first about that of a sample, which is near it."""
    rows, weights = source.sample(np.random.default_rng(0), _SAMPLE)
    near = rows[0] + (weights / weights.sum()) @ (rows.astype(np.float64) - rows[0])
    whole = Mixture([1.0], near[None], np.ones((1, len(near))))
    return source.reduce(whole, moments).central()


def relative_ridge(source: Source, fraction: float = RELATIVE_RIDGE) -> Floats:
    """A ridge of a given fraction of each column's variance, ``(D,)``, so that a fit does not depend on units.

    The variance is the usual one, or the one that the quartiles of a normal sample would say, if that is less: one row
    far out must not lift the ridge above the clusters. A column without spread takes the mean variance of the others,
    or one where no column has any.
    """
    mean, variance = column_moments(source)
    spread = variance > (64 * np.finfo(np.float64).eps * np.abs(mean)) ** 2
    scale = np.minimum(variance, _quartile_variance(source, variance))
    fallback = scale[spread].mean() if spread.any() else 1.0
    return fraction * np.where(spread, scale, fallback)


def _quartile_variance(source: Source, otherwise: Floats) -> Floats:
    """Variances from the distance of the quartiles, on a sample; `otherwise` where they coincide."""
    rows, weights = source.sample(np.random.default_rng(0), _SAMPLE)
    low, high = _quartiles(rows, weights).astype(np.float64)
    return np.where(high > low, ((high - low) / _QUARTILES_APART) ** 2, otherwise)


def _quartiles(rows: Rows, weights: Floats) -> Rows:
    """Return the first and third quartile of each column, ``(2, D)``: values that rows have."""
    if (weights != weights[0]).any():
        return np.asarray(np.quantile(rows, _QUARTERS, axis=0, weights=weights, method="inverted_cdf"))
    places = [ceil(len(rows) * quarter) - 1 for quarter in _QUARTERS]
    return cast("Rows", np.sort(rows, axis=0)[places])
