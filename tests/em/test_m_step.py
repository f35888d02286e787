"""The M-step: weights, means and covariances of given statistics, and what holds covariances open."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaussmix.em import run
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.engines import reference
from gaussmix.initialization import make_models
from gaussmix.mixture import Mixture
from gaussmix.moments import FULL
from gaussmix.sources import ArraySource
from gaussmix.sources.incomplete import IncompleteSource
from gaussmix.structures import STRUCTURES, named

every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)
sizes = given(seed=st.integers(0, 2**32 - 1), n_components=st.integers(1, 4), n_features=st.integers(1, 4))


def statistics(structure, seed, n_components, n_features):
    """Return rows, responsibilities, and their statistics about some origin."""
    rng = np.random.default_rng(seed)
    rows, resp = rng.normal(size=(60, n_features)), rng.dirichlet(np.ones(n_components), size=60)
    origin = rng.normal(size=(n_components, n_features))
    return rows, resp, reference.summarize(rows, np.ones(60), resp, origin, structure.moments)


@every_structure
@sizes
def test_weights_and_means_are_averages_under_the_responsibilities(structure, seed, n_components, n_features):
    rows, resp, sums = statistics(structure, seed, n_components, n_features)
    fitted = MStep(structure, np.zeros(n_features)).maximize(sums)
    np.testing.assert_allclose(fitted.weights, resp.mean(axis=0))
    np.testing.assert_allclose(fitted.means, resp.T @ rows / resp.sum(axis=0)[:, None], rtol=1e-9, atol=1e-12)
    assert isinstance(fitted.covariances, structure.form)


@every_structure
@sizes
def test_equal_weights_change_nothing_else(structure, seed, n_components, n_features):
    *_, sums = statistics(structure, seed, n_components, n_features)
    free, equal = (MStep(structure, np.zeros(n_features), equal_weights=one) for one in (False, True))
    np.testing.assert_array_equal(equal.maximize(sums).weights, np.full(n_components, 1 / n_components))
    np.testing.assert_array_equal(equal.maximize(sums).means, free.maximize(sums).means)
    factors = [model.maximize(sums).covariances.factors for model in (free, equal)]
    np.testing.assert_array_equal(*factors)
    fewer = free.n_parameters(n_components, n_features) - equal.n_parameters(n_components, n_features)
    assert fewer == n_components - 1


@sizes
def test_covariances_are_second_moments_about_the_means_and_the_ridge(seed, n_components, n_features):
    rows, resp, sums = statistics(named("full"), seed, n_components, n_features)
    ridge = np.arange(1.0, n_features + 1)
    fitted = MStep(named("full"), ridge).maximize(sums)
    for k in range(n_components):
        expected = np.cov(rows.T, aweights=resp[:, k], bias=True).reshape(n_features, n_features) + np.diag(ridge)
        np.testing.assert_allclose(fitted.covariances.covariances[k], expected, rtol=1e-9, atol=1e-12)


def test_a_component_on_one_row_is_named_where_nothing_holds_it_open():
    rows, resp = np.random.default_rng(0).normal(size=(9, 2)), np.eye(2)[[0] * 8 + [1]]
    sums = reference.summarize(rows, np.ones(9), resp, np.zeros((2, 2)), FULL)
    with pytest.raises(IllDefinedCovarianceError, match="component 1"):
        MStep(named("full"), np.zeros(2)).maximize(sums)


@pytest.mark.parametrize(("name", "weight", "exceeds"), [("full", 3, True), ("full", 4, False), ("diag", 1, False)])
def test_covariances_between_features_need_more_rows_than_features(name, weight, exceeds):
    assert MStep(named(name), np.zeros(3)).exceeds(weight, 3) == exceeds


@every_structure
def test_one_covariance_for_all_is_found_where_a_structure_iterates_over_full_moments(structure):
    *_, sums = statistics(structure, 0, 3, 2)
    found = MStep(structure, np.zeros(2)).pooled_guess(sums)
    assert (found is not None) == (structure.iterates and structure.form.correlated)
    if found is not None:
        pooled = MStep(named("tied"), np.zeros(2)).maximize(statistics(named("tied"), 0, 3, 2)[2])
        np.testing.assert_allclose(found.covariances, pooled.covariances.covariances)


def test_a_ridge_holds_a_component_open():
    rows = np.array([[0.0, 0.0], [0.0, 0.0], [5.0, 1.0], [6.0, 2.0], [5.0, 3.0]])
    first = Mixture([0.5, 0.5], [[0.0, 0.0], [5.0, 2.0]], [1.0, 1.0])
    fit = run(ArraySource(rows), first, MStep(named("full"), np.array([1e-4, 1e-2])), tol=1e-9, max_iter=100)
    np.testing.assert_allclose(fit.state.mixture.covariances.covariances[0], np.diag([1e-4, 1e-2]), atol=1e-12)


def test_without_a_prior_its_logarithm_is_zero():
    mixture = Mixture([1.0], [[0.0, 0.0]], [2.0])
    assert MStep(named("spherical"), np.zeros(2)).log_prior(mixture) == 0.0


def test_missing_values_of_rounded_columns_gain_nothing():
    rng = np.random.default_rng(0)
    rows = np.round(rng.normal(size=(400, 2)), 0)
    rows[rng.random(400) < 0.6, 0] = np.nan
    source = IncompleteSource.of(rows)
    (m_step,) = make_models([named("diag")], source)
    mixture = Mixture([1.0], [[0.0, 0.0]], [[0.9, 0.7]])
    hidden = np.where(np.isnan(rows), 0.0, m_step.rounding)
    expected = 0.5 * (hidden / mixture.covariances.variances(1, 2)).sum()
    assert m_step.rounding_gain(mixture, source.reduce(mixture, m_step.moments).mass) == pytest.approx(expected)
