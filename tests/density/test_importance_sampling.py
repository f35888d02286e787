import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import FORMS, lattice, mixture
from gaussmix.density.gaussian_pairs import centre_pair
from gaussmix.density.importance_sampling import _geometric_means, importance_weights, log_affinities, mean_over_pairs
from gaussmix.density.monte_carlo import MonteCarlo

every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)


@every_form
@given(seed=seeds, n_features=st.integers(1, 4))
def test_geometric_means_have_the_mean_precision(form, seed, n_features):
    rng = np.random.default_rng(seed)
    p, q = centre_pair(*(mixture(rng, form, 3, n_features) for _ in range(2)))
    means, covariances = _geometric_means(p, q)
    halves = [0.5 * np.linalg.inv(one.factors @ one.roots) for one in (p, q)]
    precision = halves[0] + halves[1]
    np.testing.assert_allclose(covariances.dense(3, n_features), np.linalg.inv(precision), rtol=1e-8, atol=1e-10)
    weighted = sum(half @ one.means[:, :, None] for half, one in zip(halves, (p, q), strict=True))
    np.testing.assert_allclose(means, np.linalg.solve(precision, weighted)[:, :, 0], rtol=1e-8, atol=1e-8)


@every_form
@settings(max_examples=8)
@given(seed=seeds, spread=st.sampled_from([0.3, 3.0]))
def test_affinities_are_integrals_of_the_roots_of_products(form, seed, spread):
    rng = np.random.default_rng(seed)
    models = [mixture(rng, form, 1, 1, spread=spread) for _ in range(2)]
    rows, cell = lattice(*models)
    root = np.sqrt(models[0].pdf(rows) * models[1].pdf(rows)).sum() * cell
    assert np.exp(log_affinities(*centre_pair(*models)))[0, 0] == pytest.approx(root, rel=1e-9)


@every_form
@settings(max_examples=8)
@given(seed=seeds, spread=st.sampled_from([0.3, 3.0, 30.0]))
def test_means_between_are_integrals_over_the_sum_of_all_pairs(form, seed, spread):
    rng = np.random.default_rng(seed)
    p, q = (mixture(rng, form, n, 1, spread=spread, offset=100.0) for n in (2, 3))
    parts = centre_pair(p, q)
    affinities = log_affinities(*parts)
    mean, error = mean_over_pairs(MonteCarlo.from_seed(2000, seed), p, *parts, affinities, lambda rows: rows[:, 0] ** 2)
    rows, cell = lattice(p, q)
    density = np.exp(0.5 * (p.logpdf(rows) + q.logpdf(rows))) / importance_weights(p, q, rows)
    assert density.sum() * cell == pytest.approx(np.exp(affinities).sum(), rel=1e-6)
    assert abs(mean - (density / density.sum()) @ rows[:, 0] ** 2) < 5 * error + 1e-6 * mean


def test_pairs_of_minus_infinity_are_left_out():
    p, q = (mixture(np.random.default_rng(seed), n_components=2, n_features=1) for seed in (0, 1))
    parts = centre_pair(p, q)
    affinities = np.full((2, 2), -np.inf)
    affinities[1, 0] = -800.0
    means, covariances = _geometric_means(parts[0].subset(np.array([1])), parts[1].subset(np.array([0])))
    mean, error = mean_over_pairs(MonteCarlo.from_seed(1000, 0), p, *parts, affinities, lambda rows: rows[:, 0])
    assert abs(mean - means[0, 0] - p.means[0, 0]) < 5 * error
    assert error == pytest.approx(covariances.factors[0, 0, 0] / np.sqrt(1000), rel=0.12)


@every_form
@given(seed=seeds, spread=st.sampled_from([0.1, 3.0, 100.0]))
def test_overlaps_are_at_most_one_and_not_small(form, seed, spread):
    rng = np.random.default_rng(seed)
    p, q = (mixture(rng, form, n, spread=spread) for n in (2, 3))
    shares = importance_weights(p, q, spread * rng.normal(size=(50, 2)))
    assert (shares <= 1.0 + 1e-12).all()
    assert (shares >= 1.0 / np.sqrt(6.0) - 1e-12).all()
