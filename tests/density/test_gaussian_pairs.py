import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import linalg, stats

from cases import FORMS, lattice, mixture
from gaussmix import Mixture
from gaussmix.density import gaussian_pairs
from gaussmix.density.gaussian_pairs import (
    MAX_DISTANCE,
    CentredGaussians,
    bhattacharyya_distances,
    centre_pair,
    kl_divergences,
    log_product_integrals,
    squared_wasserstein_distances,
)

every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)
sizes = {"n_components": st.integers(1, 4), "n_features": st.integers(1, 4)}


def slow_kl(mean, cov, other_mean, other_cov):
    precision, apart = np.linalg.inv(other_cov), other_mean - mean
    log_dets = np.linalg.slogdet(other_cov)[1] - np.linalg.slogdet(cov)[1]
    return 0.5 * (np.trace(precision @ cov) - len(mean) + apart @ precision @ apart + log_dets)


def slow_bhattacharyya(mean, cov, other_mean, other_cov):
    middle, apart = (cov + other_cov) / 2, other_mean - mean
    log_dets = [np.linalg.slogdet(matrix)[1] for matrix in (middle, cov, other_cov)]
    return apart @ np.linalg.inv(middle) @ apart / 8 + 0.5 * log_dets[0] - 0.25 * (log_dets[1] + log_dets[2])


def slow_overlap(mean, cov, other_mean, other_cov):
    return stats.multivariate_normal(mean, cov + other_cov).logpdf(other_mean)


def slow_wasserstein(mean, cov, other_mean, other_cov):
    root = linalg.sqrtm(cov)
    between = linalg.sqrtm(root @ other_cov @ root).real
    return (mean - other_mean) @ (mean - other_mean) + np.trace(cov + other_cov - 2 * between)


closed_forms = pytest.mark.parametrize(
    ("fast", "slow"),
    [
        (kl_divergences, slow_kl),
        (bhattacharyya_distances, slow_bhattacharyya),
        (log_product_integrals, slow_overlap),
        (squared_wasserstein_distances, slow_wasserstein),
    ],
    ids=lambda function: function.__name__,
)


def of_all_pairs(slow, left, right):
    parts = [zip(one.means, one.covariances.dense(*one.means.shape), strict=True) for one in (left, right)]
    lefts, rights = [list(part) for part in parts]
    return [[slow(*one, *other) for other in rights] for one in lefts]


@closed_forms
@every_form
@given(seed=seeds, n_others=st.integers(1, 4), **sizes)
def test_closed_forms_are_those_of_the_textbooks(fast, slow, form, seed, n_others, n_components, n_features):
    rng = np.random.default_rng(seed)
    left, right = mixture(rng, form, n_components, n_features), mixture(rng, FORMS[seed % 4], n_others, n_features)
    np.testing.assert_allclose(fast(*centre_pair(left, right)), of_all_pairs(slow, left, right), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("fast", [kl_divergences, log_product_integrals, squared_wasserstein_distances])
def test_pairs_are_the_same_one_by_one(fast, monkeypatch):
    parts = centre_pair(mixture(np.random.default_rng(0), n_components=5), mixture(np.random.default_rng(1)))
    together = fast(*parts)
    monkeypatch.setattr(gaussian_pairs, "_NUMBERS_AT_ONCE", 1)
    np.testing.assert_allclose(fast(*parts), together, rtol=1e-14)


@given(seed=seeds, scale=st.sampled_from([1e-100, 1e-6, 1e6]), offset=st.sampled_from([0.0, 1e8]), **sizes)
def test_units_and_offsets_take_no_digits(seed, scale, offset, n_components, n_features):
    rng = np.random.default_rng(seed)
    left, right = (mixture(rng, n_components=n_components, n_features=n_features) for _ in range(2))
    there, here = (
        [Mixture(one.weights, one.means.round(6) + by, one.covariances) for one in (left, right)]
        for by in (offset, 0.0)
    )
    moved, still = centre_pair(*there), centre_pair(*here)
    for distances in (kl_divergences, bhattacharyya_distances):
        np.testing.assert_allclose(distances(*moved), distances(*still), rtol=1e-6)
        scaled = distances(*(one.scale(scale) for one in still))
        np.testing.assert_allclose(scaled, distances(*still), rtol=1e-9)
    lengths = np.sqrt(squared_wasserstein_distances(*(one.scale(scale) for one in still)))
    np.testing.assert_allclose(lengths / scale, np.sqrt(squared_wasserstein_distances(*still)), rtol=1e-9)


@every_form
@given(seed=seeds, **sizes)
def test_a_gaussian_is_no_distance_from_itself(form, seed, n_components, n_features):
    parts = CentredGaussians.from_mixture(mixture(np.random.default_rng(seed), form, n_components, n_features))
    for distances in (kl_divergences, bhattacharyya_distances):
        diagonal = np.diagonal(distances(parts, parts))
        assert (diagonal >= 0).all()
        np.testing.assert_allclose(diagonal, 0.0, atol=1e-13)
    np.testing.assert_allclose(np.diagonal(squared_wasserstein_distances(parts, parts)), 0.0, atol=1e-27)


def test_small_differences_of_covariances_keep_their_digits_as_distances():
    wide, wider = (
        CentredGaussians.from_mixture(Mixture([1.0], [[0.0, 0.0]], [1.0])),
        CentredGaussians.from_mixture(Mixture([1.0], [[0.0, 0.0]], [1.0])),
    )
    wider = wider._replace(factors=wider.factors * (1.0 + 1e-9))
    assert squared_wasserstein_distances(wide, wider)[0, 0] == pytest.approx(2e-18, rel=1e-6)


def test_what_overflows_is_very_far():
    parts = centre_pair(Mixture([1.0], [[0.0]], [1.0]), Mixture([1.0], [[1e200]], [1.0]))
    assert kl_divergences(*parts) == bhattacharyya_distances(*parts) == MAX_DISTANCE
    assert log_product_integrals(*parts) < -0.2 * MAX_DISTANCE


@every_form
@given(seed=seeds, **sizes)
def test_the_whole_has_the_moments_of_the_mixture(form, seed, n_components, n_features):
    model = mixture(np.random.default_rng(seed), form, n_components, n_features)
    whole = CentredGaussians.from_mixture(model, np.zeros(n_features)).moment_match
    np.testing.assert_allclose(whole.means[0], model.mean, atol=1e-12)
    np.testing.assert_allclose(whole.factors[0] @ whole.factors[0].T, model.covariance, rtol=1e-10, atol=1e-10)


def test_the_average_of_two_mixtures_has_half_of_each():
    left, right = (mixture(np.random.default_rng(seed), n_components=2 + seed, n_features=1) for seed in (0, 1))
    both = CentredGaussians.from_mixture(left, np.zeros(1)).average(CentredGaussians.from_mixture(right, np.zeros(1)))
    rows, _ = lattice(left, right)
    average = Mixture(both.weights, both.means, both.factors @ both.roots)
    np.testing.assert_allclose(average.pdf(rows), 0.5 * left.pdf(rows) + 0.5 * right.pdf(rows), rtol=1e-9, atol=1e-300)


def test_components_without_weight_are_left_out_and_weights_sum_to_one():
    parts = CentredGaussians.from_mixture(Mixture([0.3, 0.0, 0.7 - 1e-7], [[0.0], [1.0], [2.0]], [1.0, 1.0, 1.0]))
    assert parts.means.tolist() == [[0.0], [2.0]]
    assert parts.weights.sum() == pytest.approx(1.0, abs=1e-15)


def test_mixtures_of_other_features_are_refused():
    plane, line = mixture(np.random.default_rng(0)), mixture(np.random.default_rng(0), n_features=1)
    with pytest.raises(ValueError, match=r"other must have 2 features like this mixture, got 1; see marginal\(\)"):
        plane.wasserstein(line)
    other = Mixture(plane.weights, plane.means, plane.covariances, feature_names=("u", "v"))
    named = Mixture(plane.weights, plane.means, plane.covariances, feature_names=("x", "y"))
    with pytest.raises(ValueError, match=r"other must have the features \('x', 'y'\) like .*, got \('u', 'v'\)"):
        named.kl_divergence(other)
    assert named.wasserstein(plane) == plane.wasserstein(named)
