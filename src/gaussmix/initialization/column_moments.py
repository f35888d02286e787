"""Means and variances of all rows."""

import numpy as np

from gaussmix._types import Floats
from gaussmix.mixture import Mixture
from gaussmix.moments import DIAGONAL, POOLED, Moments
from gaussmix.sources import ArraySource, Source
from gaussmix.statistics import Statistics

__all__ = ["anchor", "column_moments", "moments_of"]

_SAMPLE = 2**13  # rows: about their mean, sums over all rows keep their digits


def anchor(source: Source) -> Floats:
    """Any row, ``(1, D)``: about it, first sums keep their digits however far the data lie from zero."""
    return source.sample(np.random.default_rng(0), 1).rows.astype(np.float64)


def column_moments(source: Source, sample: ArraySource | None = None) -> tuple[Floats, Floats]:
    """Return the mean and the variance of each column, ``(D,)`` each, by one pass, about the mean of a sample."""
    sums = _of_everything(source, DIAGONAL, sample)
    return sums.means[0], sums.second[0] / sums.floored_mass[0]


def moments_of(source: Source, *, correlated: bool = True) -> tuple[Floats, Floats]:
    """Mean ``(D,)`` and covariance ``(D, D)`` of all rows, with one row less than there are as its divisor.

    Or their variances ``(D,)`` alone, where it is not to be `correlated`.
    """
    sums = _of_everything(source, POOLED if correlated else DIAGONAL)
    second = sums.second if correlated else sums.second[0]
    return sums.means[0], second / max(float(sums.mass[0]) - 1.0, 1.0)


def _of_everything(source: Source, moments: Moments, sample: ArraySource | None = None) -> Statistics:
    """The statistics of all rows as one component, about their mean: first about that of a sample, which is near it."""
    sample = sample or source.sample(np.random.default_rng(0), _SAMPLE)
    rows, weights = sample.rows, sample.sample_weight
    near = rows[0] + (weights / weights.sum()) @ (rows.astype(np.float64) - rows[0])
    whole = Mixture([1.0], near[None], np.ones((1, len(near))))
    return source.reduce(whole, moments).central()
