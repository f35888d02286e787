"""Means and variances of the columns."""

from fractions import Fraction

import numpy as np

from gaussmix.initialization import column_moments
from gaussmix.sources import ArraySource


def test_column_moments_are_exact_far_from_zero():
    rows = np.random.default_rng(0).normal(size=(4000, 2)) * [1.0, 1e-3]
    mean, variance = column_moments(ArraySource(rows + 1e6))
    np.testing.assert_allclose(mean, rows.mean(axis=0) + 1e6, rtol=1e-15)
    exact = [exact_variance(column) for column in (rows + 1e6).T]
    np.testing.assert_allclose(variance, exact, rtol=1e-11)


def exact_variance(column):
    values = [Fraction(x) for x in column]
    mean = sum(values) / len(values)
    return float(sum((x - mean) ** 2 for x in values) / len(values))
