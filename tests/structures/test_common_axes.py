"""Common axes and best volumes against slow twins, and against answers that are known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import ortho_group

from cases import matrices
from gaussmix.covariances import Full, NotPositiveDefiniteError
from gaussmix.structures.common_axes import EQUAL_VOLUMES, OWN_VOLUMES, common_axes
from gaussmix.structures.decomposition import along, equal_shape, principal_axes

seeds = st.integers(0, 2**32 - 1)
objectives = pytest.mark.parametrize("objective", [OWN_VOLUMES, EQUAL_VOLUMES], ids=["own", "equal"])


def value(scatters, mass, objective, axes):
    spectra = np.diagonal(axes.T @ scatters @ axes, axis1=1, axis2=2)
    return objective.value(np.exp(np.log(spectra).mean(axis=1)), mass)


@objectives
@pytest.mark.parametrize("n_features", [1, 2, 5, 34])
@pytest.mark.parametrize("scale", [1.0, 1e6])
def test_axes_that_are_common_are_found(objective, n_features, scale):
    """They diagonalize all scatters, however differently the features are scaled."""
    rng = np.random.default_rng(n_features)
    axes = ortho_group.rvs(n_features, random_state=rng) if n_features > 1 else np.eye(1)
    spectra = rng.uniform(0.5, 2, (3, n_features)) * np.geomspace(1, scale, n_features)
    scatters, mass = along(axes, spectra).covariances, np.array([30.0, 50.0, 20.0])
    found, across = common_axes(scatters, mass, objective, None)
    np.testing.assert_allclose(found.T @ found, np.eye(n_features), atol=1e-10)
    np.testing.assert_allclose(np.sort(across.prod(axis=1)), np.sort(spectra.prod(axis=1)), rtol=1e-7)


@objectives
@pytest.mark.parametrize("units", [[1.0, 1.0, 1.0], [1e-4, 1.0, 1e4], [1e6, 1.0, 1e-2]])
def test_no_axes_are_better(objective, units):
    """A general minimizer over rotations, from many starts, finds nothing lower, in whatever units the features are."""
    rng = np.random.default_rng(1)
    mass = np.array([30.0, 50.0, 20.0])
    scatters = matrices(rng, 3, 3) * np.outer(units, units) * mass[:, None, None]
    axes, _ = common_axes(scatters, mass, objective, None)
    best = value(scatters, mass, objective, axes)
    for _ in range(20):
        base = axes if np.ptp(np.log(units)) else ortho_group.rvs(3, random_state=rng)
        found = minimize(
            lambda v, base=base: value(scatters, mass, objective, base @ rotation(v)), rng.normal(scale=0.3, size=3)
        )
        assert found.fun >= best - 1e-7 * mass.sum()


def rotation(v):
    skew = np.array([[0.0, -v[2], v[1]], [v[2], 0.0, -v[0]], [-v[1], v[0], 0.0]])
    return np.linalg.solve(np.eye(3) - skew / 2, np.eye(3) + skew / 2)


@objectives
@given(seed=seeds)
def test_a_guess_is_never_made_worse(objective, seed):
    rng = np.random.default_rng(seed)
    scatters, mass = matrices(rng, 4, 5), rng.uniform(1, 50, 4)
    guess = ortho_group.rvs(5, random_state=rng)
    axes, _ = common_axes(scatters, mass, objective, along(guess, rng.uniform(1, 9, (4, 5))))
    assert value(scatters, mass, objective, axes) <= value(scatters, mass, objective, guess) + 1e-9


@objectives
def test_more_axes_than_newton_is_used_for(objective):
    """Turning two at a time is all there is, and ends where no turn of a pair gains anything."""
    rng = np.random.default_rng(0)
    scatters, mass = matrices(rng, 3, 24), np.array([3.0, 5.0, 2.0])
    axes, _ = common_axes(scatters, mass, objective, None)
    best = value(scatters, mass, objective, axes)
    for _ in range(50):
        i, j = rng.choice(24, 2, replace=False)
        turned = axes.copy()
        angle = rng.normal(scale=1e-2)
        turned[:, i] = np.cos(angle) * axes[:, i] + np.sin(angle) * axes[:, j]
        turned[:, j] = np.cos(angle) * axes[:, j] - np.sin(angle) * axes[:, i]
        assert value(scatters, mass, objective, turned) >= best - 1e-8


def test_a_flat_scatter_is_refused():
    with pytest.raises(NotPositiveDefiniteError, match="Component 1"):
        common_axes(np.array([np.eye(2), np.diag([1.0, 0.0])]), np.ones(2), OWN_VOLUMES, None)


@given(seed=seeds)
def test_volumes_of_one_shape_are_where_the_alternation_ends(seed):
    """The slow twin of Newton's method: volumes for the shape, a shape for the volumes, until nothing changes."""
    rng = np.random.default_rng(seed)
    spectra, mass = rng.uniform(0.1, 5, (3, 4)), rng.uniform(1, 50, 3)
    volumes = np.ones(3)
    for _ in range(3000):
        shape = (spectra / volumes[:, None]).sum(axis=0)
        shape /= np.exp(np.log(shape).mean())
        volumes = (spectra / shape).sum(axis=1) / (4 * mass)
    np.testing.assert_allclose(equal_shape(spectra, mass, None), volumes[:, None] * shape, rtol=1e-8)


def test_volumes_are_found_where_the_alternation_would_crawl():
    """Components long in different directions, a thousandfold: the gradient vanishes, and so it is the minimum."""
    spectra, mass = 1e-3 + 10.0 * np.eye(3), np.array([100.0, 20.0, 50.0])
    variances = equal_shape(spectra, mass, None)
    shape = variances[0] / np.exp(np.log(variances[0]).mean())
    volumes = np.exp(np.log(variances).mean(axis=1))
    np.testing.assert_allclose((spectra / shape).sum(axis=1) / (3 * mass), volumes, rtol=1e-9)
    np.testing.assert_allclose((spectra / volumes[:, None]).sum(axis=0) / mass.sum(), shape, rtol=1e-9)


def test_small_principal_variances_keep_their_digits():
    units = np.array([1e8, 1.0, 1e-8])
    matrix = matrices(np.random.default_rng(0), 1, 3) * np.outer(units, units)
    values, axes = principal_axes(matrix)
    exact = Full.from_covariances(matrix).log_det(1, 3)
    assert np.log(values).sum() == pytest.approx(exact[0], abs=1e-6)
    assert (np.diff(values[0]) < 0).all()
    np.testing.assert_allclose((axes * values[:, None, :]) @ axes.transpose(0, 2, 1), matrix, rtol=1e-8, atol=1e-8)
