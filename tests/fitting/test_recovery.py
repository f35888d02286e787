import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import clusters
from gaussmix.em import Status, iterate, run
from gaussmix.em.m_step import MStep
from gaussmix.fitting import find_degenerate, recover, regularize
from gaussmix.initialization import relative_ridge, start_from
from gaussmix.initialization.assignments import from_labels
from gaussmix.mixture import Mixture
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named

seeds = st.integers(0, 2**32 - 1)
every_structure = pytest.mark.parametrize("structure", STRUCTURES, ids=lambda structure: structure.name)
own = pytest.mark.parametrize("name", ["full", "diag", "spherical", "VEV", "VVE"])


def with_a_singleton(rng, n=200):
    """Two clusters and one row far away, and their labels."""
    labels = np.append(np.arange(n) % 2, 2)
    return np.concatenate([rng.normal(size=(n, 2)) + np.outer(labels[:n], [8.0, 0.0]), [[300.0, 400.0]]]), labels


def problem(rows, labels, name="full", ridge=None):
    """A source, a model, variances, and the run from the labels."""
    source, n_components = ArraySource(rows), labels.max() + 1
    model = MStep(named(name), relative_ridge(source) if ridge is None else np.full(rows.shape[1], ridge))
    variances = relative_ridge(source, 1.0)
    opened = regularize(model, tuple(range(n_components)), n_components, variances)  # for the start alone

    def go_on(mixture, m_step):
        return run(source, mixture, m_step, tol=1e-8, max_iter=500)

    first = start_from(source, from_labels(labels, n_components), n_components, opened)
    return go_on(first, model), model, variances, go_on


@own
@pytest.mark.parametrize("ridge", [None, 0.0])
def test_a_row_far_away_is_held_and_the_others_are_as_without_it(name, ridge):
    rows, labels = with_a_singleton(np.random.default_rng(0))
    fit, model, variances, go_on = problem(rows, labels, name, ridge)
    assert 2 in find_degenerate(fit, model, variances)
    fit, model = recover(fit, model, variances, go_on)
    assert fit.status is Status.CONVERGED
    assert model.regularized == (2,)
    mixture = fit.state.mixture
    dense = mixture.covariances.dense(3, 2)
    if name in {"full", "diag", "spherical"}:  # in the others, the singleton has a say about the shape of all
        alone, *_ = problem(rows[:-1], labels[:-1], name, ridge)
        other = alone.state.mixture
        np.testing.assert_allclose(mixture.means[:2], other.means, atol=1e-3)
        np.testing.assert_allclose(dense[:2], other.covariances.dense(2, 2), atol=1e-3)
    assert np.linalg.eigvalsh(dense[2]).min() > 1e-3 * variances.min()
    np.testing.assert_allclose(mixture.means[2], [300.0, 400.0], rtol=1e-6)


def test_the_spread_of_a_singleton_is_that_of_its_pseudo_row():
    rows, labels = with_a_singleton(np.random.default_rng(0))
    fit, model, variances, go_on = problem(rows, labels, ridge=0.0)
    fit, _ = recover(fit, model, variances, go_on)
    np.testing.assert_allclose(fit.state.mixture.covariances.dense(3, 2)[2], np.diag(variances) / 3 / 2, rtol=1e-6)


def test_what_is_not_flat_is_left_alone():
    rng = np.random.default_rng(0)
    rows, labels = with_a_singleton(rng)
    fit, model, variances, go_on = problem(rows[:-1], labels[:-1])
    assert find_degenerate(fit, model, variances) == ()
    assert recover(fit, model, variances, go_on) == (fit, model)


@pytest.mark.parametrize("ridge", [None, 0.0])
def test_flat_components_of_many_rows_are_left_to_the_ridge(ridge):
    rng = np.random.default_rng(0)
    labels = np.arange(200) % 2
    rows = rng.normal(size=(200, 2))
    rows[labels == 1] = rows[labels == 1, :1] * [1.0, 2.0] + [20.0, 0.0]
    fit, model, variances, go_on = problem(rows, labels, ridge=ridge)
    after, opened = recover(fit, model, variances, go_on)
    if ridge is None:
        assert (after, opened) == (fit, model)
    else:  # there is nothing else to hold it open
        assert fit.status is Status.COLLAPSED
        assert opened.regularized == (1,)
        assert after.status is Status.CONVERGED


@every_structure
def test_a_shared_covariance_is_held_for_all(structure):
    labels = np.arange(60) % 3
    rows = np.array([[0.0, 0.0], [5.0, 1.0], [-3.0, 4.0]])[labels]
    fit, model, variances, go_on = problem(rows, labels, structure.name, 0.0)
    fit, model = recover(fit, model, variances, go_on)
    assert model.regularized
    assert np.isfinite(fit.state.log_posterior)
    assert fit.state.mixture.covariances.log_det(3, 2).min() > -20


def test_who_is_held_stays_held():
    model = MStep(named("full"), np.zeros(2))
    once = regularize(model, (2,), 4, np.ones(2))
    assert once.regularized == (2,)
    assert regularize(once, (0, 2), 4, np.ones(2)).regularized == (0, 2)
    assert model.regularized == ()


@given(seed=seeds)
def test_the_prior_of_a_held_component_follows_the_units(seed):
    rng = np.random.default_rng(seed)
    rows, labels = with_a_singleton(rng)
    units = 10.0 ** rng.uniform(-4, 4, size=2)
    spreads = []
    for some in (rows, rows * units):
        fit, model, variances, go_on = problem(some, labels, ridge=0.0)
        fit, _ = recover(fit, model, variances, go_on)
        spreads.append(fit.state.mixture.covariances.dense(3, 2)[2])
    np.testing.assert_allclose(spreads[1], spreads[0] * np.outer(units, units), rtol=1e-5)


@every_structure
@settings(max_examples=5)
@given(seed=seeds, components=st.sets(st.integers(0, 2), min_size=1))
def test_the_log_posterior_never_falls_where_components_are_held(structure, seed, components):
    rng = np.random.default_rng(seed)
    rows = clusters(rng, 60)
    model = regularize(MStep(structure, np.zeros(2)), tuple(components), 3, rows.var(axis=0))
    source = ArraySource(rows)
    states, path = iterate(source, start_from(source, from_labels(rng.integers(3, size=60), 3), 3, model), model), []
    for state in states:
        path.append(state.log_posterior)
        if len(path) == 12:
            break
    assert (np.diff(path) >= -1e-10).all()


@every_structure
def test_a_component_without_rows_harms_no_other(structure):
    rows = clusters(np.random.default_rng(0), 100)
    model = regularize(MStep(structure, np.zeros(2)), (1,), 2, rows.var(axis=0))
    first = Mixture([0.5, 0.5], [[0.0, 0.0], [1e9, 1e9]], np.repeat(np.eye(2)[None], 2, axis=0))
    fit = run(ArraySource(rows), first, model, tol=1e-6, max_iter=20)
    assert np.isfinite(fit.state.log_posterior)
    np.testing.assert_allclose(fit.state.mixture.means[0], rows.mean(axis=0), atol=1e-8)
