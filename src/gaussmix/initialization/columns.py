"""Measure the columns of the rows, once for a fit: how widely they are spread, and to which steps they are rounded."""

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
"""What ``reg_covar="auto"`` adds to covariances, as a share of each column's variance."""

_QUARTILES_APART = 1.3489795003921634  # of the standard normal distribution
_QUARTERS = (0.25, 0.75)
_SAMPLE = 2**13  # rows that are sorted: they tell a grid from a continuous column, and quartiles to a few per cent


class _Columns(NamedTuple):
    """What is known of the columns of a source.

    Attributes
    ----------
    scale : (D,) ndarray
        Variances that a few rows far out do not lift, all positive.
    rounding : Rounding
        The steps to which the columns are rounded.
    """

    scale: Floats
    rounding: Rounding


_KNOWN: WeakKeyDictionary[Source, _Columns] = WeakKeyDictionary()  # a source never changes


def relative_ridge(source: Source, fraction: float = RELATIVE_RIDGE) -> Floats:
    """Return a ridge of a given fraction of each column's variance, ``(D,)``, so that a fit does not depend on units.

    The variance is the usual one, or the one that the quartiles of a normal sample would say, if that is less: one row
    far out must not lift the ridge above the clusters. A column without spread takes the mean variance of the others,
    or one where no column has any.

    Parameters
    ----------
    source : Source
        The rows. They are looked at the first time that a source is given.
    fraction : float
        What the variances are multiplied by.
    """
    return fraction * _columns_of(source).scale


def rounding_of(source: Source) -> Rounding:
    """Return the steps to which the columns are rounded; see :func:`~gaussmix.initialization.rounding.find_rounding`.

    Parameters
    ----------
    source : Source
        The rows. They are looked at the first time that a source is given.

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
    """Return what is known of the columns: by one pass over the rows, and one sort of a sample of them."""
    known = _KNOWN.get(source)
    if known is None:
        known = _KNOWN[source] = _measured(source)
    return known


def _measured(source: Source) -> _Columns:
    sample = source.sample(np.random.default_rng(0), _SAMPLE)
    mean, variance = column_moments(source, sample)
    rows, weights = sample.rows, sample.sample_weight
    ordered = cast("Rows", np.sort(rows, axis=0))
    low, high = _quartiles(rows, ordered, weights).astype(np.float64)
    of_quartiles = np.where(high > low, ((high - low) / _QUARTILES_APART) ** 2, variance)
    spread = variance > (64 * np.finfo(np.float64).eps * np.abs(mean)) ** 2
    scale = np.minimum(variance, of_quartiles)
    fallback = scale[spread].mean() if spread.any() else 1.0
    return _Columns(np.where(spread, scale, fallback), find_rounding(rows, ordered, weights, variance))


def _quartiles(rows: Rows, ordered: Rows, weights: Floats) -> Rows:
    """Return the first and third quartile of each column, ``(2, D)``: values that rows have."""
    if (weights != weights[0]).any():
        return np.asarray(np.quantile(rows, _QUARTERS, axis=0, weights=weights, method="inverted_cdf"))
    places = [ceil(len(rows) * quarter) - 1 for quarter in _QUARTERS]
    return ordered[places]
