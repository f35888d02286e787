import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaussmix.initialization.projection_pursuit import pursue_directions
from gaussmix.initialization.whitening import Whitening

seeds = st.integers(0, 2**32 - 1)


def turn(rng, n):
    return np.linalg.qr(rng.normal(size=(n, n)))[0]


def white(rows, weights=None):
    weights = np.ones(len(rows)) if weights is None else weights
    return Whitening.along_principal_axes(rows, weights, 1.0).transform(rows)


def planted(rng, n=1000, n_features=8, apart=(6.0,)):
    """White rows in two clusters along each of the first columns, Gaussian along the others."""
    rows = rng.normal(size=(n, n_features))
    for column, distance in enumerate(apart):
        rows[:, column] += distance * rng.permutation(np.arange(n) % 2)
    rows -= rows.mean(axis=0)
    values, axes = np.linalg.eigh(rows.T @ rows / n)
    return rows @ (axes / np.sqrt(values)) @ axes.T  # the white rows that are nearest to these


def kurtosis(along):
    return (along**4).mean() / (along**2).mean() ** 2


@given(seed=seeds)
def test_the_direction_of_two_clusters_is_found(seed):
    rng = np.random.default_rng(seed)
    rotation = turn(rng, 8)
    (found,) = pursue_directions(planted(rng) @ rotation, np.ones(1000), 1, rng).T
    assert abs(found @ rotation[0]) > 0.97


def test_it_is_found_among_thirty():
    rng = np.random.default_rng(0)
    rotation = turn(rng, 30)
    (found,) = pursue_directions(planted(rng, n_features=30) @ rotation, np.ones(1000), 1, rng).T
    assert abs(found @ rotation[0]) > 0.9


@given(seed=seeds)
def test_both_of_two_directions_are_found_the_flatter_first(seed):
    rng = np.random.default_rng(seed)
    rows = planted(rng, apart=(4.0, 12.0))
    found = pursue_directions(rows, np.ones(1000), 2, rng)
    assert abs(found[1, 0]) > 0.97
    assert abs(found[0, 1]) > 0.9
    first, second = (kurtosis(rows @ direction) for direction in found.T)
    assert first < second


@given(seed=seeds, n_features=st.integers(1, 6), n_directions=st.integers(1, 8))
def test_directions_are_orthonormal_and_no_more_than_columns(seed, n_features, n_directions):
    rng = np.random.default_rng(seed)
    rows = white(rng.exponential(size=(100, n_features)))
    found = pursue_directions(rows, np.ones(100), n_directions, rng)
    assert found.shape == (n_features, min(n_directions, n_features))
    np.testing.assert_allclose(found.T @ found, np.eye(found.shape[1]), atol=1e-12)


@given(seed=seeds)
def test_rotating_the_rows_rotates_the_direction(seed):
    rng = np.random.default_rng(seed)
    rows, rotation = planted(rng), turn(rng, 8)
    one, other = (
        pursue_directions(some, np.ones(1000), 1, np.random.default_rng(0)) for some in (rows, rows @ rotation)
    )
    assert abs(one[:, 0] @ rotation @ other[:, 0]) > 0.999


def test_one_column_is_its_own_direction():
    rng = np.random.default_rng(0)
    assert pursue_directions(white(rng.normal(size=(50, 1))), np.ones(50), 3, rng).tolist() == [[1.0]]


def test_no_direction_is_looked_for_where_none_is_asked():
    rng = np.random.default_rng(0)
    assert pursue_directions(white(rng.normal(size=(50, 4))), np.ones(50), 0, rng).shape == (4, 0)


@given(seed=seeds)
def test_no_random_direction_is_flatter(seed):
    rng = np.random.default_rng(seed)
    rows = planted(rng, n_features=4, apart=(5.0,))
    best = kurtosis(rows @ pursue_directions(rows, np.ones(1000), 1, rng)[:, 0])
    others = rng.normal(size=(4, 200))
    assert best <= min(kurtosis(rows @ one) for one in others.T) + 1e-9


@given(seed=seeds)
def test_an_integer_weight_is_a_repeated_row(seed):
    rng = np.random.default_rng(seed)
    rows, weights = planted(rng, n=300, n_features=4), rng.integers(1, 4, size=300)
    repeated = np.repeat(rows, weights, axis=0)
    points = Whitening.along_principal_axes(rows, weights.astype(float), 1.0).transform(rows)
    one = pursue_directions(points, weights.astype(float), 1, np.random.default_rng(0))
    other = pursue_directions(np.repeat(points, weights, axis=0), np.ones(len(repeated)), 1, np.random.default_rng(0))
    assert abs(float((one * other).sum())) == pytest.approx(1.0, abs=1e-6)
