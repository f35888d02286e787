"""Components that the ridge alone holds open."""

import numpy as np
import pytest

from cases import clusters
from gaussmix import Full, Mixture
from gaussmix.em.degeneracy import collapsed_components, find_thin_direction


def of_groups(groups, ridge):
    """Return the mixture with a component for each group of rows, as one M-step with a ridge makes it."""
    sizes = np.array([len(group) for group in groups])
    covariances = np.stack([np.cov(group.T, bias=True) + np.diag(ridge) for group in groups])
    return Mixture(sizes / sizes.sum(), [group.mean(axis=0) for group in groups], covariances)


def test_collapse_is_told_apart_from_a_constant_column():
    ridge = np.array([1e-6, 1e-6, 1e-6])
    flat = np.diag([1.0, 1.0, 1e-6])
    spike = np.diag([1.0, 1.2e-6, 1e-6])
    means = [[0.0, 0.0, 0.0], [3.0, 3.0, 0.0]]
    assert collapsed_components(Mixture([0.5, 0.5], means, [flat, flat]), ridge) == ()
    assert collapsed_components(Mixture([0.5, 0.5], means, [flat, spike]), ridge) == (1,)
    assert collapsed_components(Mixture([0.5, 0.5], means, [flat, spike]), np.zeros(3)) == ()


def test_collapse_is_told_apart_from_collinear_columns():
    rng = np.random.default_rng(0)
    groups = [np.outer(rng.normal(size=100) + centre, [1.0, 2.0]) for centre in (0, 8)]
    variances = np.concatenate(groups).var(axis=0)
    model = of_groups(groups, 1e-6 * variances)
    assert collapsed_components(model, 1e-6 * variances) == ()


def test_collapse_in_a_slanted_direction_is_seen():
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    thin = turn @ np.diag([1.0, 1.0, 1.1e-6]) @ turn.T
    means = [[0.0, 0.0, 0.0], [3.0, 3.0, 0.0]]
    assert collapsed_components(Mixture([0.5, 0.5], means, [thin, np.eye(3)]), np.full(3, 1e-6)) == (0,)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_collapse_knows_no_units(scale):
    units = np.array([scale, 1.0])
    spike, plain = np.diag([1.0, 1.5e-6]), np.eye(2)
    model = Mixture([0.5, 0.5], np.array([[0.0, 0.0], [3.0, 3.0]]) * units, np.outer(units, units) * [spike, plain])
    assert collapsed_components(model, 1e-6 * units**2) == (0,)


def test_all_rows_equal_have_nothing_to_collapse():
    model = Mixture([1.0], [[5.0, 5.0]], [np.eye(2) * 1e-6])
    assert collapsed_components(model, np.full(2, 1e-6)) == ()


def test_a_covariance_that_has_hardly_an_inverse_is_looked_at_too():
    factor = np.array([[1.0, 0.0], [1.0, 1e-20]])
    model = Mixture([0.5, 0.5], [[0.0, 0.0], [9.0, -9.0]], Full(np.stack([np.eye(2), factor])))
    assert collapsed_components(model, np.full(2, 1e-6)) == (1,)


def test_sound_clusters_have_not_collapsed():
    rows = clusters(np.random.default_rng(0))
    model = of_groups([rows[::3], rows[1::3], rows[2::3]], np.full(2, 1e-6))
    assert collapsed_components(model, np.full(2, 1e-6)) == ()


def dependent_columns(deviation, ridge=1e-6):
    """Return a mixture of four columns, the third nearly the sum of the first two, and the ridge in it."""
    rows = clusters(np.random.default_rng(0), n=400, n_features=2)
    noise = np.random.default_rng(1).normal(size=(400, 2))
    table = np.column_stack([rows, rows.sum(axis=1) + deviation * noise[:, 0], noise[:, 1]])
    ridges = ridge * table.var(axis=0)
    return of_groups([table[:200], table[200:]], ridges), ridges


@pytest.mark.parametrize(("deviation", "noticed"), [(0.0, True), (1e-3, True), (0.1, False), (1.0, False)])
def test_columns_that_depend_on_each_other_are_found(deviation, noticed):
    found = find_thin_direction(*dependent_columns(deviation))
    assert (found is not None) == noticed
    if found:
        assert found.columns == (0, 1, 2)
        assert found.share > 0.9


def test_the_share_of_the_ridge_is_that_of_the_variance_there():
    mixture, ridge = dependent_columns(1e-2)
    found = find_thin_direction(mixture, ridge)
    least = min(
        direction @ mixture.covariance @ direction / (direction @ np.diag(ridge) @ direction)
        for direction in np.linalg.eigh(mixture.covariance / np.sqrt(np.outer(ridge, ridge)))[1].T / np.sqrt(ridge)
    )
    assert found.share == pytest.approx(1 / least)
    assert 0.1 < found.share < 0.9


@pytest.mark.parametrize("ridge", [0.0, 1e-12])
def test_a_ridge_that_decides_nothing_is_not_noticed(ridge):
    assert find_thin_direction(*dependent_columns(1e-3, ridge)) is None


def test_constant_columns_depend_on_no_others():
    rows = np.column_stack([clusters(np.random.default_rng(0), n=100), np.ones(100)])
    ridge = np.full(3, 1e-6)
    assert find_thin_direction(of_groups([rows[:50], rows[50:]], ridge), ridge) is None
