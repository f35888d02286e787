import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cases import clusters
from gaussmix.initialization.whitening import Whitening

seeds = st.integers(0, 2**32 - 1)
powers = pytest.mark.parametrize("whiteness", [0.0, 0.5, 1.0])


def along(rows, whiteness, weights=None):
    return Whitening.along_principal_axes(rows, np.ones(len(rows)) if weights is None else weights, whiteness)


def products(points):
    """What distances follow from, and signs of axes do not matter to."""
    return points @ points.T


def same_points(one, other, tolerance=1e-8):
    scale = np.abs(products(other)).max()
    np.testing.assert_allclose(products(one), products(other), rtol=0, atol=tolerance * scale)


@given(seed=seeds, n_features=st.integers(1, 5))
def test_whitened_rows_have_mean_zero_and_unit_covariance(seed, n_features):
    rng = np.random.default_rng(seed)
    rows, weights = clusters(rng, 100, n_features=n_features), rng.uniform(0.1, 3.0, size=100)
    points = along(rows, 1.0, weights).transform(rows)
    np.testing.assert_allclose(np.average(points, axis=0, weights=weights), 0.0, atol=1e-10)
    covariance = np.cov(points.T, aweights=weights, bias=True)
    np.testing.assert_allclose(np.atleast_2d(covariance), np.eye(n_features), atol=1e-8)


@powers
@given(seed=seeds)
def test_units_and_offsets_of_columns_do_not_matter(whiteness, seed):
    rng = np.random.default_rng(seed)
    rows = clusters(rng, 60, n_features=3)
    mapped = rows * 10.0 ** rng.uniform(-6, 6, size=3)
    same_points(along(mapped, whiteness).transform(mapped), along(rows, whiteness).transform(rows))


@given(seed=seeds)
def test_no_linear_map_matters_to_white_rows(seed):
    rng = np.random.default_rng(seed)
    rows = clusters(rng, 60, n_features=3)
    mapped = rows @ (rng.normal(size=(3, 3)) + 3.0 * np.eye(3)) + 100.0
    same_points(along(mapped, 1.0).transform(mapped), along(rows, 1.0).transform(rows), 1e-6)


def test_halfway_is_between_as_they_are_and_white():
    rng = np.random.default_rng(0)
    rows = clusters(rng, 200, n_features=3)
    lengths = [np.linalg.svd(along(rows, whiteness).transform(rows))[1] for whiteness in (0.0, 0.5, 1.0)]
    own, half, white = (one / np.sqrt(200) for one in lengths)
    np.testing.assert_allclose(white, 1.0, rtol=1e-10)
    np.testing.assert_allclose(half, np.sqrt(own), rtol=1e-10)


@powers
@given(seed=seeds)
def test_an_integer_weight_is_a_repeated_row(whiteness, seed):
    rng = np.random.default_rng(seed)
    rows, weights = clusters(rng, 60, n_features=3), rng.integers(1, 5, size=60)
    weighted, repeated = along(rows, whiteness, weights.astype(float)), along(np.repeat(rows, weights, 0), whiteness)
    np.testing.assert_allclose(weighted.centre, repeated.centre, rtol=1e-10, atol=1e-10)
    same_points(weighted.transform(rows), repeated.transform(rows))


@powers
@pytest.mark.parametrize("constant", [0.0, 0.1, -7e8])
def test_a_constant_column_is_left_out(whiteness, constant):
    rows = clusters(np.random.default_rng(0), 50, n_features=2)
    wider = np.column_stack([rows[:, 0], np.full(50, constant), rows[:, 1]])
    found = along(wider, whiteness)
    assert found.linear.shape == (3, 2)
    assert found.linear[1].tolist() == [0.0, 0.0]
    same_points(found.transform(wider), along(rows, whiteness).transform(rows))


@powers
def test_a_column_that_others_make_up_adds_no_axis(whiteness):
    rows = clusters(np.random.default_rng(0), 50, n_features=2)
    assert along(np.column_stack([rows, rows @ [2.0, -3.0]]), whiteness).transform(np.zeros((4, 3))).shape == (4, 2)


@powers
@pytest.mark.parametrize("value", [0.0, 0.1, 1e9])
def test_equal_rows_leave_no_coordinates(whiteness, value):
    rows = np.full((20, 3), value)
    found = along(rows, whiteness)
    assert found.linear.shape == (3, 0)
    assert found.transform(rows).shape == (20, 0)


@powers
def test_fewer_rows_than_columns_have_fewer_axes(whiteness):
    rows = np.random.default_rng(0).normal(size=(4, 10))
    points = along(rows, whiteness).transform(rows)
    assert points.shape == (4, 3)
    assert np.isfinite(points).all()


def test_float32_rows_far_from_zero_keep_their_clusters():
    rows = np.repeat([[1e4, 0.0], [1e4 + 1, 1.0]], 50, axis=0).astype(np.float32)
    points = along(rows, 1.0).transform(rows)
    assert points.dtype == np.float64
    np.testing.assert_allclose(np.ptp(points[:50], axis=0), 0.0, atol=1e-10)
    assert abs(points[0] - points[-1]).max() > 1.0
