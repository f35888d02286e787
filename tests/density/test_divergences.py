import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cases import FORMS, lattice, mixture
from gaussmix import Full, Mixture

every_form = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
seeds = st.integers(0, 2**32 - 1)
spreads = st.sampled_from([0.3, 1.0, 4.0])


def log_densities(p, q):
    rows, cell = lattice(p, q)
    return p.logpdf(rows), q.logpdf(rows), cell


def integrated_kl(p, q):
    log_p, log_q, cell = log_densities(p, q)
    return float(np.exp(log_p) @ (log_p - log_q)) * cell


def integrated_js(p, q):
    log_p, log_q, cell = log_densities(p, q)
    log_m = np.logaddexp(log_p, log_q) - np.log(2)
    return 0.5 * float(np.exp(log_p) @ (log_p - log_m) + np.exp(log_q) @ (log_q - log_m)) * cell


def integrated_bhattacharyya(p, q):
    log_p, log_q, cell = log_densities(p, q)
    return -float(np.log(np.exp(0.5 * (log_p + log_q)).sum() * cell))


OF_TWO = {
    Mixture.kl_divergence: integrated_kl,
    Mixture.js_divergence: integrated_js,
    Mixture.bhattacharyya: integrated_bhattacharyya,
}
each = pytest.mark.parametrize("between", OF_TWO, ids=lambda function: function.__name__)
symmetric = pytest.mark.parametrize(
    "between", [Mixture.js_divergence, Mixture.bhattacharyya], ids=lambda function: function.__name__
)


def agree(left, right, slack=1e-9):
    """Return True if two estimates agree: their values within their errors, their bounds up to rounding."""
    apart = abs(left.value - right.value)
    errors = 5 * np.hypot(left.standard_error, right.standard_error)
    bounds = [(one.lower, one.upper) for one in (left, right)]
    return apart < errors + slack and bounds[0] == pytest.approx(bounds[1], rel=1e-7, abs=slack)


@each
@every_form
@settings(max_examples=6)
@given(seed=seeds, spread=spreads, n_features=st.integers(1, 2), n_others=st.integers(1, 4))
def test_they_are_the_integrals_within_their_errors_and_bounds(between, form, seed, spread, n_features, n_others):
    rng = np.random.default_rng(seed)
    p = mixture(rng, form, 3, n_features, spread=spread)
    q = mixture(rng, FORMS[seed % 4], n_others, n_features, spread=spread)
    found, truth = between(p, q, n_samples=10_000, random_state=seed), OF_TWO[between](p, q)
    assert abs(found.value - truth) < 5 * found.standard_error + 1e-6
    assert found.lower - 1e-6 <= truth <= found.upper + 1e-6


@each
@settings(max_examples=6)
@given(seed=seeds, near=st.sampled_from([1e-4, 1e-2, 0.1]))
def test_small_ones_are_found_to_a_few_per_cent_of_themselves(between, seed, near):
    rng = np.random.default_rng(seed)
    p = mixture(rng, n_features=1, spread=1.0)
    q = Mixture(p.weights, p.means + near * rng.normal(size=(3, 1)), p.covariances)
    found, truth = between(p, q, n_samples=10_000, random_state=seed), OF_TWO[between](p, q)
    assert abs(found.value - truth) < 5 * found.standard_error + 1e-12
    assert found.lower <= truth <= found.upper + 1e-12
    assert found.standard_error < 0.1 * truth or found.lower > 0


@each
@every_form
@settings(max_examples=6)
@given(seed=seeds, n_components=st.integers(1, 4), n_features=st.integers(1, 4))
def test_a_mixture_is_at_no_distance_from_itself(between, form, seed, n_components, n_features):
    model = mixture(np.random.default_rng(seed), form, n_components, n_features)
    same = Mixture(model.weights, model.means, Full(model.covariances.cholesky(n_components, n_features)))
    for other in (model, same):
        found = between(model, other)
        assert (found.value, found.standard_error, found.lower, found.upper) == (0.0, 0.0, 0.0, 0.0)


@each
@settings(max_examples=6)
@given(seed=seeds)
def test_the_order_of_components_and_those_without_weight_change_nothing(between, seed):
    rng = np.random.default_rng(seed)
    p, q = mixture(rng, n_components=4, spread=1.0), mixture(rng, spread=1.0)
    order = rng.permutation(4)
    permuted = Mixture(p.weights[order], p.means[order], Full(p.covariances.factors[order]))
    unmoved = between(p, permuted, n_samples=1000, random_state=seed)
    assert unmoved.value < 5 * unmoved.standard_error + 1e-14
    assert unmoved.lower < 1e-14
    longer = Mixture(
        np.append(permuted.weights, 0.0),
        np.append(permuted.means, [[1e6, 0.0]], axis=0),
        Full(np.append(permuted.covariances.factors, [np.eye(2)], axis=0)),
    )
    expected = between(p, q, n_samples=2000, random_state=seed)
    assert agree(between(longer, q, n_samples=2000, random_state=seed), expected)


@symmetric
@every_form
@settings(max_examples=6)
@given(seed=seeds, spread=spreads, n_features=st.integers(1, 4))
def test_both_directions_agree(between, form, seed, spread, n_features):
    rng = np.random.default_rng(seed)
    p, q = (mixture(rng, form, n, n_features, spread=spread) for n in (2, 3))
    assert agree(*(between(*pair, n_samples=1000, random_state=seed) for pair in ((p, q), (q, p))))


@each
@settings(max_examples=6)
@given(seed=seeds, spread=spreads, n_features=st.integers(1, 4), scale=st.sampled_from([1e-6, 1.0, 1e6]))
def test_affine_maps_change_nothing(between, seed, spread, n_features, scale):
    rng = np.random.default_rng(seed)
    p, q = (mixture(rng, n_components=n, n_features=n_features, spread=spread) for n in (2, 3))
    matrix = scale * (rng.normal(size=(n_features, n_features)) + 2 * np.eye(n_features))
    offset = 100 * scale * rng.normal(size=n_features)
    mapped = [one.transform(matrix, offset) for one in (p, q)]
    found, after = (between(*pair, n_samples=1000, random_state=seed) for pair in ((p, q), mapped))
    assert agree(found, after, slack=1e-7)


@each
@every_form
@settings(max_examples=6)
@given(seed=seeds, spread=spreads, n_features=st.integers(1, 6))
def test_values_and_bounds_are_never_negative_and_bounds_in_order(between, form, seed, spread, n_features):
    rng = np.random.default_rng(seed)
    p, q = (mixture(rng, form, n, n_features, spread=spread) for n in (3, 2))
    found = between(p, q, n_samples=500, random_state=seed)
    assert found.value >= 0
    assert found.standard_error >= 0
    assert 0 <= found.lower <= found.upper


@every_form
@settings(max_examples=6)
@given(seed=seeds, n_features=st.integers(1, 5))
def test_single_gaussians_have_closed_forms(form, seed, n_features):
    rng = np.random.default_rng(seed)
    p, q = (mixture(rng, form, 1, n_features, spread=1.0) for _ in range(2))
    for found in (p.kl_divergence(q), p.bhattacharyya(q)):
        assert found.standard_error == 0.0
        assert found.lower == found.value == found.upper
    drawn = Mixture([0.5, 0.5], np.repeat(p.means, 2, axis=0), np.repeat(p.covariances.dense(1, n_features), 2, axis=0))
    for exact, estimate in (
        (p.kl_divergence(q), drawn.kl_divergence(q, n_samples=2000, random_state=seed)),
        (p.bhattacharyya(q), drawn.bhattacharyya(q, n_samples=2000, random_state=seed)),
    ):
        assert abs(exact.value - estimate.value) < 5 * estimate.standard_error + 1e-9


@settings(max_examples=6)
@given(seed=seeds, spread=spreads)
def test_js_is_at_most_log_2_and_between_functions_of_bhattacharyya(seed, spread):
    rng = np.random.default_rng(seed)
    p, q = (mixture(rng, n_components=n, n_features=1, spread=spread) for n in (2, 3))
    unlike = -np.expm1(-integrated_bhattacharyya(p, q))
    assert np.log(2) * unlike <= integrated_js(p, q) + 1e-9
    assert integrated_js(p, q) <= unlike + 1e-9
    assert p.js_divergence(q, n_samples=100).upper <= np.log(2)


@each
@pytest.mark.parametrize("far", [1e8, 1e160, 1e300])
def test_distant_components_give_numbers(between, far):
    p = Mixture([0.3, 0.7], [[0.0, 0.0], [far, 0.0]], [1.0, 1e-12])
    q = Mixture([0.5, 0.5], [[0.0, 0.0], [0.0, far]], [1.0, 2.0])
    found = between(p, q, random_state=0)
    assert np.isfinite([found.value, found.standard_error, found.lower, found.upper]).all()
    assert found.lower <= found.upper
    assert abs(found.value - np.clip(found.value, found.lower, found.upper)) <= 5 * found.standard_error


def test_what_stands_apart_from_all_is_exact():
    p = Mixture([0.3, 0.7], [[0.0], [1e3]], [1.0, 1.0])
    q = Mixture([0.6, 0.4], [[0.0], [-1e3]], [1.0, 1.0])
    shared = 0.3 * np.log(2 * 0.3 / 0.9) + 0.6 * np.log(2 * 0.6 / 0.9)
    assert p.js_divergence(q).value == pytest.approx(0.5 * (shared + 1.1 * np.log(2)), rel=1e-12)
    assert p.bhattacharyya(q, random_state=0).value == pytest.approx(-np.log(np.sqrt(0.18)), rel=1e-12)


def test_rare_components_are_not_forgotten():
    p = Mixture([1.0 - 1e-9, 1e-9], [[0.0], [1e6]], [1.0, 1.0])
    found = p.kl_divergence(Mixture([1.0], [[0.0]], [1.0]), n_samples=1000, random_state=0)
    assert found.value == pytest.approx(500.0, rel=1e-4)


@pytest.mark.parametrize("apart", [10.0, 60.0])
def test_bhattacharyya_keeps_its_digits_where_rows_of_neither_would_tell(apart):
    p = Mixture([0.5, 0.5], [[0.0], [1.0]], [1.0, 0.5])
    q = Mixture([0.2, 0.8], [[apart], [apart + 2.0]], [1.0, 2.0])
    found, truth = p.bhattacharyya(q, random_state=0), integrated_bhattacharyya(p, q)
    assert abs(found.value - truth) < 5 * found.standard_error + 1e-9
    assert found.standard_error < 5e-3


@pytest.mark.parametrize("apart", [6.0, 9.0])
def test_js_misses_no_overlap_that_hardly_any_row_would_show(apart):
    p = Mixture([0.5, 0.5], [[0.0], [-9.0]], [1.0, 0.5])
    q = Mixture([0.2, 0.8], [[apart], [apart + 9.0]], [1.0, 2.0])
    found, truth = p.js_divergence(q, n_samples=10_000, random_state=0), integrated_js(p, q)
    assert abs(found.value - truth) < 5 * found.standard_error
    assert found.standard_error < 0.05 * (np.log(2) - truth)


@each
def test_mixtures_of_other_features_are_refused(between):
    p, q = (mixture(np.random.default_rng(0), n_features=n) for n in (2, 3))
    with pytest.raises(ValueError, match="other must have 2 features"):
        between(p, q)
    with pytest.raises(ValueError, match="n_samples must be at least 2, got 0"):
        between(p, p, n_samples=0)
