"""Measure the spread and the rounding of the columns, once for each source."""

from math import ceil
from typing import NamedTuple, cast
from weakref import WeakKeyDictionary

import numpy as np

from gaussmix._types import Floats, Rows
from gaussmix.initialization.column_moments import column_moments
from gaussmix.initialization.rounding import Rounding, find_rounding
from gaussmix.sources import Source

__all__ = ["RELATIVE_RIDGE", "relative_ridge", "rounding_of"]

RELATIVE_RIDGE = 1e-6
"""The ridge of ``reg_covar="auto"``, as a share of the variance of each column."""

# The distance between the quartiles of the standard normal distribution.
_QUARTILE_DISTANCE = 1.3489795003921634

_QUARTERS = (0.25, 0.75)

# At most this many rows are sorted. They suffice to find the grid of a rounded column, and quartiles to a few per cent.
_SAMPLE = 2**13


class _Columns(NamedTuple):
    """The measured properties of the columns of a source.

    Attributes
    ----------
    scale : (D,) ndarray
        Variances that a few outliers do not increase, all positive.
    rounding : Rounding
        The steps to which the columns are rounded.
    """

    scale: Floats
    rounding: Rounding


# Columns that were measured before. A source never changes.
_KNOWN: WeakKeyDictionary[Source, _Columns] = WeakKeyDictionary()


def relative_ridge(source: Source, fraction: float = RELATIVE_RIDGE) -> Floats:
    """Return a ridge of a given fraction of each column's variance, ``(D,)``, so that a fit does not depend on units.

    The variance is the smaller of two estimates: the sample variance, and the variance of a normal distribution with
    the same quartiles. So one outlier cannot make the ridge larger than the clusters. A column without spread gets the
    mean variance of the other columns, or 1 if no column has spread.

    Parameters
    ----------
    source : Source
        The rows. A source is measured once, at the first call.
    fraction : float
        The factor of the variances.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix.initialization import relative_ridge
    >>> from gaussmix.sources import ArraySource
    >>> rows = np.random.default_rng(0).normal(size=(1000, 2)) * [1.0, 100.0]
    >>> ridge = relative_ridge(ArraySource(rows))
    >>> bool(ridge[1] > 5000 * ridge[0])                          # it follows the variances of the columns
    True
    """
    return fraction * _columns_of(source).scale


def rounding_of(source: Source) -> Rounding:
    """Return the steps to which the columns are rounded; see :func:`~gaussmix.initialization.rounding.find_rounding`.

    Parameters
    ----------
    source : Source
        The rows. A source is measured once, at the first call.

    Examples
    --------
    >>> import numpy as np
    >>> from gaussmix.sources import ArraySource
    >>> from gaussmix.initialization import rounding_of
    >>> rng = np.random.default_rng(0)
    >>> rating, price, weight = rng.integers(1, 6, 200), rng.normal(20, 3, 200).round(1), rng.normal(size=200)
    >>> rounding_of(ArraySource(np.column_stack([rating, price, weight]))).steps
    array([1. , 0.1, 0. ])
    """
    return _columns_of(source).rounding


def _columns_of(source: Source) -> _Columns:
    """Return the measured columns of a source: one pass over the rows and one sort of a sample, at the first call."""
    known = _KNOWN.get(source)
    if known is None:
        known = _KNOWN[source] = _measure(source)
    return known


def _measure(source: Source) -> _Columns:
    sample = source.sample(np.random.default_rng(0), _SAMPLE)
    mean, variance = column_moments(source, sample)
    rows, weights = sample.rows, sample.sample_weight
    ordered = cast("Rows", np.sort(rows, axis=0))
    low, high = _quartiles(rows, ordered, weights).astype(np.float64)
    from_quartiles = np.where(high > low, ((high - low) / _QUARTILE_DISTANCE) ** 2, variance)
    spread = variance > (64 * np.finfo(np.float64).eps * np.abs(mean)) ** 2
    scale = np.minimum(variance, from_quartiles)
    fallback = scale[spread].mean() if spread.any() else 1.0
    return _Columns(np.where(spread, scale, fallback), find_rounding(rows, ordered, weights, variance))


def _quartiles(rows: Rows, ordered: Rows, weights: Floats) -> Rows:
    """Return the first and third quartile of each column, ``(2, D)``, without interpolation between rows."""
    if (weights != weights[0]).any():
        return np.asarray(np.quantile(rows, _QUARTERS, axis=0, weights=weights, method="inverted_cdf"))
    places = [ceil(len(rows) * quarter) - 1 for quarter in _QUARTERS]
    return ordered[places]
