"""The bound on eigenvalues against a fine grid, a general minimizer, and answers that are known."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from cases import clusters, vector
from gaussmix.em import iterate
from gaussmix.em.m_step import IllDefinedCovarianceError, MStep
from gaussmix.engines import reference
from gaussmix.initialization import responsibilities_from, start_from
from gaussmix.priors import scaled
from gaussmix.sources import ArraySource
from gaussmix.structures import STRUCTURES, named
from gaussmix.structures.constraint import limits

BOUNDED = [structure.name for structure in STRUCTURES if structure.takes_ratio]
seeds = st.integers(0, 2**32 - 1)
ratios = st.sampled_from([1.0, 1.5, 10.0, 1e4])
names = pytest.mark.parametrize("name", BOUNDED)
K, D = 3, 2


def fitted(name, rows, resp, ratio, ridge=0.0):
    m_step = MStep(named(name), np.full(rows.shape[1], ridge), eigenvalue_ratio=ratio)
    return start_from(ArraySource(rows), responsibilities_from(resp, len(rows), resp.shape[1]), resp.shape[1], m_step)


def some(seed, n=60):
    rng = np.random.default_rng(seed)
    return clusters(rng, n=n), rng.dirichlet(np.ones(K), size=n)


def spectra(mixture):
    return np.linalg.eigvalsh(mixture.covariances.dense(*mixture.means.shape))


def value(values, mass, ratio, low):
    cut = np.clip(values, low, ratio * low)
    return (mass[:, None] * (np.log(cut) + values / cut)).sum()


@given(seed=seeds, ratio=ratios, flat=st.integers(0, 3))
def test_no_cut_is_better(seed, ratio, flat):
    rng = np.random.default_rng(seed)
    values, mass = np.exp(rng.normal(scale=3, size=(4, 3))), rng.uniform(0.1, 50, 4)
    values[0, :flat] = 0
    low, high = limits(values, mass, ratio)
    if np.isinf(low):
        assert values.max() <= ratio * values.min()
        return
    assert high == ratio * low
    best = value(values, mass, ratio, low)
    grid = np.geomspace(values[values > 0].min() / ratio / 2, 2 * values.max(), 2000)
    assert min(value(values, mass, ratio, other) for other in grid) >= best - 1e-9 * abs(best)
    near = minimize_scalar(
        lambda x: value(values, mass, ratio, np.exp(x)), bounds=(np.log(low) - 0.5, np.log(low) + 0.5)
    )
    assert near.fun >= best - 1e-9 * abs(best)


@names
@given(seed=seeds, ratio=ratios)
def test_the_bound_is_met(name, seed, ratio):
    values = spectra(fitted(name, *some(seed), ratio))
    assert values.max() <= ratio * values.min() * (1 + 1e-9)


@names
@given(seed=seeds, ratio=ratios)
def test_no_covariances_that_meet_it_are_likelier(name, seed, ratio):
    """Not those made from slightly different statistics."""
    rows, resp = some(seed)
    rng = np.random.default_rng(seed)

    def expected(model):
        return float((resp * reference.log_joint(model, rows)).sum())

    best = expected(fitted(name, rows, resp, ratio))
    for _ in range(5):
        nudged = 0.95 * resp + 0.05 * rng.dirichlet(np.ones(K), size=60)
        assert expected(fitted(name, rows, nudged, ratio)) <= best + 1e-9


@names
@given(seed=seeds, ratio=ratios, equal_weights=st.booleans())
def test_the_log_likelihood_never_falls(name, seed, ratio, equal_weights):
    rows, resp = some(seed)
    m_step = MStep(named(name), np.zeros(D), equal_weights, eigenvalue_ratio=ratio)
    source = ArraySource(rows)
    first = start_from(source, responsibilities_from(resp, 60, K), K, m_step)
    states = itertools.islice(iterate(source, first, m_step), 15)
    assert (np.diff([state.log_likelihood for state in states]) >= -1e-12).all()


@given(seed=seeds, ratio=ratios)
def test_the_log_posterior_never_falls(seed, ratio):
    rows, resp = some(seed)
    prior = scaled("mclust", rows.mean(axis=0), np.cov(rows.T), K, named("full"))
    m_step, source = MStep(named("full"), np.zeros(D), prior=prior, eigenvalue_ratio=ratio), ArraySource(rows)
    first = start_from(source, responsibilities_from(resp, 60, K), K, m_step)
    states = list(itertools.islice(iterate(source, first, m_step), 15))
    values = [state.log_likelihood + m_step.log_prior(state.mixture) / 60 for state in states]
    assert (np.diff(values) >= -1e-12).all()
    assert spectra(states[-1].mixture).max() <= ratio * spectra(states[-1].mixture).min() * (1 + 1e-9)


@names
@pytest.mark.parametrize("ratio", [1e300, np.inf])
def test_a_ratio_without_bound_changes_nothing(name, ratio):
    """However differently the features are scaled."""
    rows, resp = some(0)
    rows = rows * [1e-7, 1e7]
    np.testing.assert_allclose(
        vector(fitted(name, rows, resp, ratio)), vector(fitted(name, rows, resp, None)), rtol=1e-14
    )


@names
@given(seed=seeds)
def test_a_ratio_of_one_is_one_ball_for_all(name, seed):
    rows, resp = some(seed)
    found, wanted = fitted(name, rows, resp, 1.0), fitted("EII", rows, resp, None)
    np.testing.assert_allclose(vector(found), vector(wanted), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("share", [0.9, 0.5, 0.1])
def test_only_what_is_cut_off_changes(share):
    rows, resp = some(0)
    plain = fitted("full", rows, resp, None)
    bounded = fitted("full", rows, resp, share * spectra(plain).max() / spectra(plain).min())
    values = spectra(bounded)
    np.testing.assert_allclose(values, np.clip(spectra(plain), values.min(), values.max()), rtol=1e-9)
    assert values.max() / values.min() == pytest.approx(share * spectra(plain).max() / spectra(plain).min())


@names
def test_components_on_one_row_or_none_are_held_open(name):
    rows, _ = some(0)
    resp = np.zeros((60, 4))
    resp[0, 0] = 1.0
    resp[1:, 1] = np.linspace(0, 1, 59)
    resp[1:, 2] = 1 - resp[1:, 1]
    mixture = fitted(name, rows, resp, 20.0)
    values = spectra(mixture)
    assert values.min() > 0
    assert values.max() <= 20 * values.min() * (1 + 1e-9)
    assert mixture.weights[3] == 0
    assert np.isfinite(mixture.logpdf(rows)).all()


@names
def test_where_there_is_no_spread_at_all_nothing_helps(name):
    with pytest.raises(IllDefinedCovarianceError, match="ill-defined"):
        fitted(name, np.ones((6, 2)), np.ones((6, 1)), 10.0)


@names
def test_the_ridge_is_added_before(name):
    rows, resp = some(0)
    values = spectra(fitted(name, rows, resp, 2.0, ridge=50.0))
    assert values.min() > 49
    assert values.max() <= 2 * values.min() * (1 + 1e-9)


@pytest.mark.parametrize("name", sorted({structure.name for structure in STRUCTURES} - set(BOUNDED)))
def test_other_structures_are_refused(name):
    message = f"eigenvalue_ratio is not defined for structure '{name}'; it is for EII, spherical, EEI, diag, tied, full"
    with pytest.raises(ValueError, match=message):
        MStep(named(name), np.zeros(2), eigenvalue_ratio=10.0)


@pytest.mark.parametrize("ratio", [0.99, -1.0, np.nan])
def test_a_ratio_below_one_is_refused(ratio):
    with pytest.raises(ValueError, match=f"eigenvalue_ratio must be at least 1, got {ratio}"):
        MStep(named("full"), np.zeros(2), eigenvalue_ratio=ratio)
