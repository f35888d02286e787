"""The ridge that is relative to the spread of each column."""

import numpy as np
import pytest

from gaussmix.initialization import relative_ridge
from gaussmix.sources import ArraySource


def test_the_relative_ridge_follows_each_column():
    rows = np.random.default_rng(0).normal(size=(500, 2)) * [10.0, 1e-3]
    np.testing.assert_allclose(relative_ridge(ArraySource(rows), 0.5), 0.5 * rows.var(axis=0), rtol=0.2)
    uniform = np.random.default_rng(0).uniform(size=(500, 2)) * [10.0, 1e-3]  # its quartiles say more than its variance
    np.testing.assert_allclose(relative_ridge(ArraySource(uniform), 0.5), 0.5 * uniform.var(axis=0))


def test_one_row_far_out_does_not_lift_the_ridge():
    rows = np.random.default_rng(0).normal(size=(500, 1))
    far = relative_ridge(ArraySource(np.concatenate([rows, [[-999_999.0]]])))
    np.testing.assert_allclose(far, relative_ridge(ArraySource(rows)), rtol=0.2)


def test_the_relative_ridge_weighs_rows():
    rng = np.random.default_rng(0)
    rows, counts = rng.exponential(size=(60, 2)), rng.integers(0, 4, size=60)
    weighted = relative_ridge(ArraySource(rows, counts.astype(float)))
    np.testing.assert_allclose(weighted, relative_ridge(ArraySource(np.repeat(rows, counts, axis=0))), rtol=1e-10)


@pytest.mark.parametrize("constant", [0.0, 0.1, 1e8])
def test_a_constant_column_takes_the_ridge_of_the_others(constant):
    rows = np.column_stack([np.random.default_rng(0).normal(size=500), np.full(500, constant)])
    ridge = relative_ridge(ArraySource(rows), 1.0)
    np.testing.assert_allclose(ridge, ridge[0])
    np.testing.assert_allclose(ridge, rows[:, 0].var(), rtol=0.2)


def test_equal_rows_have_a_ridge_all_the_same():
    np.testing.assert_array_equal(relative_ridge(ArraySource(np.ones((9, 2))), 1e-6), 1e-6)
