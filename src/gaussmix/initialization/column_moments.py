"""Compute the mean, the variances and the covariance of all rows."""

import numpy as np

from gaussmix._types import Floats
from gaussmix.mixture import Mixture
from gaussmix.moments import DIAGONAL, POOLED, Moments
from gaussmix.sources import ArraySource, Source
from gaussmix.statistics import Statistics

__all__ = ["anchor", "column_moments", "moments_of"]

# The mean of a sample of this many rows is close enough to the mean of all rows for sums about it to keep their digits.
_SAMPLE = 2**13


def anchor(source: Source) -> Floats:
    """Return one row, ``(1, D)``: sums about it keep their digits, however far the rows are from zero."""
    return source.sample(np.random.default_rng(0), 1).rows.astype(np.float64)


def column_moments(source: Source, sample: ArraySource | None = None) -> tuple[Floats, Floats]:
    """Return the mean and the variance of each column, ``(D,)`` each, by one pass."""
    sums = _summarize_all(source, DIAGONAL, sample)
    return sums.means[0], sums.second[0] / sums.floored_mass[0]


def moments_of(source: Source, *, correlated: bool = True) -> tuple[Floats, Floats]:
    """Return the mean ``(D,)`` and the covariance ``(D, D)`` of all rows, with the divisor n - 1.

    Without `correlated`, return the mean and the variances ``(D,)``.
    """
    sums = _summarize_all(source, POOLED if correlated else DIAGONAL)
    second = sums.second if correlated else sums.second[0]
    return sums.means[0], second / max(float(sums.mass[0]) - 1.0, 1.0)


def _summarize_all(source: Source, moments: Moments, sample: ArraySource | None = None) -> Statistics:
    """Return the statistics of all rows as one component, about their mean.

    They are summed about the mean of a sample, so that they keep their digits, and then moved. Missing values are
    replaced by guesses.
    """
    sample = sample or source.sample(np.random.default_rng(0), _SAMPLE)
    rows, weights = sample.rows, sample.sample_weight
    origin = rows[0] + (weights / weights.sum()) @ (rows.astype(np.float64) - rows[0])
    whole = Mixture([1.0], origin[None], np.ones((1, len(origin))))
    return source.completed.unlabelled.reduce(whole, moments).central()
